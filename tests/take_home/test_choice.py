"""Which models there are to take home: every one told from the others, and asked for by name."""

from __future__ import annotations

import pytest

from tests.analysis.made_up import made_up, planned
from transfer_study.errors import ExportError
from transfer_study.study.plan import Plan
from transfer_study.take_home.choice import Asked, Candidate, candidates_for, full_mixes

VARIANTS = {"plain": {}, "slow": {"learning_rate": 1e-6}}
SIZES = {"max_train": [100, 300]}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return planned(
        ["a", "b"], seeds=2, limits=SIZES, variants=VARIANTS, pretrain={"texts": "tasks"}
    )


def titles(found: list[Candidate]) -> list[str]:
    assert all(len({stage.seed for stage in c.stages}) == len(c.stages) == 2 for c in found)
    named = [candidate.title for candidate in found]
    assert len({*named}) == len(named)
    return named


def test_no_two_models_have_one_title(plan: Plan) -> None:
    found = titles(candidates_for(plan, "a", Asked()))
    assert len(found) == 3 * 2 * 2 * 2  # arms, variants, sizes, with and without pretraining
    assert "refine reading, single, slow, 100 examples from one+mlm" in found


@pytest.mark.parametrize("arm", ["single", "pair", "full"])
def test_a_variant_and_a_size_are_asked_for_by_name(plan: Plan, arm: str) -> None:
    asked = Asked(arm, encoder="one", variant="slow", size=100)
    (found,) = candidates_for(plan, "a", asked)
    said = {(s.variant, s.size, s.encoder) for s in plan.systems if s.stage in found.stages}
    assert said == {("slow", 100, "one")}
    assert {stage.tasks[0].data.train.n for stage in found.stages} == {100}


def test_full_mixes_are_told_apart_by_all_but_their_seed(plan: Plan) -> None:
    found = titles(full_mixes(plan, Asked()))
    assert len(found) == 2 * 2 * 2
    assert "full mix, plain, 300 examples from one+mlm" in found
    (one,) = full_mixes(plan, Asked(encoder="one+mlm", variant="plain", size=300))
    assert {len(stage.parents) for stage in one.stages} == {1}
    of_own = planned([made_up("a", limits=SIZES), "b"], seeds=2)
    assert titles(full_mixes(of_own, Asked())) == [
        "full mix, 300 examples",
        "full mix, 100 examples",
    ]


def test_a_pair_with_shuffled_labels_is_no_full_mix() -> None:
    controls = ["placebo", "self", "matched"]
    (found,) = full_mixes(planned(["a", "b"], seeds=2, controls=controls), Asked())
    assert len(found.stages) == 2


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(variant="slwo"), "found variant slwo; did you mean 'slow'? Allowed: plain, slow"),
        (Asked(size=77), "found size 77; allowed: 100, 300"),
    ],
)
def test_what_the_study_lacks_is_told(plan: Plan, asked: Asked, says: str) -> None:
    for find in (lambda: candidates_for(plan, "a", asked), lambda: full_mixes(plan, asked)):
        with pytest.raises(ExportError) as error:
            find()
        assert str(error.value) == says


def test_a_study_without_the_axis_says_so() -> None:
    plain = planned(["a", "b"], seeds=1)
    with pytest.raises(ExportError, match="found variant slow, but the study has no `variants`"):
        candidates_for(plain, "a", Asked(variant="slow"))
    with pytest.raises(ExportError, match="found size 100, but a is learned at one size"):
        candidates_for(plain, "a", Asked(size=100))
    with pytest.raises(ExportError, match="found size 100, but its tasks are learned at one size"):
        full_mixes(plain, Asked(size=100))
