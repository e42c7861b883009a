"""Slices hold every row once, meet one baseline, and agree with a summary of their rows alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from csi2pc.errors import ConfigError, DataError
from csi2pc.evaluation.breakdown import BAND, SLICES, UNKNOWN, breakdown
from csi2pc.evaluation.rows import FrameRows
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.evaluation.statistics import summarise
from csi2pc.types import FrameId

CONFIG = EvaluationConfig(resamples=1000)


@pytest.fixture
def rows(rng):
    """Three actions of four subjects in two rooms, twice, five frames each; the model is poor at A03."""
    frames = [
        FrameId(f"{scene}-{subject}-{action}-{again}", index, scene=scene, subject=subject, action=action)
        for scene in ("E01", "E02") for subject in ("S1", "S2", "S3", "S4") for action in ("A01", "A02", "A03")
        for again in range(2) for index in range(5)
    ]  # fmt: skip
    noise = rng.uniform(0.9, 1.1, (3, len(frames)))
    poor = np.array([2.0 if frame.action == "A03" else 1.0 for frame in frames])
    values = {
        "model/emd": poor * noise[0],
        "mean_cloud/emd": 1.5 * noise[1],
        "constant_cloud/emd": np.array([1.2 if frame.scene == "E01" else 1.9 for frame in frames]) * noise[2],
    }
    return FrameRows(tuple(frames), np.full(len(frames), 9), values, rng.uniform(2.0, 11.0, len(frames)))


def without(rows, **labels):
    """The rows with some labels taken away from every third frame."""
    frames = tuple(dataclasses.replace(f, **labels) if i % 3 == 0 else f for i, f in enumerate(rows.frames))
    distance = np.where(np.arange(len(rows)) % 3 == 0, np.nan, rows.distance)
    return FrameRows(frames, rows.points, rows.values, distance)


@pytest.mark.parametrize("by", SLICES)
def test_every_row_is_in_one_slice_and_the_means_add_up(rows, by):
    slices = breakdown(rows, "emd", by=by, config=CONFIG)
    counts = np.array([part.frames for part in slices])
    assert counts.sum() == len(rows)
    for column in ("mean", "baseline_mean"):
        method = "model" if column == "mean" else slices[0].baseline
        whole = counts @ [getattr(part, column) for part in slices] / len(rows)
        assert whole == pytest.approx(rows.column(method, "emd").mean())


def test_a_slice_is_what_a_summary_of_its_rows_says(rows):
    best = summarise(rows, CONFIG).best_blind("emd").baseline
    for by in ("action", "scene"):
        for part in breakdown(rows, "emd", by=by, config=CONFIG):
            own = rows.take(np.array([getattr(frame, by) == part.label for frame in rows.frames]))
            summary = summarise(own, CONFIG)
            found = {c.baseline: c for c in summary.against("emd")}[best]
            assert part.baseline == best
            assert (part.skill, part.skill_low, part.skill_high) == (found.skill, found.skill_low, found.skill_high)
            assert (part.frames, part.groups) == (summary.frames, summary.groups)
            assert part.mean == summary.score("emd", "model").mean


def test_the_action_that_is_hard_stands_out(rows):
    slices = {part.label: part for part in breakdown(rows, "emd", by="action", config=CONFIG)}
    assert list(slices) == ["A01", "A02", "A03"]
    assert slices["A03"].skill_high < 0 < slices["A01"].skill_low


def test_all_slices_meet_the_baseline_that_is_best_on_the_whole(rows):
    """In E01 the constant cloud would be harder to beat; on the whole the mean cloud is."""
    assert {part.baseline for part in breakdown(rows, "emd", by="scene", config=CONFIG)} == {"mean_cloud"}
    chosen = breakdown(rows, "emd", by="scene", baseline="constant_cloud", config=CONFIG)
    assert {part.baseline for part in chosen} == {"constant_cloud"}
    assert chosen[0].skill < chosen[1].skill


def test_another_method_takes_the_place_of_the_model(rows):
    slices = breakdown(rows, "emd", by="scene", method="constant_cloud", config=CONFIG)
    assert {part.baseline for part in slices} == {"mean_cloud"}
    assert slices[0].mean == pytest.approx(1.2, rel=0.02)
    alone = FrameRows(rows.frames, rows.points, {"model/emd": rows.column("model", "emd")})
    for part in breakdown(alone, "emd", by="scene", config=CONFIG):
        assert part.baseline is part.baseline_mean is part.skill is part.skill_low is None


def test_distances_come_in_bands_from_near_to_far(rows):
    slices = breakdown(rows, "emd", by="distance", config=CONFIG)
    starts = [float(part.label.split("-")[0]) for part in slices]
    assert starts == sorted(starts) and starts[-1] >= 10
    for part, start in zip(slices, starts, strict=True):
        assert part.label == f"{start:.1f}-{start + BAND:.1f} m"
        assert part.frames == np.sum((rows.distance >= start) & (rows.distance < start + BAND))


@pytest.mark.parametrize("by", SLICES)
def test_frames_without_the_label_are_listed_last(rows, by):
    labels = {} if by == "distance" else {by: ""}
    slices = breakdown(without(rows, **labels), "emd", by=by, config=CONFIG)
    assert [part.label for part in slices].index(UNKNOWN) == len(slices) - 1
    assert slices[-1].frames == len(rows) / 3
    assert sum(part.frames for part in slices) == len(rows)


def test_subjects_are_judged_by_their_sequences(rows):
    by_subject = EvaluationConfig(resamples=1000, by="subject")
    for part in breakdown(rows, "emd", by="subject", config=by_subject):
        assert part.groups == 12 and part.skill_low is not None
    assert {part.groups for part in breakdown(rows, "emd", by="action", config=by_subject)} == {4}
    with pytest.raises(DataError, match="80 of 240 have none"):
        breakdown(without(rows, subject=""), "emd", by="action", config=by_subject)


def test_missing_values_are_counted(rows):
    values = rows.column("model", "emd").copy()
    values[[0, 1]] = np.nan
    values[[frame.action == "A02" for frame in rows.frames]] = np.nan
    gaps = FrameRows(rows.frames, rows.points, {**rows.values, "model/emd": values})
    first, none, last = breakdown(gaps, "emd", by="action", config=CONFIG)
    assert (first.missing, none.missing, last.missing) == (2, 80, 0)
    assert none.mean is none.skill is none.skill_low is None and none.baseline_mean is not None
    known = rows.take(np.array([f.action == "A01" and i > 1 for i, f in enumerate(rows.frames)]))
    assert first.mean == pytest.approx(known.column("model", "emd").mean())


def test_labels_are_text_and_nothing_else(rows):
    odd = tuple(dataclasses.replace(frame, action="1e-x m" if frame.action == "A01" else "") for frame in rows.frames)
    labels = [part.label for part in breakdown(FrameRows(odd, rows.points, rows.values), "emd", by="action")]
    assert labels == ["1e-x m", UNKNOWN]
    odd = tuple(dataclasses.replace(frame, action=UNKNOWN) for frame in odd[:120]) + odd[120:]
    slices = breakdown(FrameRows(odd, rows.points, rows.values), "emd", by="action")
    assert [(part.label, part.frames) for part in slices] == [("1e-x m", 40), (UNKNOWN, 120), (UNKNOWN, 80)]


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"by": "room"}, "by must be one of action, subject, scene, distance; got 'room'"),
        ({"metric": "dcd"}, "metric must be one of emd; got 'dcd'"),
        ({"method": "rival"}, "method must be one of model, mean_cloud"),
        ({"baseline": "rival"}, "baseline must be one of model, mean_cloud"),
    ],
)
def test_what_is_not_there_is_refused(rows, options, rule):
    with pytest.raises(ConfigError, match=rule):
        breakdown(rows, **{"metric": "emd", "by": "action", "config": CONFIG, **options})
