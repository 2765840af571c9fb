"""The steps of a study from its file to its figures; the command line and Python take the same."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from pydantic import ByteSize, TypeAdapter, ValidationError

from transfer_study.analysis.graph.views import Shown
from transfer_study.errors import StoreError, StudyError
from transfer_study.execute.progress import Progress
from transfer_study.files import check_folder, check_writable, size_text, writing
from transfer_study.outcome import Outcome
from transfer_study.store.held import hold
from transfer_study.store.looked import looked_plan
from transfer_study.store.recorded import (
    PREDICTIONS_FILE,
    RECORD_FILE,
    is_recorded_otherwise,
    plan_of_record,
    recorded_as_run,
    recorded_plan,
    recorded_stages,
    write_record,
)
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.looks import Looks
from transfer_study.study.plan import Plan, plan
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study
from transfer_study.visible import visible

if TYPE_CHECKING:
    import pandas as pd

    from transfer_study.analysis.effects.judgement import Rejudged
    from transfer_study.analysis.paper.agreement import HeldClaim, HeldScore
    from transfer_study.data.leaks.findings import Dropped
    from transfer_study.data.splits import TaskData
    from transfer_study.execute.disk import DiskForecast
    from transfer_study.execute.executor import Executor
    from transfer_study.report.comparison import Compared, Evidence
    from transfer_study.report.results import Written
    from transfer_study.store.predictions import AnswerSource
    from transfer_study.store.prune import Prunable


@dataclass(frozen=True, init=False)
class Places:
    """Where stages, tables and figures go; by default beside where the command is given.

    `keep_weights` is how much the models of the store may take, in bytes, before weights that only
    a later stage may start from are kept no more; None is `execute.disk.forecast`'s own limit.
    """

    store: Path
    results: Path
    plots: Path
    keep_weights: int | None

    def __init__(
        self,
        store: Path | str | None = None,
        results: Path | str | None = None,
        plots: Path | str | None = None,
        keep_weights: int | str | None = None,
    ) -> None:
        """A size may be written as 5GB; raises StoreError for a place that cannot be a folder."""
        for option, given, usual in (
            ("store", store, "results/stages"),
            ("results", results, "results"),
            ("plots", plots, "plots"),
        ):
            variable = f"TRANSFER_STUDY_{option.upper()}"
            place = Path(os.environ.get(variable) or usual) if given is None else Path(given)
            check_folder(place, option)
            object.__setattr__(self, option, place)
        if keep_weights is None:
            keep_weights = os.environ.get("TRANSFER_STUDY_KEEP_WEIGHTS") or None
        limit = None if keep_weights is None else _size(keep_weights)
        object.__setattr__(self, "keep_weights", limit)

    def check_writable(self, study: Study, *, store: bool) -> None:
        """Raise StoreError unless what a study writes can be written; makes nothing."""
        if store:
            check_writable(self.store, "store")
        check_writable(self.results / study.name, "results")
        check_writable(self.plots / study.name, "plots")


def _size(said: int | str) -> int:
    try:
        return int(TypeAdapter(ByteSize).validate_python(said))
    except (ValidationError, OverflowError):
        raise StudyError(
            f"--keep-weights: found {said!r}; give a size such as 5GB or 500MB, or 0 to keep only "
            "the weights that the study itself needs"
        ) from None


def make_plan(study: Study) -> Plan:
    """Read the study's data and encoders, and plan its stages; raises DataError, EncoderError."""
    return plan_with_dropped(study)[0]


def plan_with_dropped(study: Study) -> tuple[Plan, tuple[Dropped, ...]]:
    """The plan of a study, and the training rows dropped as leaks; raises as `make_plan`."""
    from transfer_study.data.fingerprints import load_tasks
    from transfer_study.data.leaks.exclude import all_dropped

    loaded = load_tasks(study)
    return _planned(study, loaded), all_dropped(loaded)


def _planned(study: Study, loaded: dict[str, TaskData]) -> Plan:
    from transfer_study.data.fingerprints import take_fingerprints

    planned = plan(study, take_fingerprints(study, loaded))
    if study.pretrain is not None:
        from transfer_study.learn.pretrain import check_pretrainable

        for encoder in study.encoders:
            check_pretrainable(encoder, whole_word=study.pretrain.whole_word)
    return planned


def survey(study: Study) -> tuple[Plan, pd.DataFrame]:
    """The plan of a study, and the leaks in what it reads; raises as `make_plan`."""
    from transfer_study.data.fingerprints import load_tasks
    from transfer_study.data.leaks.find import find_leaks
    from transfer_study.data.leaks.findings import leak_table

    loaded = load_tasks(study)
    return _planned(study, loaded), leak_table(find_leaks(study, loaded))


