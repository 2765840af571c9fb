"""Everything a study leaves for its reader: tables, compact predictions, figures."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from transfer_study.analysis.deltas import VARIANT, deltas
from transfer_study.analysis.scores import comparison_table, score_table, task_table
from transfer_study.analysis.stability import has_failed, run_table, stability_table
from transfer_study.records.predictions import AnswerSource, CompactAnswers, write_compact
from transfer_study.records.recorded import write_record
from transfer_study.report.stability import stability_caption, stability_markdown
from transfer_study.spec.margin import Margin
from transfer_study.spec.plan import Plan
from transfer_study.spec.study import Reading, Study


def tables(
    plan: Plan, source: AnswerSource, failed: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores and the deltas of a study; `failed` are ids of stages that were tried in vain."""
    scores = score_table(plan, source)
    return scores, deltas(comparison_table(plan), scores, plan.study.margin, failed)


def write_results(
    plan: Plan, source: AnswerSource, failed: Collection[str], results: Path, plots: Path
) -> tuple[pd.DataFrame, list[Path], pd.DataFrame | None]:
    """Write a study's tables and figures; the deltas, the figures' paths, what variants do."""
    from transfer_study.figures import draw_figures

    results.mkdir(parents=True, exist_ok=True)
    write_record(plan, results)
    if not isinstance(source, CompactAnswers):
        write_compact(results, plan.stages, source)
        # From here on the compact file is the source, so that it is known to be enough.
        source = CompactAnswers(results)
    scores, edges = tables(plan, source, failed)
    write_table(scores, results / "scores")
    write_table(edges, results / "deltas")
    figures = []
    for name, of_variant in _by_variant(edges):
        figures += draw_figures(
            of_variant,
            task_table(plan),
            plots / name,
            title=f"{plan.study.name} ({name})" if name else plan.study.name,
            caption=lambda encoder, reading: caption(plan.study, encoder, reading),
        )
    if not plan.study.variants:
        return edges, figures, None
    runs = run_table(plan, source, scores)
    stability = stability_table(runs, plan.study.margin, failed)
    figures += _write_stability(
        plan.study, stability, runs.assign(failed=has_failed(runs, failed)), results, plots
    )
    return edges, figures, stability


def _by_variant(edges: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The edges of each variant of the recipe, or all of them under no name."""
    if VARIANT not in edges:
        return [("", edges)]
    groups = edges.groupby(VARIANT, sort=False)
    return [(str(name), rows.drop(columns=VARIANT)) for name, rows in groups]


def _write_stability(
    study: Study, table: pd.DataFrame, runs: pd.DataFrame, results: Path, plots: Path
) -> list[Path]:
    """Write what the variants of a recipe reach and how they scatter; the figures' paths."""
    from transfer_study.figures import draw_stability_figures

    write_table(table, results / "stability")
    text = stability_markdown(table, study.name)
    (results / "stability.md").write_text(text, encoding="utf-8")
    return draw_stability_figures(
        runs,
        table,
        plots,
        title=study.name,
        caption=stability_caption(study, margin_text(study.margin)),
    )


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as CSV (six decimals, the same bytes everywhere) and as parquet (exact)."""
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.6f", lineterminator="\n")
    table.to_parquet(stem.with_suffix(".parquet"), index=False)


def caption(study: Study, encoder: str, reading: str) -> str:
    """What a reader must know to read a figure of the study."""
    compared = {
        Reading.REFINE: "trained jointly with A, against the same recipe on B alone",
        Reading.FINETUNE: "fine-tuned after joint training with A, against fine-tuning B alone",
    }[Reading(reading)]
    certainty = (
        f"{len(study.seeds)} seeds; 95% t intervals over paired seeds, not corrected for the "
        "number of edges."
        if len(study.seeds) > 1
        else "One seed: nothing can be decided."
    )
    return (
        f"An edge from A to B is the change of B's test score in points: {compared} "
        f"({encoder}, {reading} reading). Margin {margin_text(study.margin)}. {certainty}"
    )


def margin_text(margin: Margin) -> str:
    """A margin in points of the metric, or in percent of the baseline."""
    if margin.absolute is not None:
        points = f"{100 * margin.absolute:g}"
        return f"±{points} point{'' if points == '1' else 's'}"
    assert margin.relative is not None
    return f"±{100 * margin.relative:g}% of the baseline"
