import io
from dataclasses import replace

import numpy as np
import pytest
from compared import compared_run, comparison, frames
from rich.console import Console

from csi2pc.evaluation.compared_runs import compare_runs
from csi2pc.evaluation.comparison_words import comparison_table, comparison_words


def words(runs, **options):
    return " ".join(comparison_words(compare_runs(runs, reference="a", resamples=1000, **options)))


def test_better_and_worse_are_said_where_the_interval_stays_on_one_side_alone():
    text = words(comparison(b=0.02, c=-0.02, d=0.0))
    assert "Against a, in chamfer_l1: better: b (-0.0" in text
    assert "; worse: c (+0.0" in text and "; not distinguishable: d." in text


def test_where_nothing_stands_out_it_is_said_once():
    assert "Against a, in chamfer_l1: no variant is distinguishable." in words(comparison(b=0.0, c=0.0, d=0.0))


def test_blind_and_shuffled_come_first():
    text = words(comparison(b=0.02))
    assert text.startswith("Against constant_cloud, the best blind guess in chamfer_l1: better: a (0.")
    assert "Every variant uses the CSI of the frame" in text and "No variant is" not in text
    hopeless = words([compared_run("a", seed, better=-0.2) for seed in range(3)])
    assert "the best blind guess in chamfer_l1: worse: a (-0." in hopeless
    assert "No variant is shown to be better than the best blind guess in f_score_5cm." in hopeless


def test_a_model_that_ignores_its_csi_is_named():
    runs = comparison()
    for i, run in enumerate(runs):
        values = {**run.rows.values, "shuffled_csi/chamfer_l1": run.rows.column("model", "chamfer_l1")}
        runs[i] = replace(run, rows=replace(run.rows, values=values))
    assert "It cannot be shown in chamfer_l1 that the CSI of the frame is used by a." in words(runs)


def test_what_is_missing_is_said_first_and_nan_is_counted():
    assert words(comparison(), planned=9).startswith("UNFINISHED: 3 of 9 runs are done")
    runs = comparison()
    column = runs[0].rows.column("model", "chamfer_l1").copy()
    column[:2] = np.nan
    runs[0] = replace(runs[0], rows=replace(runs[0].rows, values={**runs[0].rows.values, "model/chamfer_l1": column}))
    text = words([*runs, *comparison(b=0.02)[3:]])
    assert "a has no value (NaN) on 2 of 144 frames" in text
    assert "Against a, in chamfer_l1: not judged: b." in text
    assert "the best blind guess in chamfer_l1: better: b" in text and "not judged: a (0." in text


def test_a_variant_that_lost_a_seed_is_named_and_not_judged():
    runs = [run for run in comparison(b=0.02) if str(run) != "made/b/seed1"]
    text = words(runs, planned=6)
    assert "b has no result for seed 1, and is not judged" in text
    assert "Against a, in chamfer_l1: not judged: b." in text
    assert "the best blind guess in chamfer_l1: better: a" in text and "; not judged: b (" in text


def test_caveats_follow_from_the_numbers():
    text = words(comparison(b=0.0), part="validation")
    assert "These are validation frames" in text
    assert "trained with 3 seeds only" in text
    assert "are of 3 subjects: the intervals speak of further sequences of these" in text
    assert "what a seed does is not known" in words(comparison(seeds=(0,)))
    assert "hold together for all variants under one metric" in words(comparison(b=0.0, c=0.0))


def test_the_table_lists_every_variant_with_mean_spread_and_skill():
    summary = compare_runs(comparison(b=0.02), reference="a", resamples=1000)
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(comparison_table(summary, "made"))
    text = console.export_text()
    score = summary.score("made", "b", "chamfer_l1")
    assert f"{score.mean:.4f} ± {score.spread:.4f}" in text and f"{score.skill:.2f} [" in text


def test_nothing_is_said_of_a_variant_that_is_not_judged():
    runs = [compared_run("a", seed, better=-0.2) for seed in range(3)]
    runs += [compared_run("b", seed, better=0.1) for seed in (0, 2)]
    summary = compare_runs(runs, reference="a", resamples=1000)
    lost = summary.score("made", "b", "f_score_5cm")
    assert lost.standing == "unknown" and lost.skill_low > 0
    text = " ".join(comparison_words(summary))
    assert (
        "Of the variants that are judged, none is shown to be better than the best blind guess in f_score_5cm; "
        "not judged: b."
    ) in text


def without_values(run, which):
    column = run.rows.column("model", "chamfer_l1").copy()
    column[which] = np.nan
    return replace(run, rows=replace(run.rows, values={**run.rows.values, "model/chamfer_l1": column}))


def test_a_seed_without_any_value_is_told_from_one_that_is_missing():
    whole = comparison()
    text = words([whole[0], without_values(whole[1], slice(None)), whole[2]])
    assert "a has no value (NaN) on any frame with seed 1, and is not judged." in text
    assert "runs.json" not in text and " frames, over its" not in text
    text = words([without_values(whole[0], slice(2)), without_values(whole[1], slice(None)), whole[2]])
    assert "a has no value (NaN) on 2 of 96 frames, over its 2 seeds" in text
    text = words([whole[0], without_values(whole[1], slice(None)), *comparison(b=0.02)[3:]])
    assert "a has no value (NaN) on any frame with seed 1" in text
    assert "a has no result for seed 2, and is not judged: runs.json says why." in text


def test_one_sequence_has_no_intervals_to_speak_of():
    text = words([compared_run(name, seed, ids=frames(1)) for name in "abc" for seed in range(5)])
    assert "There is only one held-out sequence of made, so there are no intervals, and nothing on it is judged" in text
    assert "The intervals" not in text and "too narrow" not in text and "hold together" not in text
    assert "too narrow" in words([compared_run("a", seed, ids=frames(2)) for seed in range(5)])


def printed(summary):
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(comparison_table(summary, summary.datasets[0]))
    return " ".join(console.export_text().split())


@pytest.mark.parametrize(
    ("seeds", "sequences", "over"),
    [((0, 1), 12, "intervals over 12 sequences and the seeds"), ((0,), 12, "intervals over 12 sequences variant"),
     ((0, 1), 1, "best blind baseline variant")],
)  # fmt: skip
def test_the_table_says_what_its_intervals_hold(seeds, sequences, over):
    runs = [compared_run("a", seed, ids=frames(sequences)) for seed in seeds]
    assert over in printed(compare_runs(runs, reference="a", resamples=1000))


def test_names_in_the_table_are_no_markup():
    runs = [compared_run(name, seed, dataset="m[red]") for name in ("a[bold]", "b[/]") for seed in (0, 1)]
    text = printed(compare_runs(runs, reference="a[bold]", resamples=1000))
    assert "a[bold]" in text and "b[/]" in text and "m[red]: means" in text
