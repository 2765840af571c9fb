"""Seeds for undecided edges alone, at looks fixed in advance, while seeds may decide them.

Everything follows from the store: run again after a kill, it comes to the same stages, the same
looks and the same verdicts. No edge is judged before the seeds of its look are complete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transfer_study.analysis.doubt.power import FUTILE, chances
from transfer_study.analysis.edges import Verdict, asked_edges
from transfer_study.analysis.effects.looks import beyond_seeds, edges_of, standing
from transfer_study.analysis.effects.tables import tables
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.errors import StudyError
from transfer_study.execute.cost import seconds_taken, stage_cost
from transfer_study.session.places import Places
from transfer_study.session.run import Session, execute
from transfer_study.session.stored import answer_source, failed_stages, missing
from transfer_study.store.chosen_pairs import CHOICE_FILE, read_choice
from transfer_study.store.looked import LOOKS_FILE, read_looks, write_looks
from transfer_study.store.open_store import open_store
from transfer_study.store.store import Store
from transfer_study.study.looks import Edge, Looks
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage


@dataclass(frozen=True)
class Look:
    """What a look found: how many edges have each verdict, and what the stages took, in seconds.

    `stopped` are undecided and get no more seeds, for these would hardly decide them. `next_seeds`
    and `next_seconds` are of the look to come, None after the last.
    """

    number: int
    n_seeds: int
    verdicts: Mapping[str, int]
    seconds: float
    next_seeds: int | None
    next_seconds: float | None
    stopped: int = 0


def fix_looks(first: Plan, places: Places, max_seeds: int, n_looks: int | None) -> Looks:
    """Fix the looks of a study, or find them as it began; raises StudyError for others.

    `first` is the plan of the study's own seeds.
    """
    looks = known_looks(first, places, max_seeds, n_looks)
    folder = places.results / first.study.name
    if read_choice(first, folder) is not None:
        raise StudyError(
            f"--until-decided: found {folder / CHOICE_FILE}, the pairs of this study that a budget "
            "has chosen; go on with --predict, or remove the file to run all pairs"
        )
    if read_looks(first, folder) is None:
        write_looks(first, looks, ALPHA, folder)
    return Looks(seeds=looks.seeds, counts=looks.counts)


def known_looks(first: Plan, places: Places, max_seeds: int, n_looks: int | None) -> Looks:
    """The looks of a study as they stand, or as they will be fixed; raises StudyError for others.

    Writes nothing.
    """
    looks = Looks.fixed(first.study.seeds, max_seeds, n_looks)
    folder = places.results / first.study.name
    begun = read_looks(first, folder)
    if begun is None:
        return looks
    if begun.counts != looks.counts:
        raise StudyError(
            f"looks are fixed before the first, and {folder / LOOKS_FILE} has them at "
            f"{begun.listed()} seeds; found {looks.listed()}; give --max-seeds "
            f"{begun.counts[-1]} --looks {len(begun.counts)} to go on, or remove the file to begin "
            "anew, as if no edge had been judged yet"
        )
    return begun


def run_until_decided(
    first: Plan, looks: Looks, session: Session, tell: Callable[[Look], None]
) -> tuple[Plan, Plan]:
    """Run look after look until every edge is decided or the last look is done; `tell` of each.

    Returns the plan as judged and the plan that was run last: another where a part was left out.
    """
    places = session.places
    store, folder = open_store(places.store), places.results / first.study.name
    judged = first
    part = first.looked(looks.another(frozenset()))
    execute(part, session)
    while _is_complete(part, store):
        judged, deltas = part, _deltas(part, places)
        looks = looks.after(standing(deltas))
        write_looks(first, looks, ALPHA, folder)
        chance = _chances(part, deltas)
        undecided = looks.undecided() - beyond_seeds(deltas)
        # An edge of a single seed says nothing of its chance.
        worth = {edge for edge in undecided if not chance.get(edge, np.nan) < FUTILE}
        last = looks.done == len(looks.counts)
        ended = last or not worth
        if not ended:
            part = first.looked(looks.another(worth))
        todo, cost = missing(part, store), stage_cost(part, store)
        tell(
            Look(
                looks.done,
                looks.counts[looks.done - 1],
                Counter(edge.verdict for edge in looks.edges),
                seconds_taken(judged, store),
                None if ended else looks.counts[looks.done],
                None if ended else sum(map(cost, todo)),
                0 if last else len(undecided) - len(worth),
            )
        )
        if ended:
            break
        execute(part.ordered(promise(part, chance, todo, cost)), session, in_order=True)
    return judged, part


def _is_complete(plan: Plan, store: Store) -> bool:
    """Whether every stage is done or was tried in vain: only then is a look judged."""
    failed = failed_stages(plan, store)
    done = failed | plan.answered
    return all(stage.id in done or store.is_done(stage) for stage in plan)


def _deltas(part: Plan, places: Places) -> pd.DataFrame:
    """The deltas of a plan as judged, with a column `protocol`."""
    source, failed = answer_source(part, places), failed_stages(part, open_store(places.store))
    return pd.concat(
        [
            tables(part.under(protocol), source, failed)[1].assign(protocol=protocol)
            for protocol in part.protocols
        ],
        ignore_index=True,
    )


def _chances(judged: Plan, deltas: pd.DataFrame) -> dict[Edge, float]:
    """How likely each undecided edge is to be decided by the last look."""
    looks, study = judged.looks, judged.study
    assert looks is not None
    raw = asked_edges(deltas)
    found = chances(raw, study.correction, study.margin, looks.counts)
    wanted = raw["verdict"] == Verdict.UNDECIDED
    return dict(zip(edges_of(raw[wanted]), found[wanted], strict=True))


def promise(
    coming: Plan, chance: Mapping[Edge, float], todo: Plan, cost: Callable[[Stage], float]
) -> dict[Edge, float]:
    """The chance of each edge for what its seeds cost.

    A stage for which several edges wait costs each of them its share. An edge of which too little
    is known to say how likely comes last.
    """
    waiting: dict[str, set[Edge]] = {stage.id: set() for stage in todo}
    for system in coming.systems:
        if system.edge in chance:
            for stage in system.stages():
                waiting.get(stage.id, set()).add(system.edge)
    costs = dict.fromkeys(chance, 0.0)
    for stage in todo:
        for edge in waiting[stage.id]:
            costs[edge] += cost(stage) / len(waiting[stage.id])
    return {
        edge: -np.inf if np.isnan(chance[edge]) else chance[edge] / max(costs[edge], 1e-9)
        for edge in chance
    }
