"""What is stored of a study, written as its tables, figures and report."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from transfer_study.analysis.graph.views import Shown
from transfer_study.files import writing
from transfer_study.outcome import Outcome
from transfer_study.session.places import Places
from transfer_study.session.stored import answer_source, failed_stages, lost_stages
from transfer_study.store.open_store import open_store
from transfer_study.store.recorded import is_recorded_otherwise
from transfer_study.study.plan import Plan
from transfer_study.study.stage_labels import stage_labels
from transfer_study.visible import visible

if TYPE_CHECKING:
    import pandas as pd

    from transfer_study.analysis.effects.judgement import Rejudged
    from transfer_study.report.results import Written
    from transfer_study.store.predictions import AnswerSource


@dataclass(frozen=True)
class ReportRequest:
    """What a report is asked for.

    The figures and the outcome's deltas are of what is `shown`. What is `rejudged`, or `apart`
    under a name, goes to a folder of its own inside the study's, whose own tables stay. With
    `predict`, pairs that were not measured are estimated. `study` is the study as the report's
    commands name it.
    """

    shown: Shown = field(default_factory=Shown)
    rejudged: Rejudged | None = None
    apart: str = ""
    predict: bool = False
    study: str = "STUDY"

    @property
    def options(self) -> list[str]:
        """The options of the command that asks for it."""
        otherwise = self.rejudged.options if self.rejudged else []
        return [*self.shown.options, *otherwise, *(["--predict"] if self.predict else [])]

    def of(self, plan_: Plan) -> Plan:
        """The plan as it is judged; raises StudyError for what the study does not have."""
        self.shown.check(plan_.study)
        return self.rejudged.of(plan_) if self.rejudged else plan_


def write_report(
    plan_: Plan,
    places: Places,
    asked: ReportRequest | None = None,
    leaks: pd.DataFrame | None = None,
) -> Outcome:
    """Write a study's tables and figures from the store, or from its compact predictions.

    `leaks` are those of `survey`, else as an earlier run found them. Raises StudyError for what
    the study does not have.
    """
    from transfer_study.analysis.effects.tables import Ran
    from transfer_study.report.beside import Beside, costs, made, other_attempts
    from transfer_study.report.results import (
        EPOCHS_FILE,
        Folders,
        epoch_scores,
        write_judged,
        write_results,
    )
    from transfer_study.report.traits import keep_traits, traits_of

    asked = asked or ReportRequest()
    judged, shown = asked.of(plan_), asked.shown
    folders = Folders(places.results, places.plots) / plan_.study.name
    results = folders.results
    store, source = open_store(places.store), answer_source(plan_, places)
    store.bring(plan_)
    failed, lost = failed_stages(plan_, store), lost_stages(plan_, places)
    ran = Ran(judged, source, failed)
    others, options = other_attempts(plan_, store), shlex.join(asked.options)
    label = "+".join(filter(None, [asked.apart, asked.rejudged.label if asked.rejudged else ""]))
    with writing(results):
        known = Beside(
            leaks,
            costs(plan_, store),
            asked.study,
            options,
            lost,
            others,
            made(plan_, store),
            predict=asked.predict,
        )
        folder = results / label if asked.apart else results
        beside = known.kept_in(folder, results, alike=not asked.apart)
        beside = replace(beside, traits=traits_of(judged, results))
        keep_traits(judged, beside.traits, folder)
        if label:
            epochs = epoch_scores(judged, source, results / EPOCHS_FILE)
            written = write_judged(ran, folders / label, shown, beside, epochs)
        else:
            written = write_results(ran, folders, shown, beside)
    outcome = outcome_of(judged, written, asked, source, failed, beside.costs)
    return replace(outcome, notes=(*written.notes, *others), lost=lost)


def write_so_far(plan_: Plan, places: Places, study: str, reloads: int) -> None:
    """Write the page, its Markdown and the figures of a study that runs, and nothing else.

    `study` is its name in commands; the page reloads itself after so many seconds.
    """
    from transfer_study.analysis.effects.tables import Ran
    from transfer_study.report.beside import Beside, costs, made
    from transfer_study.report.results import EPOCHS_FILE, Folders, epoch_scores, write_judged
    from transfer_study.report.sentences.so_far import SoFar

    folders = Folders(places.results, places.plots) / plan_.study.name
    store, source = open_store(places.store), answer_source(plan_, places)
    failed, written = failed_stages(plan_, store), time.time()
    done = sum(stage.id in plan_.answered or store.is_done(stage) for stage in plan_)
    so_far = SoFar(done, len(failed), len(plan_), written, reloads)
    known = Beside(
        costs=costs(plan_, store), file=study, made=made(plan_, store), so_far=so_far
    ).with_kept_leaks(folders.results)
    epochs = epoch_scores(plan_, source, folders.results / EPOCHS_FILE)
    write_judged(Ran(plan_, source, failed), folders, Shown(), known, epochs)


def outcome_of(
    plan_: Plan,
    written: Written,
    asked: ReportRequest,
    source: AnswerSource,
    failed: frozenset[str],
    spent: pd.DataFrame | None,
) -> Outcome:
    """What was written of a plan and `spent` on it, for those who go on with it."""
    from transfer_study.analysis.advice.recommend import recommendations
    from transfer_study.analysis.edges import distinct_edges
    from transfer_study.analysis.effects.scores import task_table
    from transfer_study.report.design import Design
    from transfer_study.report.sentences.price import price

    clean, labels = plan_.under(plan_.protocols[0]), stage_labels(plan_)
    not_run = {s.stage.id for s in plan_.systems if not source.has(s.stage)} - failed
    return Outcome(
        design=Design.of_plan(clean),
        tasks=task_table(clean),
        advice=lambda edges: recommendations(clean, edges, asked.study),
        deltas=asked.shown.of(plan_.study, written.deltas),
        figures=list(map(str, written.figures)),
        failed=frozenset(labels[stage] for stage in failed),
        not_run=frozenset(labels[stage] for stage in not_run),
        choices=written.choices,
        stability=written.stability,
        pretraining=written.pretraining,
        predicted=written.predicted,
        price=price(distinct_edges(written.deltas), spent),
        false_edge_rate=written.false_edge_rate,
        report=None if written.page is None else str(written.page),
        unwritten=written.unwritten,
        notes=written.notes,
        study=asked.study,
    )


def apart_as(plan_: Plan, places: Places, settings: Sequence[str]) -> str:
    """What a report with changed settings is called beside the study's own, which it spares.

    Empty where the study's folder holds nothing, or was written with the same settings.
    """
    if not settings or not is_recorded_otherwise(plan_.study, places.results / plan_.study.name):
        return ""
    from transfer_study.figures.save import file_part

    said = "+".join(settings)
    plain = re.sub(r"[^\w.=,+-]+", "-", said)
    return file_part(plain if plain == said else f"{plain}-{crc32(said.encode()):08x}")


def as_named(
    file: Path | str | None, settings: Sequence[str] = (), fidelity: float | None = None
) -> str:
    """A study as a command names it: its file and the keys that were changed, as a shell reads it.

    Or the preview of it. Of a study that has no file, a word that stands for it.
    """
    changes = [word for setting in settings for word in ("--set", setting)]
    changes += [] if fidelity is None else ["--fidelity", f"{fidelity:.10g}"]
    return visible(shlex.join(["STUDY" if file is None else str(file), *changes]))
