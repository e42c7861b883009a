"""From captured CSI to point clouds on disk, prepared exactly as in training."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..checkpoint import Checkpoint, load_checkpoint
from ..csi.layouts import describe_indices
from ..csi.prepare import keep_subcarriers, prepare
from ..csi.read import read_capture
from ..csi.windows import clock, windows_at
from ..data.clouds import write_npz, write_ply
from ..errors import DataError
from ..evaluation.strict_json import write_json
from ..progress import track
from ..types import Capture, Report, Skipped
from .naming import names_of
from .predict import checked_device, predict_clouds
from .run_folder import checkpoint_of, report_rows

#: Files that inference writes, one pair a window.
CLOUD_NAME = re.compile(r"cloud_\d{5,}\.(ply|npz)")


@dataclass(frozen=True)
class Inferred:
    """What came out of one capture.

    Attributes:
        capture: the capture's path, as given.
        folder: where its clouds were written.
        clouds: how many.
        report: windows cut and rejected.
    """

    capture: str
    folder: Path
    clouds: int
    report: Report


def infer(
    checkpoint: str | Path,
    captures: Sequence[str | Path],
    out: str | Path,
    *,
    rate: float | None = None,
    reader: dict[str, str] | None = None,
    device: str = "cpu",
) -> list[Inferred]:
    """Write one cloud a window for each capture.

    ``out/<name of the capture>/`` receives ``cloud_00001.ply`` and ``cloud_00001.npz`` (``points`` in metres,
    ``timestamp`` in seconds on the capture's clock) and so on, and ``report.json`` with all timestamps and what was
    read, skipped and rejected.

    Args:
        checkpoint: a run folder, whose best checkpoint is used, or a checkpoint file.
        captures: files or folders that :func:`csi2pc.csi.read.read_capture` reads.
        out: folder to write.
        rate: clouds a second; by default windows follow one another without overlap.
        reader: options of the captures' reader, for example ``{"training_field": "lltf"}`` for ESP32 logs.
        device: where the model computes.

    Raises:
        CheckpointError: no usable checkpoint.
        DataError: a capture cannot be read, does not fit the model, or gives no window. Of several captures those are
            left out that cannot be used: their entry has no clouds, and its report says why.
    """
    trained = load_checkpoint(checkpoint_of(checkpoint))
    trained.model.to(checked_device(device))
    named = names_of(captures)
    results = []
    for name, path in track(named.items(), description="inference", total=len(named)):
        folder = Path(out) / name
        try:
            capture = fitted(read_capture(path, **(reader or {})), trained)
            results.append(_infer_one(trained, capture, path, folder, rate=rate, device=device))
        except DataError as error:
            if len(named) == 1:
                raise
            why = Report(skipped=[Skipped(str(error), "capture without clouds")])
            results.append(Inferred(str(path), folder, 0, why))
    return results


def fitted(capture: Capture, trained: Checkpoint) -> Capture:
    """The capture with the antennas and subcarriers that the model was trained on.

    Where the model's preparation interpolates, a capture of other subcarriers is used as it is; whether those wanted
    lie among them, preparing will see.

    Raises:
        DataError: it has other antennas or lacks subcarriers; the message says what the model needs and what there is.
    """
    layout = trained.layout
    antennas = (layout["rx"], layout["tx"])
    needed = layout["captured"] or layout["subcarriers"]
    missing = np.setdiff1d(needed, capture.subcarriers)
    if (capture.rx, capture.tx) == antennas and not len(missing):
        return keep_subcarriers(capture, needed) if layout["captured"] else capture
    if (capture.rx, capture.tx) == antennas and trained.prepare.interpolate:
        return capture
    raise DataError(
        f"{capture.source} does not fit the model. It has {capture.rx} x {capture.tx} antennas and subcarriers "
        f"{describe_indices(capture.subcarriers)} ({capture.device}); the model needs {antennas[0]} x {antennas[1]} "
        f"antennas and subcarriers {describe_indices(np.asarray(needed))} (trained on {layout['device']} captures)."
        + (f" Missing subcarriers: {describe_indices(missing)}." if len(missing) else "")
        + " Use a capture of that layout, another option of its reader, or a model trained on this layout"
    )


def _infer_one(
    trained: Checkpoint, capture: Capture, path: Path, folder: Path, *, rate: float | None, device: str
) -> Inferred:
    rate = 1 / trained.prepare.duration if rate is None else rate
    times = clock(capture, rate=rate)
    windows = windows_at(prepare(capture, trained.prepare), times, trained.prepare)
    report = Report(notes=list(capture.report.notes), skipped=list(capture.report.skipped))
    report.merge(windows.report)
    if not len(windows):
        raise DataError(
            f"{path} gives no window of {trained.prepare.window} packets in {trained.prepare.duration} s that is "
            f"measured well enough: {report.summary()}. It holds {len(capture)} packets over {capture.duration:.2f} s"
        )
    clouds = predict_clouds(trained.model, windows.features, windows.valid, device=device)  # K, N, 3
    kept = times[windows.kept]
    clear_clouds(folder)
    for number, (cloud, time) in enumerate(zip(clouds, kept, strict=True), 1):
        write_cloud(folder, number, cloud, time)
    write_json(
        folder / "report.json",
        {
            "capture": str(path),
            "device": capture.device,
            "timing": capture.timing,
            "synthetic": capture.synthetic,
            "rate_hz": rate,
            "timestamps_s": kept.tolist(),
            **report_rows(report),
        },
    )
    return Inferred(str(path), folder, len(clouds), report)


def write_cloud(folder: Path, number: int, cloud: np.ndarray, time: float) -> Path:
    """Write ``cloud_<number>.ply`` and ``.npz``; returns the latter.

    Args:
        folder: exists.
        number: from 1.
        cloud: ``(N, 3)`` metres.
        time: of the window, seconds on the capture's clock.
    """
    path = folder / f"cloud_{number:05d}.npz"
    write_ply(path.with_suffix(".ply"), cloud, comments=[f"timestamp {time:.6f} s"])
    write_npz(path, cloud, timestamp=np.float64(time))
    return path


def clear_clouds(folder: Path) -> None:
    """Make the folder, and remove clouds of an earlier inference, which could pass for this one's."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if CLOUD_NAME.fullmatch(path.name):
            path.unlink()
