"""Running a reader in a process of its own, where a damaged file can end nothing but that process.

Libraries written in C that trust their input (HDF5, csiread) can crash the interpreter on a damaged file. So a
function of this package is called by name in a fresh interpreter, which sends back its result over a pipe: one line
of JSON, then each array as its raw bytes. A crash, a standstill or too much memory there is a :class:`DataError` here.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ..errors import ConfigError, CSI2PCError, DataError

#: Seconds until a process that has not sent everything is ended.
TIME_LIMIT = 300.0
#: Bytes that an interpreter with its libraries takes by itself; a caller's limit comes on top.
OVERHEAD = 4_000_000_000

_PACKAGE = __name__.split(".")[0]
_ROOT = Path(__file__).resolve().parents[2]
_LONGEST_LINE = 64_000_000


def run_isolated(
    function: str,
    *arguments: Any,
    source: str | Path,
    largest: int,
    seconds: float = TIME_LIMIT,
) -> tuple[Any, dict[str, np.ndarray]]:
    """Call ``function(*arguments)`` in a fresh interpreter.

    Args:
        function: ``"csi2pc.csi.module:name"``. It returns a value that JSON can hold, and arrays by name (numbers and
            bools; no objects).
        arguments: what JSON can hold; a path becomes text.
        source: the file that is read, for messages.
        largest: bytes that all arrays together may have. The process may not take much more memory than that.
        seconds: how long it may take.

    Returns:
        What the function returned.

    Raises:
        DataError: the process crashed, took longer than ``seconds``, returned more than ``largest`` bytes or failed
            with an error of its own.
        ConfigError: the function raised it.
    """
    request = json.dumps([function, list(arguments), largest], default=str)
    start = f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from {__name__} import serve; serve()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
            env=environment,
        )  # fmt: skip
        late = threading.Event()
        watchdog = threading.Timer(seconds, lambda: (late.set(), process.kill()))
        watchdog.start()
        try:
            process.stdin.write(request.encode())
            process.stdin.close()
            return _received(process.stdout, str(source), largest)
        except (EOFError, BrokenPipeError):
            process.wait()
            complaints.seek(0)
            reason = f"it took more than {seconds:g} s" if late.is_set() else _reason(process.returncode, complaints)
            raise DataError(
                f"{source}: the process that read it ended without a result ({reason}): the file is damaged, or not "
                f"what its first bytes say. Record or copy it again"
            ) from None
        finally:
            watchdog.cancel()
            process.kill()
            process.stdout.close()
            process.wait()


def _reason(code: int, complaints: BinaryIO) -> str:
    if code < 0:
        return f"ended by signal {-code}"
    lines = complaints.read()[-4000:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else f"exit code {code}"


def _received(pipe: BinaryIO, source: str, largest: int) -> tuple[Any, dict[str, np.ndarray]]:
    line = pipe.readline(_LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise EOFError
    answer = json.loads(line)
    if "error" in answer:
        raise {"ConfigError": ConfigError}.get(answer["error"], DataError)(answer["message"])
    arrays: dict[str, np.ndarray] = {}
    for name, kind, shape in answer["arrays"]:
        array = np.empty(shape, dtype=kind)
        largest -= array.nbytes
        if largest < 0:
            raise DataError(f"{source}: more data than allowed came back from the process that read it")
        _fill(pipe, array)
        arrays[name] = array
    return answer["value"], arrays


def _fill(pipe: BinaryIO, array: np.ndarray) -> None:
    left = memoryview(array.reshape(-1).view(np.uint8)) if array.size else memoryview(b"")
    while len(left):
        count = pipe.readinto(left)
        if not count:
            raise EOFError
        left = left[count:]


def serve() -> None:
    """What the fresh interpreter does: read one request from its input, answer on its output, end."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the answer
    function, arguments, largest = json.loads(sys.stdin.buffer.read())
    _limit_memory(OVERHEAD + 2 * largest)
    try:
        value, arrays = _named(function)(*arguments)
        total = sum(array.nbytes for array in arrays.values())
        if total > largest:
            raise DataError(f"{total} bytes of arrays, at most {largest} are allowed for a file of this size")
    except CSI2PCError as error:
        answers.write(json.dumps({"error": type(error).__name__, "message": str(error)}).encode() + b"\n")
        answers.close()
        return
    header = {"value": value, "arrays": [(name, array.dtype.str, array.shape) for name, array in arrays.items()]}
    answers.write(json.dumps(header).encode() + b"\n")
    for array in arrays.values():
        answers.write(memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8)))
    answers.close()


def _named(function: str) -> Any:
    module, _, name = function.partition(":")
    if module.split(".")[0] != _PACKAGE:
        raise ConfigError(f"only functions of {_PACKAGE} can be run in a process of their own; got {function!r}")
    return getattr(importlib.import_module(module), name)


def _limit_memory(largest: int) -> None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = largest if hard == resource.RLIM_INFINITY else min(largest, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
