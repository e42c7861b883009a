"""The words say what the numbers say, whichever way they fall."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
from rich.console import Console

from csi2pc.evaluation.rows import FrameRows
from csi2pc.evaluation.settings import EvaluationConfig
from csi2pc.evaluation.statistics import summarise
from csi2pc.evaluation.summary import markdown, standing, table, verdict, words
from csi2pc.types import FrameId


def make(rng, levels, *, sequences=20, frames=4, noise=0.1, metrics=("chamfer_l1",), part="test"):
    """Summary of methods whose error scatters by ``noise`` about their level."""
    ids = tuple(FrameId(f"s{k:02d}", index) for k in range(sequences) for index in range(frames))
    columns = {
        f"{method}/{metric}": level + noise * rng.standard_normal(sequences).repeat(frames)
        for metric in metrics
        for method, level in levels.items()
    }
    return summarise(FrameRows(ids, np.full(len(ids), 9), columns), EvaluationConfig(resamples=1000), part=part)


def test_a_better_model(rng):
    summary = make(rng, {"model": 1.0, "shuffled_csi": 2.0, "mean_cloud": 1.5, "constant_cloud": 1.4})
    text = verdict(summary, "chamfer_l1")
    assert text.startswith("The model beats every blind baseline on the 20 held-out sequences (chamfer_l1 ")
    assert re.search(r"skill 0\.\d\d \[0\.\d\d, 0\.\d\d\] against constant_cloud", text)
    assert any(sentence.startswith("The model uses the CSI of the frame (chamfer_l1 -") for sentence in words(summary))


@pytest.mark.parametrize(
    ("part", "kind", "worth"),
    [
        ("validation", "validation", "the checkpoint was chosen on them"),
        ("train", "training", "no evidence of what it does on any others"),
    ],
)
def test_only_test_frames_are_called_held_out(rng, part, kind, worth):
    summary = make(rng, {"model": 1.0, "mean_cloud": 1.5}, part=part)
    first, second, *_ = words(summary)
    assert first.startswith(f"These are {kind} frames") and worth in first
    assert second.startswith(f"The model beats every blind baseline on the 20 {kind} sequences (")
    assert f"80 {kind} frames of 20 sequences" in markdown(summary)
    assert "held-out" not in markdown(summary)
    one = make(rng, {"model": 1.0, "mean_cloud": 2.0}, sequences=1, part=part)
    assert any(f"only one {kind} sequence" in sentence for sentence in words(one))


def test_baselines_that_know_a_label_are_named(rng):
    text = words(make(rng, {"model": 1.0, "mean_cloud": 1.5, "nearest_scene": 1.2}))
    assert "nearest_scene is told the room of each frame; the model is not." in text
    assert not any("is told" in sentence for sentence in words(make(rng, {"model": 1.0, "mean_cloud": 1.5})))


def test_a_model_worse_than_one_baseline(rng):
    summary = make(rng, {"model": 1.0, "mean_cloud": 1.5, "constant_cloud": 0.6})
    text = verdict(summary, "chamfer_l1")
    assert text.startswith("The model does NOT beat constant_cloud on the 20 held-out sequences")
    assert text.endswith("against constant_cloud: worse than blind).")
    assert "mean_cloud" not in text


@pytest.mark.parametrize("sign", [1, -1])
def test_an_interval_that_includes_zero(rng, sign):
    summary = make(rng, {"model": 1.0, "mean_cloud": 1.0 + sign * 0.001})
    assert standing(summary.best_blind("chamfer_l1")) == "not distinguishable from blind"
    assert verdict(summary, "chamfer_l1").startswith("The model does NOT beat mean_cloud")
    assert "not distinguishable from blind" in verdict(summary, "chamfer_l1")
    assert "beats" not in " ".join(words(summary))


def test_a_model_that_ignores_the_csi(rng):
    summary = make(rng, {"model": 1.0, "shuffled_csi": 1.0, "mean_cloud": 2.0})
    assert verdict(summary, "chamfer_l1").startswith("The model does NOT beat shuffled_csi")
    assert any(s.startswith("It cannot be shown that the model uses the CSI of the frame") for s in words(summary))


def test_one_sequence_proves_nothing(rng):
    better = make(rng, {"model": 1.0, "mean_cloud": 2.0}, sequences=1)
    assert "without an interval this may be chance" in verdict(better, "chamfer_l1")
    assert any("only one held-out sequence, so there are no intervals" in sentence for sentence in words(better))
    worse = make(rng, {"model": 2.0, "mean_cloud": 1.0}, sequences=1)
    assert verdict(worse, "chamfer_l1").startswith("The model does NOT beat mean_cloud on the 1 held-out sequence ")


def test_few_sequences_are_a_caveat(rng):
    few = words(make(rng, {"model": 1.0, "mean_cloud": 2.0}, sequences=4))
    assert any("4 held-out sequences only" in sentence for sentence in few)
    assert not any("only" in s for s in words(make(rng, {"model": 1.0, "mean_cloud": 2.0}, sequences=12)))


def columns(rng, sequences=12, **levels):
    ids = tuple(FrameId(f"s{k:02d}", 0) for k in range(sequences))
    return ids, {f"{method}/emd": level + 0.1 * rng.uniform(size=sequences) for method, level in levels.items()}


def test_a_baseline_without_error_cannot_be_beaten(rng):
    for sequences in (12, 1):
        ids, scores = columns(rng, sequences, model=1.0, mean_cloud=2.0)
        scores["nearest_scene/emd"] = np.zeros(sequences)
        scores |= {f"{m}/f_score_5cm": np.full(sequences, v) for m, v in (("model", 0.5), ("nearest_scene", 1.0))}
        summary = summarise(FrameRows(ids, np.full(sequences, 9), scores))
        text = words(summary)
        assert text[0].startswith(f"The model does NOT beat nearest_scene on the {sequences} held-out sequence")
        assert "nearest_scene is without error: " + ("worse than blind" if sequences > 1 else "no interval") in text[0]
        assert not any("better" in sentence for sentence in text)
        assert ("It is worse than the best blind baseline in f_score_5cm." in text) == (sequences > 1)
        assert "| - |" in markdown(summary)


def test_an_interval_that_only_some_comparisons_have(rng):
    ids, scores = columns(rng, model=1.0, mean_cloud=2.0, nearest_action_time=3.0)
    scores["nearest_action_time/emd"][1:] = np.nan
    text = verdict(summarise(FrameRows(ids, np.full(12, 9), scores)), "emd")
    assert "better than every blind baseline's on the 12 held-out sequences" in text
    assert text.endswith("but without an interval against nearest_action_time this may be chance.")


def test_without_baselines_nothing_is_claimed(rng):
    assert verdict(make(rng, {"model": 1.0}), "chamfer_l1").startswith("Nothing can be said about chamfer_l1")


def test_other_metrics_are_sorted_by_what_they_show(rng):
    levels = {"model": 0.5, "mean_cloud": 0.8}
    summary = make(rng, levels, noise=0.02, metrics=("chamfer_l1", "emd", "f_score_5cm"))
    text = " ".join(words(summary))
    assert "the model is also better in emd." in text
    assert "It is worse than the best blind baseline in f_score_5cm." in text


def test_gaps_are_named(rng):
    ids = tuple(FrameId(f"s{k}", 0) for k in range(12))
    columns = {"model/emd": rng.uniform(size=12), "mean_cloud/emd": 2 + rng.uniform(size=12)}
    columns["model/emd"][:3] = np.nan
    summary = summarise(FrameRows(ids, np.full(12, 9), columns))
    text = words(summary)
    assert any(sentence.startswith("model has no value on 3 of 12 frames") for sentence in text)
    assert re.match(r"The model beats .*\(emd \d.\d+ m, without 3 of 12 frames that have no value, skill", text[0])
    assert f"| {np.nanmean(columns['model/emd']):.4f} (3 missing) | **{columns['mean_cloud/emd'].mean():.4f}** |" in (
        markdown(summary)
    )
    columns["nearest_action_time/emd"] = np.full(12, np.nan)
    text = words(summarise(FrameRows(ids, np.full(12, 9), columns)))
    assert text[0].endswith("No skill could be stated against nearest_action_time.")
    assert any(sentence.startswith("nearest_action_time has no value on any frame") for sentence in text)


def test_a_model_without_any_value_is_not_judged(rng):
    ids, scores = columns(rng, model=1.0, mean_cloud=2.0)
    text = words(summarise(FrameRows(ids, np.full(12, 9), {**scores, "model/emd": np.full(12, np.nan)})))
    assert text[0] == "Nothing can be said about emd: the model has no value on any frame."
    assert not any("beats" in sentence or "better" in sentence for sentence in text)


def test_a_metric_that_is_not_always_defined(rng):
    ids, scores = columns(rng, model=1.0, shuffled_csi=1.5, mean_cloud=2.0)
    scores |= {name.replace("emd", "icp_rmse"): values / 100 for name, values in scores.items()}
    scores["model/icp_rmse"][:4] = np.nan
    scores["mean_cloud/icp_rmse"][:5] = np.nan
    summary = summarise(FrameRows(ids, np.full(12, 9), scores))
    text = words(summary)
    assert "missing" not in verdict(summary, "emd") and not any("has no value on" in s for s in text)
    better = "the model is also better in icp_rmse (without 4 of 12 frames that have no value)."
    assert any(sentence.endswith(better) for sentence in text)
    undefined = "Of 12 frames, icp_rmse is not defined for model on 4 and mean_cloud on 5"
    assert any(sentence.startswith(undefined) for sentence in text)
    assert "(4 missing)" in markdown(summary) and "(5 missing)" in markdown(summary)
    own = next(sentence for sentence in words(summarise(FrameRows(ids, np.full(12, 9), {
        name: values for name, values in scores.items() if name.endswith("icp_rmse")
    }))) if "uses the CSI" in sentence)  # fmt: skip
    assert own.endswith("own CSI minus shuffled, without 4 of 12 frames that have no value).")


def test_thinned_frames_are_stated(rng):
    ids, scores = columns(rng, model=1.0, mean_cloud=2.0)
    rows = FrameRows(ids, np.full(12, 9), scores)
    assert "12 held-out frames of 12 sequences. " in markdown(summarise(rows))
    text = markdown(summarise(rows, EvaluationConfig(every=10)))
    assert text.startswith("12 held-out frames of 12 sequences, one frame in 10 of each sequence. ")


def test_both_tables_hold_every_number(rng):
    levels = {"model": 1.0, "shuffled_csi": 2.0, "mean_cloud": 1.5, "nearest_action_time": 1.2}
    summary = make(rng, levels, metrics=("chamfer_l1", "emd"))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(table(summary))
    printed, marked = console.export_text(), markdown(summary)
    assert max(map(len, printed.splitlines())) <= 80
    for score in summary.scores:
        assert f"{score.mean:.4f}" in printed
        assert f"{score.mean:.4f}" in marked
    assert "| metric | model | mean_cloud | nearest_action_time | shuffled_csi | skill |" in marked
    best = summary.score("emd", summary.best_blind("emd").baseline).mean
    assert f"**{best:.4f}**" in marked
    assert f"- {verdict(summary, 'chamfer_l1')}" in marked
