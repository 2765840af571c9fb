"""Edges judged look by look: what each verdict rests on once seeds were added to some of them.

At every look the family of all edges is corrected, each edge with the seeds it has and with a p
that pays for all looks (sequential.py). So an edge that is null by its delta is declared
falsely at any of them with at most the chance that one test would have, whether or not seeds would
have been added: nothing is gained by looking on. Hence the first verdict stands.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pandas as pd

from transfer_study.analysis.edges import DECIDED, LOOK, asked_edges, checked, raw_edges
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.scores import comparison_table
from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.effects.sequential import Sequential
from transfer_study.study.looks import Edge, Looked
from transfer_study.study.plan import Plan


def judged_deltas(
    plan: Plan, test_sets: Mapping[str, ScoresOnTest], failed: Collection[str], *, raw: bool = False
) -> pd.DataFrame:
    """The deltas of a study; with looks, each edge's at the look that decided it.

    `raw` leaves out controls, and effects over them. Otherwise as `deltas`.
    """
    judgement = Judgement.of(plan.study).counting(plan.unmeasured)

    def at(judgement: Judgement, seeds: Collection[int] | None = None) -> pd.DataFrame:
        comparisons = comparison_table(plan, seeds)
        wanted = asked_edges(comparisons) if raw else comparisons
        return deltas(wanted, test_sets, judgement, failed)

    if plan.looks is None:
        return at(judgement)
    judgement = replace(judgement, looks=Sequential(plan.looks.counts))
    looks = range(1, plan.looks.done + 1)
    return checked(judged([at(judgement, plan.looks.seeds_at(look)) for look in looks]))


def judged(looks: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put together the deltas of the looks done, each edge's rows as at the look that decided it.

    Every table is of one look, with the same rows in the same order. The column `look` counts from
    1, empty for what is undecided yet. The raw delta decides; rows over a control go with it.
    """
    last = looks[-1]
    edges = _edges(last)
    look = pd.Series(pd.NA, index=last.index, dtype="Int64")
    for number, table in enumerate(looks, start=1):
        decided = raw_edges(table)["verdict"].isin(DECIDED)
        reached = edges[decided[decided].index]
        look = look.where(look.notna() | ~edges.isin(reached), number)
    decided_at = look.fillna(len(looks))
    rows = pd.concat([t[decided_at == n] for n, t in enumerate(looks, start=1)]).sort_index()
    return rows.assign(look=look)


def standing(deltas: pd.DataFrame) -> list[Looked]:
    """How each edge of judged deltas stands; of several protocols, their column is `protocol`."""
    raw = asked_edges(deltas)
    about = zip(edges_of(raw), raw["n_seeds"], raw["verdict"], raw[LOOK], strict=True)
    return [
        Looked(edge=edge, n_seeds=seeds, verdict=verdict, look=None if pd.isna(look) else look)
        for edge, seeds, verdict, look in about
    ]


def beyond_seeds(deltas: pd.DataFrame) -> frozenset[Edge]:
    """The edges that no seed decides, for all their test examples are of one document."""
    raw = asked_edges(deltas)
    return frozenset(edges_of(raw[raw["n_documents"] == 1]))


def edges_of(deltas: pd.DataFrame) -> list[Edge]:
    """What names the edge of each row."""
    rows = deltas.reindex(columns=list(Edge.model_fields)).to_dict("records")
    return [
        Edge.model_validate({name: value for name, value in row.items() if not pd.isna(value)})
        for row in rows
    ]


def _edges(deltas: pd.DataFrame) -> pd.Series:
    """The name of each row's edge, as one value."""
    key = [name for name in Edge.model_fields if name in deltas]
    return deltas.groupby(key, sort=False, dropna=False).ngroup()
