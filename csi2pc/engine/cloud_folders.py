"""Where clouds over time come from: what ``csi2pc infer`` wrote, the evaluation of a run, or a data set itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.arrays import load_array
from ..data.clouds import read_npz
from ..data.missing import missing
from ..data.mmfi import SCENES
from ..errors import ConfigError, DataError
from ..evaluation.cloud_sequence import PREDICTION, CloudSequence
from .data_clouds import data_clouds
from .draw import CLOUDS, ROWS
from .evaluated_clouds import evaluated_clouds
from .infer import CLOUD_NAME
from .report_files import read_json
from .run_folder import RunFolder

REPORT = "report.json"
#: Sequences that a message names at the most.
NAMED = 6


@dataclass(frozen=True)
class CloudFolder:
    """Sequences of clouds that can be shown.

    Attributes:
        path: where they lie.
        what: in a few words, for example ``"inference"``.
        names: of the sequences, at least one.
        notes: what a viewer should know of all of them.
        open: gives a sequence by its name. Raises DataError where it is damaged.
    """

    path: Path
    what: str
    names: tuple[str, ...]
    notes: tuple[str, ...]
    open: Callable[[str], CloudSequence]

    def chosen(self, name: str | None) -> str:
        """The sequence that is meant: the first where none is named.

        Raises:
            ConfigError: there is none of that name.
        """
        if name is None:
            return self.names[0]
        if name not in self.names:
            listed = ", ".join(self.names[:NAMED]) + (", ..." if len(self.names) > NAMED else "")
            raise ConfigError(f"sequence must be one of the {len(self.names)} in {self.path}: {listed}; got {name!r}")
        return name


def open_clouds(folder: str | Path, *, root: str | None = None) -> CloudFolder:
    """Find out what a folder holds, and what of it can be shown over time.

    Args:
        folder: a folder that ``csi2pc infer`` wrote, for one capture or several; a run folder with its evaluation, or
            an evaluation itself; a data set in MM-Fi's layout.
        root: where a run's data is now, if it moved since training; its targets stand beside the predictions.

    Raises:
        DataError: the folder is missing, holds none of these, or is damaged.
        ConfigError: ``root`` for something that is no run.
    """
    path = Path(folder)
    if not path.is_dir():
        raise DataError(f"clouds are shown from a folder; {missing(path) if not path.exists() else f'{path} is none'}")
    for evaluation in (path, RunFolder(path).evaluation):
        if (evaluation / CLOUDS).is_file() and (evaluation / ROWS).is_file():
            return CloudFolder(evaluation, "evaluation", *evaluated_clouds(evaluation, root=root))
    if root is not None:
        raise ConfigError(f"root says where the data of an evaluated run is; {path} is none: leave it out")
    inferred = {each.name: each for each in (path, *sorted(path.iterdir())) if each.is_dir() and _numbers(each)}
    if inferred:
        return CloudFolder(path, "inference", tuple(inferred), (), lambda name: _inferred(name, inferred[name]))
    if any((path / scene).is_dir() for scene in SCENES):
        return CloudFolder(path, "data", *data_clouds(path))
    if RunFolder(path).config.is_file():
        raise DataError(f"{path} is a run without an evaluation; write one first: csi2pc evaluate {path}")
    raise DataError(
        f"{path} holds no clouds to show: neither cloud_00001.npz (csi2pc infer), nor evaluation/{CLOUDS} "
        f"(csi2pc evaluate), nor E01, E02, ... (a data set in MM-Fi's layout)"
    )


def _numbers(folder: Path) -> list[int]:
    """Numbers of the clouds that inference wrote into ``folder``, sorted."""
    names = (path.name for path in folder.iterdir() if path.suffix == ".npz" and CLOUD_NAME.fullmatch(path.name))
    return sorted(int(Path(name).stem.removeprefix("cloud_")) for name in names)


def _inferred(name: str, folder: Path) -> CloudSequence:
    numbers = _numbers(folder)
    paths = [folder / f"cloud_{number:05d}.npz" for number in numbers]
    report = read_json(folder / REPORT, within=folder)
    notes = []
    if not (folder / REPORT).exists():
        notes.append(f"there is no {REPORT}: inference may still be running; what is there by now is shown")
    if report.get("timing") == "nominal":
        notes.append("the capture has nominal times, not recorded ones")
    times = _reported_times(report, numbers)
    times = np.array([_timestamp(path) for path in paths]) if times is None else times
    clouds = {PREDICTION: lambda frame: read_npz(paths[frame])}
    labels, synthetic = tuple(path.stem for path in paths), report.get("synthetic") is True
    return CloudSequence(name, labels, times, clouds, synthetic=synthetic, notes=tuple(notes))


def _reported_times(report: dict[str, Any], numbers: list[int]) -> np.ndarray | None:
    """The times that the report lists, one a cloud; None where it does not speak of exactly these clouds."""
    times = report.get("timestamps_s")
    if not isinstance(times, list) or numbers != list(range(1, len(times) + 1)):
        return None
    if not all(type(time) in (int, float) and abs(time) < np.finfo(np.float64).max for time in times):
        return None
    return np.array(times, dtype=np.float64)


def _timestamp(path: Path) -> float:
    value = load_array(path, name="timestamp")
    if value.shape != () or value.dtype.kind not in "fiu":
        raise DataError(f"{path} must hold one timestamp in seconds; got {value.dtype} {value.shape}; infer again")
    return float(value)
