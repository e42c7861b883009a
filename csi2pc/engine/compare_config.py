"""One comparison, as configuration: the same base under named changes, several seeds, one data set or several."""

from __future__ import annotations

import math
import re
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ..config import RunConfig, from_dict, load_config, to_dict
from ..errors import ConfigError
from ..evaluation.compared_runs import check_intervals

#: Names become folders and columns of tables.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
#: What the plan itself decides, so that no variant may.
DECIDED = ("out", "training.seed")


@dataclass(frozen=True)
class SearchConfig:
    """The search for each variant's learning rate: short runs, chosen on validation, the same for all.

    Losses differ in scale, so that one rate for all would decide the comparison.

    Attributes:
        learning_rates: peak learning rates that are tried, increasing; none: every variant keeps its own.
        epochs: length of each of these runs, with a schedule of its own.
        seed: their seed.
    """

    learning_rates: list[float] = field(default_factory=list)
    epochs: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        rates = self.learning_rates
        if any(not 0 < rate < math.inf for rate in rates) or sorted(set(rates)) != rates:
            raise ConfigError(f"search.learning_rates must be finite, positive and increasing; got {rates}")
        if len({f"{rate:g}" for rate in rates}) < len(rates):  # the names of their runs
            raise ConfigError(f"search.learning_rates must differ in their first six digits; got {rates}")
        if self.epochs < 1 or self.seed < 0:
            raise ConfigError(
                f"search.epochs must be at least 1 and search.seed not negative; got {self.epochs} and {self.seed}"
            )


@dataclass(frozen=True)
class CompareConfig:
    """What is compared.

    Attributes:
        out: folder to write.
        base: file with the configuration of a run, relative to the comparison's own file: what all runs share.
        variants: name to changes of the base. Keys are settings as on the command line (``model.width: 128``) or nested
            as in a run's file; a list, such as ``loss``, is replaced as a whole.
        datasets: name to changes of the base that choose the data; by default one data set, the base's.
        seeds: seeds of the training; each variant is trained once with each of them on each data set.
        reference: the variant that the others are compared with; the first one by default.
        search: the search for each variant's learning rate.
        budget: "epochs": every run takes the base's ``training.epochs``. "seconds": every run takes as many epochs as
            fit into ``seconds``, at the speed that the search measured, or where no rates are searched, a pilot run of
            ``search.epochs``.
        seconds: of training, for the budget of that name.
        workers: runs at once. Each takes its share of the cores; with several CUDA devices, they take turns on them.
        by: what is resampled for the intervals, "sequence" or "subject".
        resamples: of the bootstrap over these, at least 1000.
        confidence: of the intervals.
    """

    out: str = ""
    base: str = ""
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    datasets: dict[str, dict[str, Any]] = field(default_factory=lambda: {"data": {}})
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    reference: str = ""
    search: SearchConfig = field(default_factory=SearchConfig)
    budget: Literal["epochs", "seconds"] = "epochs"
    seconds: float = 0.0
    workers: int = 1
    by: Literal["sequence", "subject"] = "sequence"
    resamples: int = 10_000
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for what, names in (("variants", self.variants), ("datasets", self.datasets)):
            wrong = [name for name in names if not isinstance(name, str) or not NAME.fullmatch(name)]
            if wrong:
                hint = "" if isinstance(wrong[0], str) else ", which YAML reads as no text: put it in quotes"
                raise ConfigError(f"names of {what} must be letters, digits and _ . -; got {wrong[0]!r}{hint}")
        if self.seeds != list(dict.fromkeys(self.seeds)) or any(seed < 0 for seed in self.seeds):
            raise ConfigError(f"seeds must be different and not negative; got {self.seeds}")
        if self.reference and self.variants and self.reference not in self.variants:
            raise ConfigError(f"reference must be one of {', '.join(self.variants)}; got {self.reference!r}")
        if self.budget == "seconds" and not 0 < self.seconds < math.inf:
            raise ConfigError(f"budget: seconds needs seconds above 0 and finite; got {self.seconds}")
        if self.budget == "epochs" and self.seconds:
            raise ConfigError(f"seconds goes with budget: seconds; got {self.seconds} with budget: epochs")
        if self.workers < 1:
            raise ConfigError(f"workers must be at least 1; got {self.workers}")
        check_intervals(self.by, self.resamples, self.confidence)


