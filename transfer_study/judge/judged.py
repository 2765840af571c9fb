"""Runs that others made, judged as a study's are: tables, figures, report and advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError
from typing_extensions import Self

from transfer_study.analysis.advice.recommend import Recommendation, advise
from transfer_study.analysis.doubt.coverage import coverage_warning
from transfer_study.analysis.doubt.false_edges import false_edges, with_themselves
from transfer_study.analysis.edges import distinct_edges
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.analysis.graph.views import Shown, views_of
from transfer_study.analysis.meaning.table import meanings
from transfer_study.errors import StoreError, StudyError
from transfer_study.files import check_writable, writing
from transfer_study.judge.given import Given
from transfer_study.outcome import Outcome
from transfer_study.predict.unmeasured import predicted_edges
from transfer_study.report.content import Content, RunKey, SeedRun
from transfer_study.report.design import Design
from transfer_study.report.files import write_report_files
from transfer_study.report.sentences.false_edges import false_edge_sentence
from transfer_study.report.sentences.made import own_provenance
from transfer_study.report.sentences.price import price
from transfer_study.report.tables.edge_files import (
    EVIDENCE,
    PREDICTED,
    draw_edges,
    write_if_any,
    write_tables,
)
from transfer_study.report.tables.edges_tables import write_edge_tables
from transfer_study.store.outputs import LOG_FILE, Outputs
from transfer_study.store.recorded import RECORD_FILE
from transfer_study.study.arms import Arm, arm_of
from transfer_study.study.joined import apart
from transfer_study.study.looks import Edge
from transfer_study.study.reading import Reading
from transfer_study.study.spelling import choices
from transfer_study.study.tasks.task import Name


@dataclass(frozen=True)
class JudgedPlaces:
    """The folders of results and of plots that hold one of a name each, and that name."""

    name: str
    results: Path
    plots: Path

    @classmethod
    def of(cls, name: str, results: Path, plots: Path) -> Self:
        """Raises StudyError for what cannot be the name of a folder."""
        try:
            TypeAdapter(Name).validate_python(name)
        except ValidationError:
            raise StudyError(
                f"--name: found {name!r}; a name consists of letters, digits, '-' and '_' and "
                "begins with a letter or digit"
            ) from None
        return cls(name, results, plots)

    def check(self) -> None:
        """Raise StoreError where they cannot be written, or hold a study."""
        check_writable(self.results / self.name, "results")
        check_writable(self.plots / self.name, "plots")
        if (self.results / self.name / RECORD_FILE).exists():
            raise StoreError(
                f"{self.results / self.name} holds the results of a study; give these another "
                "name with --name"
            )


@dataclass(frozen=True)
class JudgeRequest:
    """By what runs are to be judged, and what is to be shown of them.

    With `predict`, pairs that were not measured are estimated from the others. `command` is what
    asks for all this.
    """

    judgement: Judgement
    command: str
    shown: Shown = field(default_factory=Shown)
    predict: bool = False


def judge_runs(given: Given, asked: JudgeRequest, places: JudgedPlaces) -> Outcome:
    """Judge runs and write their tables, figures and report.

    Raises StoreError for places that cannot be written, and StudyError where what is to be
    predicted cannot be.
    """
    from transfer_study.report.sentences.figure_names import font_note

    places.check()
    judgement = asked.judgement
    results, plots = places.results / places.name, places.plots / places.name
    compared = given.comparisons()
    edges = deltas(compared, given.test_sets, judgement, ())
    design, tasks = _design(given, judgement, places.name), given.tasks
    itself = with_themselves(_runs_by_edge(given), given.test_sets, judgement)
    itself = itself.drop(columns=["variant", "size"])
    advice = _advice(edges, tasks, judgement)
    meaning = meanings(edges, compared, given.answered.get, given.test_sets, judgement)
    predicted = (
        predicted_edges(edges, given.alone, judgement.margin, "table") if asked.predict else None
    )
    with writing(results):
        results.mkdir(parents=True, exist_ok=True)
        outputs = Outputs(results / LOG_FILE)
        write_tables(results, outputs, deltas=edges, false_edges=itself)
        write_if_any(results, outputs, **{EVIDENCE: meaning, PREDICTED: predicted})
        write_edge_tables(design, edges, results, outputs)
        figures, captions = draw_edges(design, edges, tasks, plots, outputs, asked.shown)
        content = Content(
            design=design,
            deltas=edges,
            scores=_scores(given),
            tasks=tasks,
            runs=_runs(compared, given),
            commands=[f"{asked.command}  # judges the same runs again"],
            recommendations=advice,
            false_edge_rate=false_edge_sentence(false_edges(itself, ALPHA), answers=design.answers),
            file=places.name,
            warnings=[*given.notes, *_coverage(given, edges)],
            captions=captions,
            reported=own_provenance(),
            predicted=predicted,
            meaning=meaning,
        )
        page = write_report_files(content, figures, results, outputs)
    not_drawn = font_note(content)
    return Outcome(
        design=design,
        tasks=tasks,
        deltas=edges,
        figures=list(map(str, figures)),
        advice=lambda chosen: _advice(chosen, tasks, judgement),
        price=price(distinct_edges(edges), None),
        false_edge_rate=content.false_edge_rate,
        predicted=predicted,
        report=None if page is None else str(page),
        unwritten=outputs.told,
        notes=given.notes if not_drawn is None else (*given.notes, not_drawn),
        study=places.name,
    )


def check_task(given: Given, task: str) -> None:
    """Raise StudyError for a task that no run is of."""
    names = [str(name) for name in given.tasks["name"]]
    if task not in names:
        raise StudyError(f"--task: found {task}, of which no run is; {choices(task, names)}")


def _design(given: Given, judgement: Judgement, name: str) -> Design:
    models = given.models
    members = {str(arm): _members(rows) for arm, rows in models.groupby("arm", sort=False)}
    arms = [arm for arm in Arm.known.values() if arm in {arm_of(label) for label in members}]
    edge = ["encoder", "reading", "arm", "source", "target"]
    baselines = given.baselines.groupby(["encoder", "reading", "target"])["seed"].nunique()
    seeds = models.groupby(edge)["seed"].nunique()
    n_seeds = int(seeds.max())
    return Design(
        name=name,
        encoders=list(dict.fromkeys(models["encoder"])),
        arms=arms,
        readings=[r for r in Reading if str(r) in set(models["reading"])],
        views=tuple(views_of(members)),
        n_seeds=n_seeds,
        least_seeds=int(seeds.min()),
        n_baseline_seeds=max(n_seeds, int(baselines.max())),
        margin=judgement.margin,
        correction=judgement.correction,
        given=True,
        answers=all(one.documents for one in given.test_sets.values()),
    )


def _members(rows: pd.DataFrame) -> tuple[str, ...]:
    """The tasks of an arm of sets, by its rows; none of another, which is of all."""
    arm = arm_of(str(rows["arm"].iloc[0]))
    if arm is None or arm.sets is None:
        return ()
    sources = (name for names in rows["source"] for name in apart(names))
    return tuple(dict.fromkeys([*sources, *rows["target"]]))


def _runs_by_edge(given: Given) -> dict[Edge, list[str]]:
    """The runs of every model, which are not of one baseline under several readings twice."""
    runs: dict[Edge, list[str]] = {}
    names = ["encoder", "reading", "arm", "source", "target", "run"]
    for encoder, reading, arm, source, target, run in given.runs[names].itertuples(index=False):
        edge = Edge(encoder=encoder, reading=reading, arm=arm, source=source, target=target)
        runs.setdefault(edge, []).append(run)
    return runs


def _scores(given: Given) -> pd.DataFrame:
    """One row a run and target, as `score_systems` has them."""
    runs = given.runs.rename(columns={"target": "task", "run": "stage"})
    ends = zip(runs["task"], runs["stage"], strict=True)
    values = [given.test_sets[task].scores()[stage] for task, stage in ends]
    return runs.assign(value=values, split="test")


def _runs(compared: pd.DataFrame, given: Given) -> dict[RunKey, list[SeedRun]]:
    names = ["encoder", "reading", "source", "target", "arm", "metric", "seed", "stage", "baseline"]
    runs: dict[RunKey, list[SeedRun]] = {}
    for *about, arm, metric, seed, model, baseline in compared[names].itertuples(index=False):
        if not model:
            continue
        encoder, reading, source, target = map(str, about)
        scores = given.test_sets[target].scores()
        run = SeedRun(int(seed), model, baseline, scores[model] - scores[baseline])
        key = (encoder, reading, "", source, target, str(arm), None, str(metric))
        runs.setdefault(key, []).append(run)
    return runs


def _coverage(given: Given, edges: pd.DataFrame) -> list[str]:
    by = ["target", "n_seeds", "n_documents"]
    cells = edges.drop_duplicates(by)[by].itertuples(index=False)
    # Others may call a metric as they like: what counts is how a test set is scored.
    said = (
        coverage_warning(test_set.metric, int(seeds), int(n))
        for target, seeds, n in cells
        if isinstance(test_set := given.test_sets[target], TestSet)
    )
    return [one for one in dict.fromkeys(said) if one is not None]


def _advice(edges: pd.DataFrame, tasks: pd.DataFrame, judgement: Judgement) -> list[Recommendation]:
    targets = set(edges["target"])
    named = [str(name) for name in tasks["name"] if name in targets]
    return advise(edges, named, judgement.margin)