def begin(plan_: Plan, places: Places) -> Plan:
    """The plan with the seeds that looks have added, kept in the study's results folder.

    So that others can follow the run without the study's data.
    """
    folder, whole = places.results / plan_.study.name, with_looks(plan_, places)
    with writing(folder):
        write_record(whole, folder, answer_source(whole, places).has)
    return whole


def known_plan(study: Study, places: Places) -> Plan:
    """The plan as last run if its inputs are the same, else made anew from the data.

    With the seeds that looks have added to some of its edges.
    """
    recorded = recorded_plan(study, places.results / study.name)
    return with_looks(recorded or make_plan(study), places)


def with_looks(plan_: Plan, places: Places) -> Plan:
    """The plan with the seeds that looks have added, and with what its results folder answers."""
    looked = looked_plan(plan_, places.results / plan_.study.name)
    return with_answered(looked, places)


def with_answered(plan_: Plan, places: Places) -> Plan:
    """The plan with the stages whose answers its results folder holds, which run no more.

    So a study goes on where others, on other machines, have left it.
    """
    store, folder = Store(places.store), places.results / plan_.study.name
    once = recorded_as_run(folder)
    elsewhere = any(stage.id in once and not store.is_done(stage) for stage in plan_)
    if not elsewhere or not (folder / PREDICTIONS_FILE).exists():
        return plan_
    from transfer_study.store.compact import CompactAnswers

    return replace(plan_, answered=CompactAnswers(folder).stages())


def missing(plan_: Plan, store: Store) -> Plan:
    """The part of a plan that a run would still execute."""
    return plan_.missing(store.is_done, store.has_model)


def disk_forecast(plan_: Plan, places: Places) -> DiskForecast:
    """What a run of the missing stages will take of the disk, and which weights it keeps."""
    from transfer_study.execute.disk import forecast

    store = Store(places.store)
    return forecast(plan_, store, places.keep_weights, stage_cost(plan_, store))


def check_places(first: Plan, places: Places) -> None:
    """Raise StoreError unless what a run of a study writes can be written, and fits.

    `first` is the plan of the study's own seeds. Makes nothing.
    """
    from transfer_study.execute.disk import forecast

    places.check_writable(first.study, store=True)
    found = forecast(with_looks(first, places), Store(places.store), 0)
    if not found.fits:
        raise StoreError(
            f"the disk of {places.store} has {size_text(found.free)} free, and the run takes about "
            f"{size_text(found.needed_bytes)} for weights that its stages start from and "
            f"{size_text(found.answers_bytes)} for predictions; make room (`transfer-study prune` "
            "removes weights that nothing wants) or choose another place with --store"
        )


def execute(
    plan_: Plan,
    places: Places,
    executor: Executor,
    progress: Progress,
    *,
    fail_fast: bool = False,
    in_order: bool = False,
) -> None:
    """Run the missing stages of a plan, those that take longest first, or `in_order` as planned."""
    store = Store(places.store)
    store.sweep()
    with hold(store, plan_):
        todo = missing(plan_, store)
        if not todo.stages:
            return
        from transfer_study.execute.executor import Todo

        kept, cost = disk_forecast(plan_, places).kept, stage_cost(plan_, store)
        executor.run(Todo(todo, kept, cost, in_order, fail_fast), store, progress)


def stage_cost(plan_: Plan, store: Store) -> Callable[[Stage], float]:
    """Estimated seconds of a stage where like stages were measured, else its amount of work."""
    from transfer_study.execute.cost import SecondsEstimate, work

    estimate = SecondsEstimate(plan_, store)
    return estimate.seconds if estimate.measured else work


def power(
    plan_: Plan, store: Store, pilot: Plan | None = None, looks: Looks | None = None
) -> pd.DataFrame | None:
    """The smallest effect that each edge of a plan can detect, in fractions of 1, or by looks.

    How much noise there is to expect is taken from the stored stages of the plan, or of a pilot's;
    None where these are not of two seeds at least.
    """
    import pandas as pd

    from transfer_study.analysis.doubt.forecast import looked_power_table
    from transfer_study.analysis.doubt.power import power_table

    found = []
    for protocol, edges, known, study in planned_and_known(plan_, store, pilot):
        if looks is None:
            table = power_table(edges, known, study.correction)
        else:
            table = looked_power_table(edges, known, study.correction, looks.counts)
        table.insert(0, "protocol", protocol)
        found.append(table)
    return pd.concat(found, ignore_index=True) if found else None


