"""Write the numbers of docs/comparison.md, and its figures, from docs/results/compare_losses alone.

    python docs/make_comparison.py

What stands between the two marks in the document is replaced; what is written around them by hand stays.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from csi2pc.config import load_config
from csi2pc.engine.compare_config import CompareConfig
from csi2pc.engine.comparison_folder import read_rows_of
from csi2pc.evaluation.chart_figures import draw_chart
from csi2pc.evaluation.compared_runs import compare_runs
from csi2pc.evaluation.comparison import ComparisonSummary
from csi2pc.evaluation.comparison_tables import (
    difference_charts,
    differences_table,
    rates_table,
    scores_table,
    skill_chart,
    skill_table,
)
from csi2pc.evaluation.comparison_words import comparison_words
from csi2pc.evaluation.results import read_results

DOCS = Path(__file__).resolve().parent
RESULTS, DOCUMENT, FIGURES = DOCS / "results" / "compare_losses", DOCS / "comparison.md", DOCS / "figures"
BEGIN, END = "<!-- from here: python docs/make_comparison.py -->\n", "<!-- up to here -->\n"
#: Metrics that the tables hold.
SHOWN = (
    ("chamfer_l1", "chamfer_l2", "emd", "dcd"),
    ("f_score_5cm", "f_score_10cm", "coverage", "hausdorff_95"),
    ("centroid_error", "height_error", "extent_error", "icp_fitness"),
)


def summarised() -> ComparisonSummary:
    """The comparison, from its per-frame rows."""
    config = load_config(RESULTS / "compare.yaml", CompareConfig)
    variants, planned = list(config.variants), read_rows_of(RESULTS / "runs.json")
    runs = sorted(read_results(RESULTS), key=lambda run: (variants.index(run.variant), run.seed))
    return compare_runs(
        runs, reference=config.reference, by=config.by, resamples=config.resamples, confidence=config.confidence,
        planned=len(planned),
    )  # fmt: skip


def generated(summary: ComparisonSummary) -> str:
    """Everything between the marks."""
    (dataset,) = summary.datasets
    words = comparison_words(summary)
    parts = ["## What the numbers say", "", *(f"- {sentence}" for sentence in words), ""]
    parts += ["![Skill of every loss](figures/comparison_skill.png)", ""]
    for title, table in (
        ("Scores", scores_table),
        ("Skill against the best blind baseline", skill_table),
        ("Differences from the reference, frame by frame and seed by seed", differences_table),
    ):
        parts += [f"## {title}", ""]
        for metrics in SHOWN:
            some = replace(summary, metrics=metrics)
            parts += [table(some, dataset).as_markdown(), ""]
    parts += ["![Differences in EMD](figures/comparison_emd.png)", ""]
    parts += ["## Learning rates", "", rates_table(read_rows_of(RESULTS / "learning_rates.json")).as_markdown(), ""]
    return "\n".join(parts)


def main() -> None:
    """Write the document's part and draw its figures."""
    summary = summarised()
    (dataset,) = summary.datasets
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + BEGIN + "\n" + generated(summary) + END + after, encoding="utf-8")
    draw_chart(FIGURES / "comparison_skill.png", skill_chart(summary, dataset))
    (emd,) = difference_charts(replace(summary, metrics=("emd",)), dataset)
    draw_chart(FIGURES / "comparison_emd.png", emd)


if __name__ == "__main__":
    main()
