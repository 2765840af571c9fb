"""What a study will take and what it will show, by what is stored of it or of a pilot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from transfer_study.analysis.doubt.forecast import expected_courses, looked_power_table
from transfer_study.analysis.doubt.power import planned_edges, power_table
from transfer_study.analysis.effects.looks import edges_of
from transfer_study.analysis.effects.tables import tables
from transfer_study.execute.cost import SecondsEstimate, stage_cost
from transfer_study.execute.disk import DiskForecast, forecast
from transfer_study.session.places import Places
from transfer_study.session.plans import as_begun, with_answered
from transfer_study.session.stored import missing
from transfer_study.store.open_store import open_store
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.looks import Edge, Looks
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study


def disk_forecast(plan_: Plan, places: Places) -> DiskForecast:
    """What a run of the missing stages will take of the disk, and which weights it keeps."""
    store = open_store(places.store)
    return forecast(plan_, store, places.keep_weights, stage_cost(plan_, store))


def power(
    plan_: Plan, store: Store, pilot: Plan | None = None, looks: Looks | None = None
) -> pd.DataFrame | None:
    """The smallest effect that each edge of a plan can detect, in fractions of 1, or by looks.

    How much noise there is to expect is taken from the stored stages of the plan, or of a pilot's;
    None where these are not of two seeds at least.
    """
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


@dataclass(frozen=True)
class LooksForecast:
    """How many stages looks will take and how many seconds, None where nothing was measured.

    At the look to come, at the most, and as may be expected by a pilot's noise and effects: None
    where it tells nothing of some edges, or where some were judged already.
    """

    coming: tuple[int, float | None]
    most: tuple[int, float | None]
    expected: tuple[float, float | None] | None


def forecast_looks(
    first: Plan, looks: Looks, places: Places, pilot: Plan | None = None
) -> LooksForecast:
    """What a run by these looks will take, of which some may be done."""
    store = open_store(places.store)
    most = missing(with_answered(first.at_most(looks), places), store)
    coming = missing(as_begun(first, places), store)
    measured = SecondsEstimate(most, store)
    cost = measured.seconds if measured.measured else None

    def taken(shares: Mapping[str, float]) -> tuple[float, float | None]:
        stages = [stage for stage in most if stage.id in shares]
        if not stages:
            return 0.0, 0.0
        seconds = None if cost is None else sum(cost(s) * shares[s.id] for s in stages)
        return sum(shares[stage.id] for stage in stages), seconds

    expected = None if looks.done else _shares(first, looks, most, store, pilot)
    (n_coming, of_coming), (n_most, of_most) = (
        taken({stage.id: 1.0 for stage in part}) for part in (coming, most)
    )
    return LooksForecast(
        (round(n_coming), of_coming),
        (round(n_most), of_most),
        None if expected is None else taken(expected),
    )


def _shares(
    first: Plan, looks: Looks, most: Plan, store: Store, pilot: Plan | None
) -> dict[str, float] | None:
    """In which share of simulated studies each missing stage is wanted."""
    taken: dict[Edge, NDArray[np.int64]] = {}
    for protocol, edges, known, study in planned_and_known(first, store, pilot):
        of_study = study.correction, study.margin, looks.counts
        found = expected_courses(edges, known, *of_study)
        if found is None:
            return None
        named = edges_of(edges.assign(protocol=protocol))
        taken |= dict(zip(named, found.looks.T, strict=True))
    if not taken:
        return None
    order = {seed: n for n, seed in enumerate(looks.seeds)}
    wanted: dict[str, NDArray[np.bool_]] = {}
    own = {stage.id for stage in first}
    for system in most.systems:
        if system.edge in taken and system.seed in order:
            look = next(k for k, n in enumerate(looks.counts, 1) if order[system.seed] < n)
            for stage in system.stages():
                goes = taken[system.edge] >= look
                wanted[stage.id] = wanted.get(stage.id, False) | goes
    return {
        stage.id: 1.0 if stage.id in own else float(wanted.get(stage.id, np.zeros(1)).mean())
        for stage in most
    }
