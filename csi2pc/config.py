"""One run, as configuration: documented dataclasses = YAML = command line.

Each part of the project documents its own dataclass beside the thing it configures; this file adds what belongs to the
run itself, puts them together in :class:`RunConfig`, and checks what must go together. An unknown key, a wrong type or
an impossible combination stops the run before anything is written, and where it can be seen without the data, before
anything is read.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from jsonargparse import ActionConfigFile, ArgumentError, ArgumentParser

from .csi.features import CHANNELS
from .csi.mmfi import FRAME_SHAPE as MMFI_FRAME
from .csi.prepare import PrepareConfig
from .data.atomic import replacing
from .data.dataset import DataConfig
from .data.plain_values import refuse_code
from .data.typed_yaml import read_yaml
from .errors import ConfigError, DataError
from .evaluation.settings import EvaluationConfig
from .losses.criterion import TermConfig
from .models.csi2pc import CSI2PCConfig

Config = TypeVar("Config")


@dataclass(frozen=True)
class OptimiserConfig:
    """How weights are changed.

    Attributes:
        name: "adamw" (Loshchilov & Hutter 2019) or "nadam" (Dozat 2016), both with decoupled weight decay.
        learning_rate: peak learning rate, reached after warm-up.
        weight_decay: decoupled weight decay; not applied to biases, norms and embeddings.
        warmup_steps: steps over which the learning rate rises linearly from zero; post-norm Transformers diverge
            without (Xiong et al. 2020).
        schedule: after warm-up, "cosine" falls to a hundredth of the peak at the last step, "constant" stays.
        clip_norm: largest norm of the whole gradient; longer ones are scaled down.
    """

    name: Literal["adamw", "nadam"] = "adamw"
    learning_rate: float = 3e-4
    weight_decay: float = 0.01
    warmup_steps: int = 200
    schedule: Literal["cosine", "constant"] = "cosine"
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"optimiser.{name} must be positive; got {getattr(self, name)}")
        if math.isinf(self.learning_rate):
            raise ConfigError(f"optimiser.learning_rate must be finite; got {self.learning_rate}")
        for name in ("weight_decay", "warmup_steps"):
            if getattr(self, name) < 0:
                raise ConfigError(f"optimiser.{name} must not be negative; got {getattr(self, name)}")


@dataclass(frozen=True)
class TrainingConfig:
    """How long, on what, and what is kept.

    Attributes:
        epochs: passes over the training part.
        batch_size: frames in one step over **all** devices together, so that a result does not depend on their number.
        seed: of weights, order of frames and dropout.
        select_by: validation metric (lower is better) that chooses the best checkpoint: "total" (the weighted loss)
            or "chamfer_l1" in metres, which is comparable between losses.
        save_every: steps between two saves of the last checkpoint within an epoch; it is always saved at its end.
        workers: processes that load frames; 0 loads them in the training process.
        accelerator: "auto", "cpu", "cuda", ... as Fabric names them.
        devices: devices (and processes) a machine; several train with DistributedDataParallel.
        num_nodes: machines.
        precision: of the network, as Fabric names it; losses compute in 32 bits or more always.
    """

    epochs: int = 50
    batch_size: int = 32
    seed: int = 0
    select_by: Literal["total", "chamfer_l1"] = "chamfer_l1"
    save_every: int = 500
    workers: int = 0
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    precision: Literal["32-true", "bf16-mixed", "16-mixed", "64-true"] = "32-true"

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "save_every", "devices", "num_nodes"):
            if getattr(self, name) < 1:
                raise ConfigError(f"training.{name} must be at least 1; got {getattr(self, name)}")
        if self.workers < 0:
            raise ConfigError(f"training.workers must not be negative; got {self.workers}")
        if self.seed < 0:
            raise ConfigError(f"training.seed must not be negative; got {self.seed}")


@dataclass(frozen=True)
class RunConfig:
    """Everything that decides a run.

    Attributes:
        out: run folder to write; must not hold another run.
        data: which frames, how they are split, what the target is.
        prepare: how CSI becomes the model's input.
        model: sizes of the network.
        loss: terms of the criterion, each with a name, a weight and options.
        optimiser: how weights are changed.
        training: how long, on what, and what is kept.
        evaluation: metrics and blind baselines.
    """

    out: str = ""
    data: DataConfig = field(default_factory=DataConfig)
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    model: CSI2PCConfig = field(default_factory=CSI2PCConfig)
    loss: list[TermConfig] = field(default_factory=lambda: [TermConfig("apml")])
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        _must_match("model.window", self.model.window, "prepare.window", self.prepare.window)
        channels = CHANNELS[self.prepare.channels]
        _must_match("model.channels", self.model.channels, f"channels of {self.prepare.channels!r}", channels)
        if self.prepare.subcarriers is not None:
            kept = len(self.prepare.subcarriers)
            _must_match("model.subcarriers", self.model.subcarriers, "length of prepare.subcarriers", kept)
        if self.data.kind == "mmfi":
            links, tones, _ = MMFI_FRAME
            left = "" if self.prepare.receivers(links) == links else f" but the reference of {self.prepare.phase}"
            _must_match(
                "model.links", self.model.links, f"receive antennas of MM-Fi{left}", self.prepare.receivers(links)
            )
            if self.prepare.subcarriers is None:
                _must_match("model.subcarriers", self.model.subcarriers, "subcarriers of MM-Fi", tones)
        if not self.loss:
            raise ConfigError("loss must have at least one term; got none. For example loss: [{name: apml}]")


def _must_match(name: str, value: int, other: str, expected: int) -> None:
    if value != expected:
        raise ConfigError(f"{name} must equal the {other}; got {value} and {expected}. Set {name}: {expected}")


def parser_for(config_type: type, *, description: str, prog: str | None = None) -> ArgumentParser:
    """A parser whose options are the fields of a documented dataclass, with ``--config FILE.yaml``."""
    parser = ArgumentParser(prog=prog, description=description, exit_on_error=False)
    parser.add_argument(
        "--config", action=_file_of(config_type), help="YAML file of settings; later options override it"
    )
    parser.add_class_arguments(config_type, as_group=False)
    return parser


def _file_of(config_type: type) -> type[ActionConfigFile]:
    """Reads ``--config FILE.yaml`` once it is seen to hold settings and nothing else."""

    class PlainFile(ActionConfigFile):
        def __call__(self, parser: Any, namespace: Any, path: str, option: str | None = None) -> None:
            try:
                refuse_code(read_yaml(path), config_type)
            except (ConfigError, DataError) as error:
                raise ConfigError(f"{path}: {error}") from error
            super().__call__(parser, namespace, path, option)

    return PlainFile


def parse(parser: ArgumentParser, config_type: type[Config], arguments: Sequence[str]) -> tuple[Config, Any]:
    """Parse a command line into a configuration.

    Returns:
        the configuration, and a namespace with the arguments that are not part of it.

    Raises:
        ConfigError: an unknown key, a wrong type, an unreadable file or an impossible combination.
    """
    try:
        values = parser.instantiate(parser.parse_args(list(arguments)))
    except ArgumentError as error:
        raise _explained(error, config_type) from error
    names = {item.name for item in fields(config_type)}  # type: ignore[arg-type]
    given = vars(values)
    return config_type(**{name: given[name] for name in names}), values


def load_config(path: str | Path, config_type: type[Config] = RunConfig) -> Config:
    """Read a configuration from a YAML file.

    Raises:
        ConfigError: as :func:`parse`.
    """
    return parse(parser_for(config_type, description=""), config_type, ["--config", str(path)])[0]


def from_dict(values: dict[str, Any], config_type: type[Config] = RunConfig) -> Config:
    """Rebuild a configuration from the nested dictionary that :func:`to_dict` made.

    Raises:
        ConfigError: as :func:`parse`.
    """
    refuse_code(values, config_type)
    parser = parser_for(config_type, description="")
    try:
        built = vars(parser.instantiate(parser.parse_object(values)))
    except ArgumentError as error:
        raise _explained(error, config_type) from error
    return config_type(**{item.name: built[item.name] for item in fields(config_type)})  # type: ignore[arg-type]


def to_dict(config: Any) -> dict[str, Any]:
    """The configuration as nested dictionaries, lists, strings and numbers."""
    return asdict(config)


def save_config(config: Any, path: str | Path) -> None:
    """Write the resolved configuration as YAML; :func:`load_config` reads it back equal."""
    text = yaml.safe_dump(to_dict(config), sort_keys=False, default_flow_style=None, width=120)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def differences(old: Any, new: Any, *, prefix: str = "") -> list[str]:
    """Lines ``key: old -> new`` for every setting in which two configurations of one type differ."""
    lines: list[str] = []
    for item in fields(old):
        before, after, name = getattr(old, item.name), getattr(new, item.name), prefix + item.name
        if is_dataclass(before) and type(before) is type(after):
            lines += differences(before, after, prefix=name + ".")
        elif before != after:
            lines.append(f"{name}: {before!r} -> {after!r}")
    return lines


def _explained(error: ArgumentError, config_type: type) -> ConfigError:
    """Add the nearest known setting to what jsonargparse says."""
    known = _names(config_type())
    message = " ".join(str(error).split())
    hints = []
    for word in re.findall(r"(?:[Oo]ption '|--)([\w.]+)", message):
        if word not in known:
            by_leaf = {name.rsplit(".", 1)[-1]: name for name in known}
            close = difflib.get_close_matches(word, known, 1) or difflib.get_close_matches(
                word.rsplit(".", 1)[-1], by_leaf, 1
            )
            hints += [f"did you mean {by_leaf.get(name, name)!r}?" for name in close]
    return ConfigError(" ".join([message, *hints, "(--help lists every setting)"]))


def _names(config: Any, prefix: str = "") -> list[str]:
    names = []
    for item in fields(config):
        names.append(prefix + item.name)
        if is_dataclass(getattr(config, item.name)):
            names += _names(getattr(config, item.name), prefix + item.name + ".")
    return names