def planned_and_known(
    plan_: Plan, store: Store, pilot: Plan | None
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame, Study]]:
    """By protocol, its planned edges, the deltas of what is stored of it or of a pilot, its study.

    Nothing where less than two seeds are stored.
    """
    from transfer_study.analysis.doubt.power import planned_edges
    from transfer_study.report.results import tables
    from transfer_study.store.predictions import StoredAnswers

    if len({stage.seed for stage in pilot or plan_ if store.is_done(stage)}) < 2:
        return
    for protocol in plan_.protocols:
        part = plan_.under(protocol)
        piloted = part if pilot is None else pilot.under(pilot.protocols[0])
        yield (
            protocol,
            planned_edges(part),
            tables(piloted, StoredAnswers(store), ())[1],
            part.study,
        )


def prunable_of(
    named: Sequence[Plan], places: Places, *, results: bool
) -> tuple[list[str], Prunable]:
    """The studies that the results folder knows, and what neither they nor those named want.

    Raises StoreError where it cannot be told what a study wants.
    """
    from transfer_study.store.prune import prunable

    folders = sorted(places.results.iterdir()) if places.results.is_dir() else []
    recorded = {folder.name: recorded_stages(folder) for folder in folders}
    recorded = {name: stages for name, stages in recorded.items() if stages}
    ids = {stage.id for plan_ in named for stage in plan_}
    return [*recorded], prunable(Store(places.store), recorded.values(), ids, results=results)


def failed_stages(plan_: Plan, store: Store) -> frozenset[str]:
    """The ids of stages that failed, or that wait for one that failed.

    That may be one that is committed, and failed when it was run again for its weights.
    """
    failed: set[str] = set()
    for stage in missing(plan_, store):
        if store.failure(stage) or any(parent.id in failed for parent in stage.parents):
            failed.add(stage.id)
    done = plan_.answered | {stage.id for stage in plan_ if store.is_done(stage)}
    return frozenset(failed - done)


def lost_stages(plan_: Plan, places: Places) -> tuple[str, ...]:
    """What the store had of a plan and has no more, in sentences that say what to do.

    A stage whose folder has lost its record counts as not run. So does one that an earlier report
    told of, and whose predictions are in neither the store nor the compact files now.
    """
    store, source = Store(places.store), answer_source(plan_, places)
    once = recorded_as_run(places.results / plan_.study.name)
    said = []
    for stage in plan_:
        if lost := store.lost(stage):
            said.append(lost)
        elif stage.id in once and not source.has(stage):
            said.append(
                f"{stage.name} was run and is in the store {store.root} no more; name the store "
                "that has it with --store, or run the study again"
            )
    return tuple(said)


def write_report(
    plan_: Plan,
    places: Places,
    shown: Shown | None = None,
    rejudged: Rejudged | None = None,
    leaks: pd.DataFrame | None = None,
    file: Path | str | None = None,
    settings: Sequence[str] = (),
    apart: str = "",
) -> Outcome:
    """Write a study's tables and figures from the store, or from its compact predictions.

    `leaks` are those of `survey`, else as an earlier run found them; `file` is the study's and
    `settings` what was changed of it, which the report's commands name. With `shown`, the
    figures and the outcome's deltas are those of one arm or training size. What is `rejudged`, or
    `apart` under a name, goes to a folder of its own inside the study's, whose own tables stay.
    Raises StudyError for what the study does not have.
    """
    from transfer_study.report.beside import Beside, costs, made, other_attempts
    from transfer_study.report.results import EPOCHS_FILE, epoch_scores, write_judged, write_results

    shown = shown or Shown()
    shown.check(plan_.study)
    results, plots = places.results / plan_.study.name, places.plots / plan_.study.name
    failed = failed_stages(plan_, Store(places.store))
    source = answer_source(plan_, places)
    lost, name, store = lost_stages(plan_, places), as_named(file, settings), Store(places.store)
    asked = shlex.join([*shown.options, *(rejudged.options if rejudged else ())])
    others = other_attempts(plan_, store)
    label = "+".join(filter(None, [apart, rejudged.label if rejudged else ""]))
    with writing(results):
        known = Beside(leaks, costs(plan_, store), name, asked, lost, others, made(plan_, store))
        folder = results / label if apart else results
        beside = known.kept_in(folder, results, alike=not apart)
        if label:
            plan_ = rejudged.of(plan_) if rejudged else plan_
            epochs = epoch_scores(plan_, source, results / EPOCHS_FILE)
            folders = results / label, plots / label
            written = write_judged(plan_, source, failed, *folders, shown, beside, epochs)
        else:
            written = write_results(plan_, source, failed, results, plots, shown, beside)
    outcome = outcome_of(plan_, written, shown, source, failed, beside.costs)
    return replace(outcome, notes=(*written.notes, *others), lost=lost, study=name)


