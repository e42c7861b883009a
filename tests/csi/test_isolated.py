"""Whatever happens in the other process, an array or a DataError comes back."""

import shutil

import numpy as np
import pytest

from csi2pc.csi import isolated
from csi2pc.csi.isolated import run_isolated
from csi2pc.errors import ConfigError, DataError

WORKERS = '''
import os, signal, time
import numpy as np
from ..errors import ConfigError, DataError

def echo(*arguments):
    print("a library that talks")
    os.write(1, b"and one in C")
    return list(arguments), {"c": np.arange(6, dtype="c8").reshape(2, 3).T, "empty": np.empty((0, 3)),
                             "bool": np.array(True), "u1": np.arange(5, dtype="u1")}

def crash():
    os.kill(os.getpid(), signal.SIGSEGV)

def hang():
    time.sleep(60)

def fail():
    return {}["missing"]

def refuse(kind):
    raise {"data": DataError, "config": ConfigError}[kind]("this file has no such thing")

def half():
    os.write(3, b"{")
    os._exit(0)

def large(size):
    return None, {"a": np.zeros(size, dtype="u1")}

def greedy():
    return None, {"a": np.ones(20_000_000_000, dtype="u1")[:1]}
'''


@pytest.fixture
def workers(project_root, tmp_path, monkeypatch):
    """A copy of the package with a module of functions that misbehave."""
    for name in ("__init__.py", "errors.py", "types.py", "csi"):
        source, copy = project_root / "csi2pc" / name, tmp_path / "csi2pc" / name
        copy.parent.mkdir(exist_ok=True)
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    (tmp_path / "csi2pc" / "csi" / "workers.py").write_text(WORKERS)
    monkeypatch.setattr(isolated, "_ROOT", tmp_path)

    def run(name, *arguments, **options):
        return run_isolated(
            f"csi2pc.csi.workers:{name}", *arguments, source="walk.bin", **{"largest": 10**6, **options}
        )

    return run


def test_values_and_arrays_come_back(workers, tmp_path):
    value, arrays = workers("echo", 1, "ü", None, tmp_path)
    assert value == [1, "ü", None, str(tmp_path)]
    assert arrays["c"].dtype == np.complex64 and np.array_equal(arrays["c"], np.arange(6).reshape(2, 3).T)
    assert arrays["empty"].shape == (0, 3) and arrays["bool"].shape == () and arrays["bool"]
    assert np.array_equal(arrays["u1"], np.arange(5))


@pytest.mark.parametrize(
    ("name", "message"),
    [("crash", "ended by signal 11"), ("fail", "KeyError: 'missing'"), ("missing", "no attribute 'missing'")],
)
def test_a_crash_is_an_error_that_says_so(workers, name, message):
    with pytest.raises(DataError, match=rf"^walk\.bin: the process .* ended without a result \(.*{message}"):
        workers(name)


def test_a_standstill_is_ended(workers):
    with pytest.raises(DataError, match=r"walk\.bin: .*it took more than 1 s"):
        workers("hang", seconds=1)


def test_errors_keep_their_kind(workers):
    with pytest.raises(DataError, match="^this file has no such thing$"):
        workers("refuse", "data")
    with pytest.raises(ConfigError, match="^this file has no such thing$"):
        workers("refuse", "config")


def test_memory_has_a_limit(workers):
    with pytest.raises(DataError, match="1000001 bytes of arrays, at most 1000000 are allowed"):
        workers("large", 10**6 + 1)
    with pytest.raises(DataError, match="MemoryError|Unable to allocate|ended"):
        workers("greedy")


def test_only_functions_of_this_package_are_run(workers):
    with pytest.raises(ConfigError, match="only functions of csi2pc"):
        run_isolated("os:getcwd", source="x", largest=0)
