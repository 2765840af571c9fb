"""An edge that a table has under two names counts once."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.analysis.made_up import MadeUpAnswers, planned
from transfer_study.analysis.advice.recommend import recommendations
from transfer_study.analysis.compare.difference import Side, differences
from transfer_study.analysis.doubt.power import planned_edges
from transfer_study.analysis.edges import distinct_edges, repeated
from transfer_study.report.content import family_size
from transfer_study.report.results import tables
from transfer_study.study.correction import Correction
from transfer_study.study.plan import Plan

NUMBERS = ["delta", "low", "high", "p", "adjusted_low", "adjusted_high", "adjusted_p", "level"]


def edges(plan: Plan) -> pd.DataFrame:
    # The more tasks a stage learns the better it is, so that edges differ from zero.
    answers = MadeUpAnswers(lambda stage: 0.6 + 0.15 * len(stage.tasks))
    return tables(plan, answers, ())[1].reset_index(drop=True)


@pytest.mark.parametrize("correction", list(Correction))
def test_the_pair_of_two_tasks_is_their_full_mix(correction: Correction) -> None:
    plan = planned(["a", "b"], seeds=4, correction=correction)
    found = edges(plan)
    assert list(found["arm"]) == ["pair", "pair", "full", "full"]
    assert list(repeated(found)) == [False, False, True, True]
    pair, full = (rows[NUMBERS].to_numpy() for _, rows in found.groupby("arm", sort=False))
    assert pair.tolist() == full.tolist()
    # The numbers are those of a study that gives them one name.
    alone = edges(planned(["a", "b"], seeds=4, correction=correction, arms=["single", "pairs"]))
    assert alone[NUMBERS].to_numpy().tolist() == pair.tolist()
    assert family_size(found, "refine") == len(distinct_edges(found)) == 2
    assert list(planned_edges(plan)["family"]) == [2, 2, 2, 2]
    ways = [len(one.compared) - 1 for one in recommendations(plan, found)]
    assert ways == [1, 1]


def test_groups_are_told_by_their_tasks_and_other_ways_to_share_are_others() -> None:
    groups = {"few": ["a", "b"], "all": ["a", "b", "c"]}
    arms = ["single", "pairs", "full", "groups", "soft", "distil"]
    found = edges(planned(["a", "b", "c"], seeds=2, arms=arms, groups=groups))
    again = found[repeated(found)]
    assert [*again["arm"]] == ["group:few"] * 2 + ["group:all"] * 3
    assert len(distinct_edges(found)) == 6 + 3 + 6 + 3


def test_edges_of_two_sizes_or_recipes_are_two() -> None:
    limits = {"max_train": [100, 300]}
    variants = {"plain": {}, "slow": {"learning_rate": 1e-6}}
    found = edges(planned(["a", "b"], seeds=2, limits=limits, variants=variants))
    assert len(found) == 2 * 2 * 4
    assert repeated(found).sum() == 2 * 2 * 2


@pytest.mark.parametrize("correction", [Correction.HOLM, Correction.BH])
def test_differences_between_studies_count_an_edge_once(correction: Correction) -> None:
    both = [edges(planned(["a", "b"], seeds=4, refine={"epochs": n})) for n in (3, 4)]
    alone = [table[table["arm"] == "pair"] for table in both]
    found, expected = (
        differences(Side("one", a), Side("two", b), correction) for a, b in (both, alone)
    )
    of_pairs = found[found["arm"] == "pair"]
    for name in ("adjusted_p", "adjusted_low", "adjusted_high"):
        assert list(of_pairs[name]) == list(expected[name])