def outcome_of(
    plan_: Plan,
    written: Written,
    shown: Shown,
    source: AnswerSource,
    failed: frozenset[str],
    spent: pd.DataFrame | None,
) -> Outcome:
    """What was written of a plan and `spent` on it, for those who go on with it."""
    from transfer_study.report.content import raw_edges
    from transfer_study.report.price import price

    return Outcome(
        plan_,
        shown.of(plan_.study, written.deltas),
        list(map(str, written.figures)),
        failed,
        frozenset(s.stage.id for s in plan_.systems if not source.has(s.stage)) - failed,
        written.choices,
        written.stability,
        written.pretraining,
        price(raw_edges(written.deltas), spent),
        written.false_edge_rate,
        None if written.page is None else str(written.page),
        written.unwritten,
        written.notes,
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


def as_named(file: Path | str | None, settings: Sequence[str] = ()) -> str:
    """A study as a command names it: its file and the keys that were changed, as a shell reads it.

    Of a study that has no file, a word that stands for it.
    """
    if file is None:
        return "STUDY"
    changes = (word for setting in settings for word in ("--set", setting))
    return visible(shlex.join([str(file), *changes]))


def hold_against_published(study: Study, places: Places) -> tuple[list[HeldScore], list[HeldClaim]]:
    """Hold a study's scores and edges against the paper's, from what is stored; writes nothing.

    Raises StudyError where the study has none of the paper's tasks.
    """
    from transfer_study.analysis.paper.agreement import check_comparable, hold_claims, hold_scores
    from transfer_study.report.results import tables

    check_comparable(study)
    plan_ = known_plan(study, places)
    failed = failed_stages(plan_, Store(places.store))
    source = answer_source(plan_, places)
    held_scores: list[HeldScore] = []
    held_claims: list[HeldClaim] = []
    for part in map(plan_.under, plan_.protocols):
        scored, deltas = tables(part, source, failed)
        held_scores += hold_scores(part, scored.table, failed)
        held_claims += hold_claims(part, deltas)
    return held_scores, held_claims


def judged_edges(plan_: Plan, places: Places) -> tuple[Plan, pd.DataFrame]:
    """The clean part of a plan and its deltas, from what is stored; writes nothing."""
    from transfer_study.report.results import tables

    clean = plan_.under(plan_.protocols[0])
    failed = failed_stages(plan_, Store(places.store))
    return clean, tables(clean, answer_source(plan_, places), failed)[1]


def compare_studies(
    a: Path,
    b: Path,
    places: Places,
    settings: Sequence[str] = (),
    data: Path | None = None,
) -> Compared:
    """Compare two studies, each a study file or a results folder, and write what differs.

    Runs nothing. Raises StudyError where nothing is stored of a study, or no edge is in both.
    """
    from transfer_study.report.comparison import compare

    first, second = (_evidence(path, places, settings, data) for path in (a, b))
    check_writable(places.results, "results")
    check_writable(places.plots, "plots")
    with writing(places.results):
        return compare(first, second, places.results, places.plots)


def _evidence(path: Path, places: Places, settings: Sequence[str], data: Path | None) -> Evidence:
    """What is stored of a study: by its file, as it was last run, or its table alone."""
    from transfer_study.report.comparison import Evidence
    from transfer_study.report.results import read_table
    from transfer_study.store.compact import CompactAnswers
    from transfer_study.store.predictions import FirstOf, StoredAnswers

    store = Store(places.store)
    folder, notes = path, []
    plans = []
    if not path.is_dir():
        study = read_study(path, settings, data)
        folder = places.results / study.name
        as_written = recorded_plan(study, folder)
        if as_written is None and not (folder / RECORD_FILE).is_file():
            as_written = make_plan(study)
        plans.append(as_written)
        notes.append(f"{path} has changed since it was run: {folder} as last run is compared.")
    plans.append(plan_of_record(folder))
    source = FirstOf((CompactAnswers(folder), StoredAnswers(store)))
    for first in plans:
        if first is not None and any(map(source.has, first)):
            changed = notes if first is not plans[0] else []
            plan_ = looked_plan(first, folder)
            failed = failed_stages(plan_, store)
            return Evidence(plan_.study.name, (plan_, source), failed, tuple(changed))
    table = read_table(folder / "deltas")
    if table is None:
        raise StudyError(
            f"nothing is stored of {path}; run the study, or give its file or its folder of results"
        )
    notes.append(
        f"{folder} has no predictions that its plan names: it is compared by its table of deltas."
    )
    return Evidence(folder.name, table, notes=tuple(notes))


def answer_source(plan_: Plan, places: Places) -> AnswerSource:
    """Where the plan's predictions are: the store, and for stages it lacks the compact files.

    So a store that holds a part of a study never replaces its committed results by that part.
    """
    from transfer_study.store.compact import CompactAnswers
    from transfer_study.store.predictions import FirstOf, StoredAnswers

    stored = StoredAnswers(Store(places.store))
    compact = CompactAnswers(places.results / plan_.study.name)
    return FirstOf((stored, compact)) if any(map(stored.has, plan_)) else compact
