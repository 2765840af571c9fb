"""What is stored of a study, held against another study or against the paper; runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from transfer_study.analysis.effects.tables import tables
from transfer_study.analysis.paper.agreement import (
    HeldClaim,
    HeldScore,
    check_comparable,
    hold_claims,
    hold_scores,
)
from transfer_study.errors import StudyError
from transfer_study.files import check_writable, writing
from transfer_study.report.comparison import Compared, Evidence, compare
from transfer_study.report.tables.edge_files import read_table
from transfer_study.session.places import Places
from transfer_study.session.plans import known_plan, make_plan
from transfer_study.session.stored import answer_source, failed_stages
from transfer_study.store.chosen_pairs import begun_plan
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.open_store import open_store
from transfer_study.store.predictions import FirstOf, StoredAnswers
from transfer_study.store.recorded import RECORD_FILE, plan_of_record, recorded_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study


def hold_against_published(study: Study, places: Places) -> tuple[list[HeldScore], list[HeldClaim]]:
    """Hold a study's scores and edges against the paper's, from what is stored; writes nothing.

    Raises StudyError where the study has none of the paper's tasks.
    """
    check_comparable(study)
    plan_ = known_plan(study, places)
    failed = failed_stages(plan_, open_store(places.store))
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
    clean = plan_.under(plan_.protocols[0])
    failed = failed_stages(plan_, open_store(places.store))
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
    first, second = (_evidence(path, places, settings, data) for path in (a, b))
    check_writable(places.results, "results")
    check_writable(places.plots, "plots")
    with writing(places.results):
        return compare(first, second, places.results, places.plots)


def _evidence(path: Path, places: Places, settings: Sequence[str], data: Path | None) -> Evidence:
    """What is stored of a study: by its file, as it was last run, or its table alone."""
    store = open_store(places.store)
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
            plan_ = begun_plan(first, folder)
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
