"""Reading numpy's own files, NPY and NPZ, so that every way in which they can be damaged is one kind of error."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from ..errors import DataError


def load_array(path: str | Path, *, name: str | None = None) -> np.ndarray:
    """Load the array of an NPY file, or the array ``name`` of an NPZ file. Pickled objects are refused.

    Raises:
        DataError: missing, damaged, or without that array.
    """
    what = "an NPY file" if name is None else f"an NPZ file with an array named {name!r}"
    try:
        loaded = np.load(io.BytesIO(Path(path).read_bytes()), allow_pickle=False)
        return np.asarray(loaded if name is None else loaded[name])
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except Exception as error:  # numpy, zipfile, zlib and tokenize each have errors of their own for damage
        raise DataError(f"{path} is not {what}: {error}") from error
