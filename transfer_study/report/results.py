"""Everything a study leaves for its reader: tables, compact predictions, figures."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from transfer_study.analysis.deltas import deltas
from transfer_study.analysis.pretraining import pretraining_table
from transfer_study.analysis.scores import comparison_table, score_table, task_table
from transfer_study.records.predictions import AnswerSource, CompactAnswers, write_compact
from transfer_study.records.recorded import write_record
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
) -> tuple[pd.DataFrame, pd.DataFrame, list[Path]]:
    """Write a study's tables and figures; the deltas, those of pretraining, the figures' paths."""
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
    gains = pretraining_table(plan, scores, failed)
    if len(gains):
        write_table(gains, results / "pretraining")
    figures = draw_figures(
        edges,
        task_table(plan),
        plots,
        title=plan.study.name,
        caption=lambda encoder, reading: caption(plan.study, encoder, reading),
    )
    return edges, gains, figures


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
