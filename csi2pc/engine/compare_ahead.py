"""What can be known of a comparison before anything is trained: whether its data will do, and what it will take."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.dataset import open_data
from ..errors import ConfigError, DataError
from ..progress import console
from .blind import blind_baselines, targets_digest
from .compare_config import CompareConfig, PlannedRun
from .comparison_folder import ComparisonFolder, digests_of, is_done, is_trained
from .cost import Cost, in_bytes, in_time, predict_cost
from .leaks import refuse_leaks
from .probe import DoesNotFitError

Costs = dict[tuple[str, str], Cost]


def look_ahead(out: ComparisonFolder, runs: Sequence[PlannedRun], *, by: str) -> Costs:
    """Open the data that the runs will see; say what each variant will take; score the blind baselines once.

    Args:
        out: the comparison's folder.
        runs: all that are planned.
        by: what the intervals will be over.

    Returns:
        (data set, variant) -> cost of one of its runs, for those with runs that are not done. One that does not fit
        into the memory of the GPU has none: that is printed, and its runs are left to fail by themselves.

    Raises:
        DataError: variants of one data set would be tested on different targets, or on others than runs that are done;
            or test frames are copies of training frames.
        ConfigError: intervals over subjects, and a test frame without one.
    """
    costs: Costs = {}
    done = {str(p): (p.dataset, digests_of(out.run(p))[0]) for p in runs if is_done(out.run(p))}
    for same in _by_data(runs):
        config = same[0].config
        console.print(f"{same[0].dataset}:", markup=False)
        splits = open_data(config.data, config.prepare)
        console.print(splits.describe(), markup=False)
        refuse_leaks(splits, [])
        if by == "subject" and not all(frame.subject for frame in splits.test.frames):
            raise ConfigError("by: subject needs a subject on every test frame; some have none. Use by: sequence")
        scored = config.evaluation.chosen(splits.test.frames)
        frames, targets = [splits.test.frames[i] for i in scored], [splits.test.points(i) for i in scored]
        digest = targets_digest(frames, targets)
        done |= {str(planned): (planned.dataset, digest) for planned in same if str(planned) not in done}
        refuse_different("test targets", done)
        left = [planned for planned in same if not is_done(out.run(planned))]
        for planned in {planned.variant: planned for planned in left}.values():
            try:
                cost = predict_cost(planned.config, splits)
            except DoesNotFitError as error:
                console.print(f"{planned.variant}, each run: not predicted: {error}", markup=False)
                continue
            costs[planned.dataset, planned.variant] = cost
            console.print(f"{planned.variant}, each run: {cost.summary()}", markup=False)
        asked = {(p.config.model.points, repr(p.config.evaluation)): p.config for p in left}
        for each in asked.values():
            blind_baselines(
                splits.train, frames, targets, count=each.model.points, config=each.evaluation, folder=out.blind
            )
    return costs


def refuse_different(what: str, digests: dict[str, tuple[str, str]]) -> None:
    """Check that all runs of a group saw the same.

    Args:
        what: what they saw, for the message.
        digests: name of the run -> its group, and the digest of what it saw.

    Raises:
        DataError: naming two runs that did not.
    """
    first: dict[str, tuple[str, str]] = {}
    for name, (group, digest) in digests.items():
        known = first.setdefault(group, (name, digest))
        if known[1] != digest:
            raise DataError(
                f"runs are compared on the same test frames; {name} and {known[0]} have different {what}. "
                "Give what changes the data to data sets of the comparison instead of variants, or choose another out"
            )


def predicted_for_all(costs: Costs, out: ComparisonFolder, runs: Sequence[PlannedRun], config: CompareConfig) -> str:
    """What everything that is left will take together, but for variants without a cost, which are named; blind
    baselines are scored by then."""
    rates = config.search.learning_rates
    seconds = disk = 0.0
    for key, cost in costs.items():
        own = [planned for planned in runs if (planned.dataset, planned.variant) == key]
        left = sum(not is_done(out.run(planned)) for planned in own)
        untrained = sum(not is_trained(out.run(planned)) for planned in own)
        search = sum(not is_trained(out.search(own[0], rate)) for rate in rates)
        training = cost.seconds_training if config.budget == "epochs" else config.seconds
        share = config.search.epochs / own[0].config.training.epochs
        seconds += untrained * training + left * (cost.seconds_evaluation - cost.seconds_blind)
        seconds += search * share * cost.seconds_training
        disk += (left + search) * cost.disk_bytes
    undone = [(planned.dataset, planned.variant) for planned in runs if not is_done(out.run(planned))]
    unknown = sorted({"/".join(key) for key in undone if key not in costs})
    return (
        f"predicted for all: {in_time(seconds / config.workers)} with {config.workers} at once, {in_bytes(disk)} on "
        f"disk, and the memory of {config.workers} runs"
        + (f"; without {', '.join(unknown)}, not predicted" if unknown else "")
    )


def _by_data(runs: Sequence[PlannedRun]) -> list[list[PlannedRun]]:
    """Runs that read the same data in the same way, together."""
    groups: dict[str, list[PlannedRun]] = {}
    for planned in runs:
        key = repr((planned.dataset, planned.config.data, planned.config.prepare))
        groups.setdefault(key, []).append(planned)
    return list(groups.values())
