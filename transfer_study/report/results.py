"""Everything a study leaves for its reader: tables, compact predictions, figures."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from transfer_study.analysis.deltas import deltas
from transfer_study.analysis.scores import comparison_table, score_table, task_table
from transfer_study.analysis.views import Shown
from transfer_study.records.predictions import AnswerSource, CompactAnswers, write_compact
from transfer_study.records.recorded import write_record
from transfer_study.report.captions import caption
from transfer_study.spec.plan import Plan


def tables(
    plan: Plan, source: AnswerSource, failed: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores and the deltas of a study; `failed` are ids of stages that were tried in vain."""
    scores = score_table(plan, source)
    return scores, deltas(comparison_table(plan), scores, plan.study.margin, failed)


def write_results(
    plan: Plan,
    source: AnswerSource,
    failed: Collection[str],
    results: Path,
    plots: Path,
    shown: Shown,
) -> tuple[pd.DataFrame, list[Path]]:
    """Write a study's tables and what is to be shown of its figures.

    Returns the deltas, all of them, and the figures' paths.
    """
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
    figures = draw_figures(
        edges,
        task_table(plan),
        plots,
        title=plan.study.name,
        caption=lambda encoder, reading, view: caption(plan.study, encoder, reading, view),
        views=shown.views(plan.study),
        size=shown.size,
    )
    return edges, figures


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as CSV (six decimals, the same bytes everywhere) and as parquet (exact)."""
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.6f", lineterminator="\n")
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
