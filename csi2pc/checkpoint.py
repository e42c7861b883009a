"""Checkpoints: one safetensors file that alone rebuilds the model and its preparation of CSI.

Tensors (weights, fitted normalisation, the optimiser's state) are safetensors entries; everything else is JSON in the
file's header. Nothing in a checkpoint can run code. A file is written under a temporary name and renamed, so that a
full disk or a kill leaves the previous one as it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from . import __version__
from .csi.prepare import PrepareConfig
from .data.atomic import replacing
from .errors import CheckpointError, ConfigError, DataError
from .models.csi2pc import CSI2PC, CSI2PCConfig

#: Raised whenever a file written by an older version could be misread.
FORMAT = 1

_MODEL = "model/"
_OPTIMISER = "optimiser/"


@dataclass
class Checkpoint:
    """What a checkpoint file holds.

    Attributes:
        model: the network with weights and normalisation, in evaluation mode.
        prepare: how CSI was prepared in training; ``subcarriers`` is always the explicit list.
        layout: ``rx``, ``tx`` and ``device`` of the captures it was trained on.
        run: the whole resolved configuration of the run, as nested dictionaries.
        progress: step, best metric and the like; what :mod:`csi2pc.engine.train` needs to go on.
        optimiser: the optimiser's tensors by name; empty where they were not saved.
    """

    model: CSI2PC
    prepare: PrepareConfig
    layout: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    optimiser: dict[str, Tensor] = field(default_factory=dict)


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint under a temporary name, then rename it.

    Raises:
        CheckpointError: it could not be written (a full disk, for example); a file that stood at ``path`` still does.
    """
    path = Path(path)
    header = {
        "format": FORMAT,
        "csi2pc": __version__,
        "torch": torch.__version__,
        "model": asdict(checkpoint.model.config),
        "prepare": asdict(checkpoint.prepare),
        "layout": checkpoint.layout,
        "run": checkpoint.run,
        "progress": checkpoint.progress,
    }
    tensors = _prefixed(_MODEL, checkpoint.model.state_dict()) | _prefixed(_OPTIMISER, checkpoint.optimiser)
    try:
        with replacing(path) as temporary:
            save_file(tensors, temporary, metadata={"csi2pc": json.dumps(header, allow_nan=False)})
            with open(temporary, "rb+") as written:
                os.fsync(written.fileno())
    except (DataError, SafetensorError) as error:
        kept = "the previous one is kept" if path.exists() else "nothing was written"
        raise CheckpointError(f"could not save checkpoint {path} ({kept}): {error}") from error


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint and rebuild its model on the CPU.

    Raises:
        CheckpointError: the file is missing, damaged, not a checkpoint of this project, or of another format version.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"no checkpoint at {path}; give a run folder or a .safetensors file that exists")
    try:
        with safe_open(path, framework="pt") as stored:
            header = _header(path, stored.metadata())
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint, it may be truncated: {error}") from error
    try:
        model = CSI2PC(CSI2PCConfig(**header["model"]))
        model.load_state_dict(_stripped(_MODEL, tensors))
        prepare = PrepareConfig(**header["prepare"])
        rest = {name: header[name] for name in ("layout", "run", "progress")}
    except (KeyError, TypeError, RuntimeError, ConfigError) as error:
        raise CheckpointError(f"{path} does not hold the model that its header describes: {error}") from error
    return Checkpoint(model=model.eval(), prepare=prepare, optimiser=_stripped(_OPTIMISER, tensors), **rest)


def checkpoint_step(path: str | Path) -> int | None:
    """Steps that were done when a checkpoint was saved, from its header alone; None where there is no such file.

    Raises:
        CheckpointError: the file is damaged or no checkpoint of this project.
    """
    path = Path(path)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            return _header(path, stored.metadata())["progress"].get("step")
    except (SafetensorError, OSError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{path} cannot be read as a checkpoint, it may be truncated: {error}") from error


def _header(path: Path, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    try:
        header = json.loads((metadata or {})["csi2pc"])
        found = header["format"]
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is a safetensors file but no checkpoint of csi2pc") from error
    if found != FORMAT:
        raise CheckpointError(
            f"{path} has checkpoint format {found} (csi2pc {header.get('csi2pc')}); this version, {__version__}, "
            f"reads format {FORMAT}. Use the csi2pc that wrote it, or train again"
        )
    return header


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def _stripped(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
