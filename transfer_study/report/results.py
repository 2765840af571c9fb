"""Everything a study leaves for its reader: tables, compact predictions, figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from transfer_study.analysis.advice.recommend import recommendations
from transfer_study.analysis.doubt.coverage import coverage_warning
from transfer_study.analysis.doubt.false_edges import compare_with_itself, false_edges
from transfer_study.analysis.doubt.pretraining import pretraining_table
from transfer_study.analysis.doubt.stability import has_failed, run_table, stability_table
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.scores import Scored, comparison_table, task_table
from transfer_study.analysis.effects.tables import Ran, tables
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.analysis.graph.views import Shown
from transfer_study.analysis.meaning.of_plan import answered_by
from transfer_study.analysis.meaning.table import meanings
from transfer_study.analysis.paper.choices import EPOCH_COLUMNS, choices, epoch_metrics
from transfer_study.data.leaks.findings import Severity
from transfer_study.metrics import score
from transfer_study.points import counted
from transfer_study.report.beside import Beside
from transfer_study.report.content import CaptionKey, Content
from transfer_study.report.design import Design
from transfer_study.report.files import write_report_files
from transfer_study.report.of_plan import content_of
from transfer_study.report.sentences.beside_paper import published_table
from transfer_study.report.sentences.captions import margin_text
from transfer_study.report.sentences.false_edges import false_edge_sentence
from transfer_study.report.sentences.made import own_provenance
from transfer_study.report.sentences.stability import stability_caption, stability_markdown
from transfer_study.report.tables.edge_files import (
    EVIDENCE,
    PREDICTED,
    draw_edges,
    write_if_any,
    write_table,
    write_tables,
)
from transfer_study.report.tables.edges_tables import write_edge_tables
from transfer_study.report.tables.kept_table import read_kept
from transfer_study.report.tables.system_tables import write_system_tables
from transfer_study.report.unmeasured import predicted_of
from transfer_study.store.compact import CompactAnswers, write_compact
from transfer_study.store.outputs import LOG_FILE, Outputs, write_text
from transfer_study.store.predictions import AnswerSource
from transfer_study.store.recorded import write_record
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import MetricName

EPOCHS_FILE = "epochs.parquet"


@dataclass(frozen=True)
class Written:
    """What `write_results` wrote, for those who go on with it."""

    deltas: pd.DataFrame
    figures: list[Path]
    choices: pd.DataFrame | None = None  # of a study under both protocols
    stability: pd.DataFrame | None = None  # of a study with variants
    pretraining: pd.DataFrame | None = None  # of a study that pretrains, its gains
    meaning: pd.DataFrame | None = None  # of a study that is done
    predicted: pd.DataFrame | None = None  # pairs that were not measured
    false_edge_rate: str = ""
    page: Path | None = None
    unwritten: tuple[str, ...] = ()  # a sentence an output that failed
    notes: tuple[str, ...] = ()  # what else a reader of the outputs must know


@dataclass(frozen=True)
class Folders:
    """Where the tables and the figures of a study go."""

    results: Path
    plots: Path

    def __truediv__(self, name: str) -> Folders:
        return Folders(self.results / name, self.plots / name)


@dataclass(frozen=True)
class _Judged:
    """Scores and edges of one protocol; `itself` are its models, each against itself (A/A).

    `predicted` are the pairs that were not measured, as they are estimated.
    """

    scored: Scored
    edges: pd.DataFrame
    itself: pd.DataFrame
    predicted: pd.DataFrame | None


def write_results(ran: Ran, folders: Folders, shown: Shown, beside: Beside) -> Written:
    """Write a study's tables, its report and what is to be shown of its figures.

    Of a study under both protocols, the clean one's are in the folder itself and the others' in
    folders of their names, with the table of what each of the paper's choices is worth.
    """
    plan, source, results = ran.plan, ran.source, folders.results
    results.mkdir(parents=True, exist_ok=True)
    write_record(plan, results, source.has)
    epochs = epoch_scores(plan, source, results / EPOCHS_FILE)
    if not isinstance(source, CompactAnswers):
        write_compact(results, plan.stages, source)
        # From here on the compact file is the source, so that it is known to be enough.
        ran = replace(ran, source=CompactAnswers(results))
    written = write_judged(ran, folders, shown, beside, epochs)
    if len(plan.protocols) > 1:
        epochs.to_parquet(results / EPOCHS_FILE, index=False)
    return written


def write_judged(
    ran: Ran, folders: Folders, shown: Shown, beside: Beside, epochs: pd.DataFrame
) -> Written:
    """Write the tables and figures alone; `epochs` are the test scores of `epoch_scores`."""
    first, *others = ran.plan.protocols
    scores = {}
    scores[first], written = _write_protocol(ran.under(first), folders, shown, beside)
    if not others:
        return written
    figures, unwritten, notes = written.figures, written.unwritten, written.notes
    for protocol in others:
        part = ran.under(protocol)
        scores[protocol], more = _write_protocol(part, folders / protocol, shown, beside)
        figures += more.figures
        unwritten += more.unwritten
        notes += more.notes
    table = choices(ran.plan, scores, epochs)
    if beside.so_far is None:
        write_table(table, folders.results / "choices")
    notes = tuple(dict.fromkeys(notes))
    return replace(written, figures=figures, choices=table, unwritten=unwritten, notes=notes)


def _write_protocol(
    ran: Ran, folders: Folders, shown: Shown, beside: Beside
) -> tuple[pd.DataFrame, Written]:
    """Write what belongs to one protocol, each output by itself; its scores and the rest.

    Tables come first, then figures, then the report that links to them. While the study runs its
    tables wait: who reads them wants them whole.
    """
    from transfer_study.report.sentences.figure_names import font_note

    plan, results, plots = ran.plan, folders.results, folders.plots
    scored, edges = tables(plan, ran.source, ran.failed)
    predicted, without = predicted_of(plan, scored, edges, beside)
    results.mkdir(parents=True, exist_ok=True)
    outputs = Outputs(results / LOG_FILE)
    itself = compare_with_itself(plan, scored.test_sets, Judgement.of(plan.study))
    judged = _Judged(scored, edges, itself, predicted)
    written = (
        _write_tables(ran, judged, beside, results, outputs)
        if beside.so_far is None
        else Written(edges, [])
    )
    design = replace(Design.of_plan(plan), views=tuple(shown.views(plan.study)))
    figures, captions = draw_edges(design, edges, task_table(plan), plots, outputs, shown)
    if written.stability is not None:
        runs = run_table(plan, scored.table, scored.test_sets)
        runs = runs.assign(failed=has_failed(runs, ran.failed))
        figures += _write_stability(plan.study, written.stability, runs, plots, shown, outputs)
    content = replace(_content(ran, judged, beside, captions), meaning=written.meaning)
    page = write_report_files(content, figures, results, outputs)
    note = font_note(content)
    return scored.table, replace(
        written,
        figures=figures,
        false_edge_rate=content.false_edge_rate,
        page=page,
        unwritten=outputs.told,
        notes=tuple(filter(None, [without, note])),
    )


def _write_tables(
    ran: Ran, judged: _Judged, beside: Beside, results: Path, outputs: Outputs
) -> Written:
    """Write every table of one protocol."""
    plan, scored, edges = ran.plan, judged.scored, judged.edges

    itself = judged.itself
    meaning = meanings(
        edges,
        comparison_table(plan),
        answered_by(plan, ran.source, beside.traits),
        scored.test_sets,
        Judgement.of(plan.study),
    )
    write_tables(results, outputs, scores=scored.table, deltas=edges, false_edges=itself)
    write_if_any(results, outputs, **{EVIDENCE: meaning, PREDICTED: judged.predicted})
    write_edge_tables(Design.of_plan(plan), edges, results, outputs)
    stability = None
    if plan.study.variants:
        runs = run_table(plan, scored.table, scored.test_sets)
        stability = stability_table(runs, scored.test_sets, plan.study.margin, ran.failed)
        write_tables(results, outputs, stability=stability)
        text = results / "stability.md"
        said = stability_markdown(stability, plan.study)
        outputs.write([text], partial(write_text, text, said))
    else:
        outputs.write(
            [results / f"tables.{kind}" for kind in ("md", "tex", "csv")],
            partial(write_system_tables, plan, scored.table, results),
        )
    gains = pretraining_table(plan, scored.test_sets, ran.failed)
    if len(gains):
        write_tables(results, outputs, pretraining=gains)
    return Written(
        edges,
        [],
        stability=stability,
        pretraining=gains,
        predicted=judged.predicted,
        meaning=meaning,
    )


def _content(
    ran: Ran, judged: _Judged, beside: Beside, captions: Mapping[CaptionKey, str]
) -> Content:
    """All that the report of one protocol says, but for its figures."""
    plan, edges = ran.plan, judged.edges
    return content_of(
        plan,
        edges,
        judged.scored.table,
        task_table(plan),
        ran.failed,
        leaks=beside.leaks,
        # Models are chosen by the study, not by its preview.
        recommendations=None
        if plan.study.preview is not None
        else recommendations(plan, edges, beside.file),
        costs=beside.costs,
        false_edge_rate=false_edge_sentence(false_edges(judged.itself, ALPHA)),
        file=beside.file,
        options=beside.options,
        warnings=_warnings(edges, beside),
        captions=captions,
        absent=judged.scored.absent,
        made=beside.made,
        reported=own_provenance(),
        so_far=beside.so_far,
        published=published_table(plan, edges),
        predicted=judged.predicted,
    )


def _warnings(edges: pd.DataFrame, beside: Beside) -> list[str]:
    """What a reader must know before the first number."""
    by = ["metric", "n_seeds", "n_documents"]
    cells = edges.drop_duplicates(by)[by]
    missed = (
        coverage_warning(MetricName(metric), int(seeds), int(n))
        for metric, seeds, n in cells.itertuples(index=False)
    )
    found = [
        *beside.lost,
        *beside.apart,
        *(said for said in dict.fromkeys(missed) if said is not None),
    ]
    if beside.leaks is not None and len(beside.leaks):
        high = int((beside.leaks["severity"] == Severity.HIGH).sum())
        if high:
            leaks = counted(high, "leak")
            found.append(f"{leaks} of high severity between training and test")
    return found


def _write_stability(
    study: Study,
    table: pd.DataFrame,
    runs: pd.DataFrame,
    plots: Path,
    shown: Shown,
    outputs: Outputs,
) -> list[Path]:
    """Draw what the variants of a recipe reach and how they scatter."""
    from transfer_study.figures import draw_stability_figures

    return draw_stability_figures(
        runs,
        table,
        plots,
        title=study.name,
        caption=stability_caption(study, margin_text(study.margin)),
        size=shown.size,
        write=outputs.write,
    )


def epoch_scores(plan: Plan, source: AnswerSource, file: Path) -> pd.DataFrame:
    """The test score of every epoch where it was predicted, and what an earlier report kept."""
    if len(plan.protocols) == 1:
        return pd.DataFrame(columns=list(EPOCH_COLUMNS))
    kept = read_kept(file) if file.exists() else None
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
