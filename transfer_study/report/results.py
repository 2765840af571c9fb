"""Everything a study leaves for its reader: tables, compact predictions, figures."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from transfer_study.analysis.choices import EPOCH_COLUMNS, choices, epoch_metrics
from transfer_study.analysis.deltas import deltas
from transfer_study.analysis.scores import comparison_table, score_table, task_table
from transfer_study.metrics import score
from transfer_study.records.predictions import AnswerSource, CompactAnswers, write_compact
from transfer_study.records.recorded import write_record
from transfer_study.report.system_tables import write_system_tables
from transfer_study.spec.margin import Margin
from transfer_study.spec.plan import Plan
from transfer_study.spec.study import Reading, Study

EPOCHS_FILE = "epochs.parquet"


def tables(
    plan: Plan, source: AnswerSource, failed: Collection[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores and the deltas of a study; `failed` are ids of stages that were tried in vain."""
    scores = score_table(plan, source)
    return scores, deltas(comparison_table(plan), scores, plan.study.margin, failed)


@dataclass(frozen=True)
class Written:
    """What `write_results` wrote, for those who go on with it."""

    deltas: pd.DataFrame
    figures: list[Path]
    choices: pd.DataFrame | None  # of a study under both protocols


def write_results(
    plan: Plan, source: AnswerSource, failed: Collection[str], results: Path, plots: Path
) -> Written:
    """Write a study's tables and figures.

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
    scores[first], edges, figures = _write_tables(plan.under(first), source, failed, results, plots)
    if not others:
        return Written(edges, figures, None)
    for protocol in others:
        part = plan.under(protocol)
        folders = results / protocol, plots / protocol
        scores[protocol], _, more = _write_tables(part, source, failed, *folders)
        figures += more
    epochs.to_parquet(results / EPOCHS_FILE, index=False)
    table = choices(plan, scores, epochs)
    write_table(table, results / "choices")
    return Written(edges, figures, table)


def _write_tables(
    plan: Plan, source: AnswerSource, failed: Collection[str], results: Path, plots: Path
) -> tuple[pd.DataFrame, pd.DataFrame, list[Path]]:
    from transfer_study.figures import draw_figures

    results.mkdir(parents=True, exist_ok=True)
    scores, edges = tables(plan, source, failed)
    write_table(scores, results / "scores")
    write_table(edges, results / "deltas")
    write_system_tables(plan, scores, results)
    figures = draw_figures(
        edges,
        task_table(plan),
        plots,
        title=plan.study.name,
        caption=lambda encoder, reading: caption(plan.study, encoder, reading),
    )
    return scores, edges, figures


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
    departures = {
        Reading.REFINE: study.refine.departures(),
        Reading.FINETUNE: study.finetune.departures(),
    }[Reading(reading)]
    protocol = f" Not the clean protocol: {', '.join(departures)}." if departures else ""
    return (
        f"An edge from A to B is the change of B's test score in points: {compared} "
        f"({encoder}, {reading} reading). Margin {margin_text(study.margin)}. {certainty}{protocol}"
    )


def margin_text(margin: Margin) -> str:
    """A margin in points of the metric, or in percent of the baseline."""
    if margin.absolute is not None:
        points = f"{100 * margin.absolute:g}"
        return f"±{points} point{'' if points == '1' else 's'}"
    assert margin.relative is not None
    return f"±{100 * margin.relative:g}% of the baseline"
