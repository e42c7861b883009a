"""One cloud a frame for several methods, in a file that holds every cloud once: a constant cloud is not repeated."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from ..data.atomic import replacing
from ..errors import DataError
from .baselines import Clouds


def write_clouds(path: str | Path, clouds: Clouds) -> None:
    """Save as NPZ, atomically: points of all different clouds, where each begins, and for each method which are its.

    Raises:
        DataError: the file cannot be written; what stood there before is untouched.
    """
    number: dict[int, int] = {}
    different: list[np.ndarray] = []
    for cloud in (cloud for of in clouds.values() for cloud in of if cloud is not None):
        if id(cloud) not in number:
            number[id(cloud)] = len(different)
            different.append(cloud)
    arrays = {
        "points": np.concatenate([np.zeros((0, 3), np.float32), *different]).astype(np.float32),  # (P, 3)
        "offsets": np.cumsum([0, *map(len, different)]),
        "methods": np.array(list(clouds), dtype=np.str_),
    }
    for method, of in clouds.items():
        which = [-1 if cloud is None else number[id(cloud)] for cloud in of]
        arrays[f"clouds/{method}"] = np.array(which, dtype=np.int64)  # (F,)
    with replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def read_clouds(path: str | Path) -> Clouds:
    """Read what :func:`write_clouds` wrote; clouds are float32.

    Raises:
        DataError: the file is missing or is none of these.
    """
    try:
        with np.load(path, allow_pickle=False) as saved:
            points, offsets = saved["points"], saved["offsets"]
            different = [points[a:b] for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
            return {
                str(method): [None if k < 0 else different[k] for k in saved[f"clouds/{method}"].tolist()]
                for method in saved["methods"]
            }
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"clouds must be readable as saved by this version; {path}: {error}; evaluate again") from error
