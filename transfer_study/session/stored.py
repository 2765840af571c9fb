"""What is there of a plan: done, missing, failed, lost, and where its answers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from transfer_study.session.places import Places
from transfer_study.store.open_store import open_store
from transfer_study.store.recorded import recorded_as_run, recorded_stages
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan

if TYPE_CHECKING:
    from transfer_study.store.predictions import AnswerSource
    from transfer_study.store.prune import Prunable


def missing(plan_: Plan, store: Store) -> Plan:
    """The part of a plan that a run would still execute."""
    return plan_.missing(store.is_done, store.has_model)


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
    store, source = open_store(places.store), answer_source(plan_, places)
    once = recorded_as_run(places.results / plan_.study.name)
    said = []
    for stage in plan_:
        if lost := store.lost(stage):
            said.append(lost)
        elif stage.id in once and not source.has(stage):
            said.append(
                f"{stage.name} was run and is in the store {store.place} no more; name the store "
                "that has it with --store, or run the study again"
            )
    return tuple(said)


def answer_source(plan_: Plan, places: Places) -> AnswerSource:
    """Where the plan's predictions are: the store, and for stages it lacks the compact files.

    So a store that holds a part of a study never replaces its committed results by that part.
    """
    from transfer_study.store.compact import CompactAnswers
    from transfer_study.store.predictions import FirstOf, StoredAnswers

    stored = StoredAnswers(open_store(places.store))
    compact = CompactAnswers(places.results / plan_.study.name)
    return FirstOf((stored, compact)) if any(map(stored.has, plan_)) else compact


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
    return [*recorded], prunable(open_store(places.store), recorded.values(), ids, results=results)
