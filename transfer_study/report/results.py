"""Everything a study leaves for its reader: tables, compact predictions, figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from transfer_study.analysis.choices import EPOCH_COLUMNS, choices, epoch_metrics
from transfer_study.analysis.deltas import VARIANT, deltas
from transfer_study.analysis.judgement import Judgement
from transfer_study.analysis.pretraining import pretraining_table
from transfer_study.analysis.scores import Scored, comparison_table, score_systems, task_table
from transfer_study.analysis.stability import has_failed, run_table, stability_table
from transfer_study.analysis.views import Shown, at_size
from transfer_study.metrics import score
from transfer_study.records.predictions import AnswerSource, CompactAnswers, write_compact
from transfer_study.records.recorded import write_record
from transfer_study.report.captions import caption, margin_text
from transfer_study.report.content import family_size
from transfer_study.report.stability import stability_caption, stability_markdown
from transfer_study.report.system_tables import write_system_tables
from transfer_study.spec.plan import Plan
from transfer_study.spec.study import Study

EPOCHS_FILE = "epochs.parquet"


def tables(
    plan: Plan,
    source: AnswerSource,
    failed: Collection[str],
    judgement: Judgement | None = None,
) -> tuple[Scored, pd.DataFrame]:
    """The scores and the deltas of a study; `failed` are ids of stages that were tried in vain."""
    judgement = judgement or Judgement.of(plan.study)
    scored = score_systems(plan, source, judgement)
    comparisons = comparison_table(plan, judgement)
    return scored, deltas(comparisons, scored.test_sets, judgement, failed)


@dataclass(frozen=True)
class Written:
    """What `write_results` wrote, for those who go on with it."""

    deltas: pd.DataFrame
    figures: list[Path]
    choices: pd.DataFrame | None = None  # of a study under both protocols
    stability: pd.DataFrame | None = None  # of a study with variants
    pretraining: pd.DataFrame | None = None  # of a study that pretrains, its gains


def write_results(
    plan: Plan,
    source: AnswerSource,
    failed: Collection[str],
    results: Path,
    plots: Path,
    shown: Shown,
) -> Written:
    """Write a study's tables and what is to be shown of its figures.

    Of a study under both protocols, the clean one's are in the folder itself and the others' in
    folders of their names, with the table of what each of the paper's choices is worth.
    """
    results.mkdir(parents=True, exist_ok=True)
    write_record(plan, results)
    epochs = _epoch_scores(plan, source, results / EPOCHS_FILE)
    if not isinstance(source, CompactAnswers):
        write_compact(results, plan.stages, source)
        # From here on the compact file is the source, so that it is known to be enough.
        source = CompactAnswers(results)
    first, *others = plan.protocols
    scores = {}
    scores[first], written = _write_tables(plan.under(first), source, failed, results, plots, shown)
    if not others:
        return written
    figures = written.figures
    for protocol in others:
        part = plan.under(protocol)
        folders = results / protocol, plots / protocol
        scores[protocol], more = _write_tables(part, source, failed, *folders, shown)
        figures += more.figures
    epochs.to_parquet(results / EPOCHS_FILE, index=False)
    table = choices(plan, scores, epochs)
    write_table(table, results / "choices")
    return replace(written, figures=figures, choices=table)


def _write_tables(
    plan: Plan,
    source: AnswerSource,
    failed: Collection[str],
    results: Path,
    plots: Path,
    shown: Shown,
) -> tuple[pd.DataFrame, Written]:
    """Write what belongs to one protocol; its scores and the rest."""
    from transfer_study.figures import draw_figures

    results.mkdir(parents=True, exist_ok=True)
    scored, edges = tables(plan, source, failed)
    scores = scored.table
    write_table(scores, results / "scores")
    write_table(edges, results / "deltas")
    figures = []
    for name, of_variant in _by_variant(edges):
        figures += draw_figures(
            of_variant,
            task_table(plan),
            plots / name,
            title=f"{plan.study.name} ({name})" if name else plan.study.name,
            caption=lambda encoder, reading, view: caption(
                plan.study,
                encoder,
                reading,
                view,
                margin=plan.study.margin,
                correction="none",
                family=family_size(edges, reading),
            ),
            views=shown.views(plan.study),
            size=shown.size,
        )
    if not plan.study.variants:
        write_system_tables(plan, at_size(scores, None), results)
        gains = pretraining_table(plan, scored.test_sets, failed)
        if len(gains):
            write_table(gains, results / "pretraining")
        return scores, Written(edges, figures, pretraining=gains)
    runs = run_table(plan, source, scores)
    stability = stability_table(runs, scored.test_sets, plan.study.margin, failed)
    figures += _write_stability(
        plan.study, stability, runs.assign(failed=has_failed(runs, failed)), results, plots
    )
    return scores, Written(edges, figures, stability=stability)


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


def _epoch_scores(plan: Plan, source: AnswerSource, file: Path) -> pd.DataFrame:
    """The test score of every epoch where it was predicted, and what an earlier report kept."""
    if len(plan.protocols) == 1:
        return pd.DataFrame(columns=list(EPOCH_COLUMNS))
    kept = pd.read_parquet(file) if file.is_file() else None
    rows = []
    metrics = {task.name: epoch_metrics(task) for task in plan.study.tasks}
    for stage in plan:
        if not source.has(stage):
            continue
        for member in stage.tasks:
            task = member.task
            for epoch, answers in enumerate(source.every_epoch(stage, task), start=1):
                said = answers.gold, answers.predicted, answers.documents
                rows += [
                    (stage.id, task.name, epoch, str(metric), score(metric, task, *said))
                    for metric in metrics[task.name]
                ]
    table = pd.DataFrame(rows, columns=list(EPOCH_COLUMNS))
    if kept is None:
        return table
    fresh = kept[~kept["stage"].isin(table["stage"])]
    return pd.concat([fresh, table], ignore_index=True) if len(table) else kept


def write_table(table: pd.DataFrame, stem: Path) -> None:
    """Write a table as CSV (six decimals, the same bytes everywhere) and as parquet (exact)."""
    table.to_csv(stem.with_suffix(".csv"), index=False, float_format="%.6f", lineterminator="\n")
    table.to_parquet(stem.with_suffix(".parquet"), index=False)