def checked_comparison(config: CompareConfig) -> CompareConfig:
    """The configuration with its defaults filled in, once it names all that is needed.

    Raises:
        ConfigError: there is no variant, data set, seed, base or folder.
    """
    for name in ("out", "base", "variants", "datasets", "seeds"):
        if not getattr(config, name):
            raise ConfigError(f"a comparison needs {name}; got none. See configs/compare_losses.yaml for an example")
    return replace(config, reference=config.reference or next(iter(config.variants)))


@dataclass(frozen=True)
class PlannedRun:
    """One run of a comparison.

    Attributes:
        dataset, variant, seed: which it is.
        config: its configuration, without a folder.
    """

    dataset: str
    variant: str
    seed: int
    config: RunConfig

    def __str__(self) -> str:
        return f"{self.dataset}/{self.variant}/seed{self.seed}"


def planned_runs(config: CompareConfig, folder: str | Path) -> list[PlannedRun]:
    """Every run, seed by seed: stopped half way, all variants have come equally far.

    Args:
        config: the comparison.
        folder: what ``config.base`` is relative to.

    Raises:
        ConfigError: the base cannot be read, or a change names no setting, or gives it a value that it cannot have.
    """
    base = to_dict(load_config(Path(folder) / config.base))
    made: dict[tuple[str, str], RunConfig] = {}
    for dataset, of_data in config.datasets.items():
        for variant, changes in config.variants.items():
            try:
                both = [nested(of_data), nested(changes)]
                for change in both:
                    _refuse_lost_sections(base, change)
                # a copy: the parser changes lists in place
                made[dataset, variant] = from_dict(deepcopy(merged(merged(base, both[0]), both[1])))
            except ConfigError as error:
                raise ConfigError(f"{dataset}/{variant}: {error}") from error
            _refuse_decided(both, config, f"{dataset}/{variant}")
    return [
        PlannedRun(dataset, variant, seed, replace(made[dataset, variant], out="", training=training(run, seed)))
        for seed in config.seeds
        for (dataset, variant), run in made.items()
    ]


def training(config: RunConfig, seed: int, **changes: Any):
    """The training settings of a configuration with another seed, and other changes."""
    return replace(config.training, seed=seed, **changes)


def nested(changes: dict[str, Any]) -> dict[str, Any]:
    """``{"model.width": 128}`` as ``{"model": {"width": 128}}``, at any depth.

    Raises:
        ConfigError: a key that cannot be the name of a setting, or a setting that is given twice.
    """
    result: dict[str, Any] = {}
    for key, value in changes.items():
        if not isinstance(key, str) or not all(key.split(".")):
            raise ConfigError(f"the key of a change must name a setting, such as model.width; got {key!r}")
        first, _, rest = key.partition(".")
        value = nested({rest: value}) if rest else nested(value) if isinstance(value, dict) else value
        result = _joined(result, {first: value})
    return result


def _joined(one: dict[str, Any], other: dict[str, Any], where: str = "") -> dict[str, Any]:
    """All of both. They may share sections and no setting, of which one value would be lost."""
    result = dict(one)
    for key, value in other.items():
        if key in result:
            if not (isinstance(value, dict) and isinstance(result[key], dict)):
                raise ConfigError(f"{where}{key} must be given once; got {result[key]!r} and {value!r}: leave one")
            value = _joined(result[key], value, f"{where}{key}.")
        result[key] = value
    return result


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with changes; dictionaries are merged, everything else is replaced."""
    result = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def _refuse_lost_sections(base: dict[str, Any], changes: dict[str, Any], where: str = "") -> None:
    """A section is changed setting by setting; a value in its place would take all of them away."""
    for key, value in changes.items():
        section = base.get(key)
        if isinstance(section, dict):
            if not isinstance(value, dict):
                raise ConfigError(
                    f"{where}{key} must be a mapping of {', '.join(section)}; got {value!r}. Give those to be changed"
                )
            _refuse_lost_sections(section, value, f"{where}{key}.")


def _refuse_decided(changes: list[dict[str, Any]], config: CompareConfig, where: str) -> None:
    decided = [*DECIDED]
    if config.search.learning_rates:
        decided.append("optimiser.learning_rate")
    if config.budget == "seconds":
        decided.append("training.epochs")
    for name in decided:
        first, _, rest = name.partition(".")
        for change in changes:
            if first in change and (not rest or (isinstance(change[first], dict) and rest in change[first])):
                raise ConfigError(f"{where} may not set {name}: the comparison's own settings decide it")
