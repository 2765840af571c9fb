"""From a study to its plan: made from its data, or as it was last run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from transfer_study.files import writing
from transfer_study.session.places import Places
from transfer_study.session.stored import answer_source
from transfer_study.store.chosen_pairs import begun_plan, forget_choice
from transfer_study.store.open_store import open_store
from transfer_study.store.recorded import (
    PREDICTIONS_FILE,
    keep_plan,
    kept_plan,
    recorded_as_run,
    recorded_plan,
    write_record,
)
from transfer_study.study.plan import Plan, plan
from transfer_study.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from transfer_study.data.fingerprints import Rows
    from transfer_study.data.leaks.findings import Dropped
    from transfer_study.data.splits import TaskData


def make_plan(study: Study, rows: Rows | None = None) -> Plan:
    """Read the study's data and encoders, and plan its stages; raises DataError, EncoderError.

    `rows` are those of its tasks where they were read before.
    """
    return plan_with_dropped(study, rows)[0]


def plan_with_dropped(study: Study, rows: Rows | None = None) -> tuple[Plan, tuple[Dropped, ...]]:
    """The plan of a study, and the training rows dropped as leaks; raises as `make_plan`."""
    from transfer_study.data.fingerprints import load_tasks
    from transfer_study.data.leaks.exclude import all_dropped

    loaded = load_tasks(study, rows)
    return _planned(study, loaded), all_dropped(loaded)


def _planned(study: Study, loaded: dict[str, TaskData]) -> Plan:
    from transfer_study.data.fingerprints import take_fingerprints

    planned = plan(study, take_fingerprints(study, loaded))
    if study.pretrain is not None:
        from transfer_study.learn.pretrain import check_pretrainable

        for encoder in study.encoders:
            check_pretrainable(encoder, whole_word=study.pretrain.whole_word)
    return planned


def survey(study: Study, rows: Rows | None = None) -> tuple[Plan, pd.DataFrame]:
    """The plan of a study, and the leaks in what it reads; raises as `make_plan`."""
    from transfer_study.data.fingerprints import load_tasks
    from transfer_study.data.leaks.find import find_leaks
    from transfer_study.data.leaks.findings import leak_table

    loaded = load_tasks(study, rows)
    return _planned(study, loaded), leak_table(find_leaks(study, loaded))


def begin(first: Plan, places: Places) -> Plan:
    """The plan of all pairs with the seeds that looks have added, kept as `keep` does."""
    with writing(places.results / first.study.name):
        forget_choice(places.results / first.study.name)
    return keep(first, places)


def keep(first: Plan, places: Places) -> Plan:
    """The plan as it was begun, kept in the study's results folder and store.

    So that others can follow the run without the study's data, from where they see but the store.
    """
    folder, whole = places.results / first.study.name, as_begun(first, places)
    has = answer_source(whole, places).has
    with writing(folder):
        write_record(whole, folder, has)
    keep_plan(whole, open_store(places.store))
    return whole


def known_plan(study: Study, places: Places) -> Plan:
    """The plan as last run if its inputs are the same, else made anew from the data.

    With the seeds that looks have added to some of its edges, or the pairs that were chosen.
    """
    return as_begun(known_first(study, places), places)


def known_first(study: Study, places: Places) -> Plan:
    """The plan of the study's own seeds, likewise."""
    recorded = recorded_plan(study, places.results / study.name)
    recorded = recorded or kept_plan(study, open_store(places.store))
    return recorded or make_plan(study)


def as_begun(first: Plan, places: Places) -> Plan:
    """The plan with the seeds that looks have added, or with the pairs that were chosen alone.

    And with what its results folder answers.
    """
    return with_answered(begun_plan(first, places.results / first.study.name), places)


def with_answered(plan_: Plan, places: Places) -> Plan:
    """The plan with the stages whose answers its results folder holds, which run no more.

    So a study goes on where others, on other machines, have left it.
    """
    store, folder = open_store(places.store), places.results / plan_.study.name
    once = recorded_as_run(folder)
    elsewhere = any(stage.id in once and not store.is_done(stage) for stage in plan_)
    if not elsewhere or not (folder / PREDICTIONS_FILE).exists():
        return plan_
    from transfer_study.store.compact import CompactAnswers

    return replace(plan_, answered=CompactAnswers(folder).stages())
