"""Agreement has three values: what each edge, claim and score may say, reckoned by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from transfer_study.analysis.edges import Verdict
from transfer_study.analysis.paper.agreement import (
    Agreement,
    HeldEdge,
    HeldScore,
    check_comparable,
    claim_outcome,
    hold_claims,
    hold_scores,
)
from transfer_study.errors import StudyError
from transfer_study.published import ClaimedEffect, SystemKind
from transfer_study.study.plan import Plan
from transfer_study.study.system import System

MakePlan = Callable[..., Plan]
MakeScores = Callable[..., pd.DataFrame]

AGREES, DISAGREES = Agreement.AGREES, Agreement.DISAGREES
CANNOT, ABSENT = Agreement.CANNOT_DECIDE, Agreement.NOT_MEASURED

EDGES = {
    "gain": (Verdict.GAIN, 0.03),
    "small gain": (Verdict.GAIN, 0.006),
    "loss": (Verdict.LOSS, -0.03),
    "equivalent": (Verdict.EQUIVALENT, 0.001),
    "undecided": (Verdict.UNDECIDED, 0.08),
    "failed": (Verdict.FAILED, float("nan")),
    "not run": (Verdict.NOT_RUN, float("nan")),
    "absent": (None, None),
}


def edges(words: str) -> list[HeldEdge]:
    return [HeldEdge("a", "b", *EDGES[word]) for word in words.split(", ")]


@pytest.mark.parametrize(
    ("found", "improves", "not_improves", "barely"),
    [
        ("gain", AGREES, DISAGREES, DISAGREES),
        ("small gain", AGREES, DISAGREES, AGREES),
        ("loss", DISAGREES, AGREES, AGREES),  # what is harmed can barely be improved
        ("equivalent", DISAGREES, AGREES, AGREES),
        ("undecided", CANNOT, CANNOT, CANNOT),
        ("failed", CANNOT, CANNOT, CANNOT),
        ("not run", CANNOT, CANNOT, CANNOT),
        ("absent", ABSENT, ABSENT, ABSENT),
        # A claim on several edges needs all of them and falls with one.
        ("gain, gain", AGREES, DISAGREES, DISAGREES),
        ("gain, undecided", CANNOT, DISAGREES, DISAGREES),
        ("loss, undecided", DISAGREES, CANNOT, CANNOT),
        ("loss, equivalent", DISAGREES, AGREES, AGREES),
        ("loss, gain", DISAGREES, DISAGREES, DISAGREES),
        ("equivalent, small gain", DISAGREES, DISAGREES, AGREES),
        ("equivalent, failed", DISAGREES, CANNOT, CANNOT),
        ("gain, absent", CANNOT, DISAGREES, DISAGREES),
        ("absent, absent", ABSENT, ABSENT, ABSENT),
    ],
)
def test_claims_on_every_edge(
    found: str, improves: Agreement, not_improves: Agreement, barely: Agreement
) -> None:
    held = edges(found)
    assert claim_outcome(ClaimedEffect.IMPROVES, held) == improves
    assert claim_outcome(ClaimedEffect.NOT_IMPROVES, held) == not_improves
    assert claim_outcome(ClaimedEffect.BARELY, held) == barely


@pytest.mark.parametrize(
    ("found", "can"),
    [
        ("gain, equivalent, loss", AGREES),  # one partner that helps is enough
        ("gain, undecided, absent", AGREES),
        ("equivalent, loss, undecided", CANNOT),
        ("equivalent, loss, absent", CANNOT),
        ("equivalent, equivalent, loss", DISAGREES),
        ("absent, absent", ABSENT),
    ],
)
def test_what_can_be_improved_needs_one_partner_that_helps(found: str, can: Agreement) -> None:
    assert claim_outcome(ClaimedEffect.CAN_IMPROVE, edges(found)) == can


@pytest.mark.parametrize("effect", list(ClaimedEffect))
@pytest.mark.parametrize("found", ["gain", "loss, gain", "equivalent", "small gain, loss"])
def test_edges_of_a_part_of_the_data_decide_nothing(effect: ClaimedEffect, found: str) -> None:
    doubted = [replace(edge, doubt="limits leave a part of train of b") for edge in edges(found)]
    assert claim_outcome(effect, edges(found)) != CANNOT or effect is ClaimedEffect.MIXED
    if effect is not ClaimedEffect.MIXED or len(doubted) > 1:
        assert claim_outcome(effect, doubted) == CANNOT


@pytest.mark.parametrize(
    ("found", "mixed"),
    [
        ("gain, loss, undecided", AGREES),
        ("gain, equivalent, undecided", CANNOT),  # the open edge may be the loss
        ("gain, equivalent, failed", CANNOT),
        ("gain, equivalent, absent", CANNOT),
        ("equivalent, equivalent, undecided", DISAGREES),  # one edge cannot be both
        ("equivalent, undecided, not run", CANNOT),
        ("gain, gain, equivalent", DISAGREES),
        ("loss, loss, loss", DISAGREES),
        ("undecided, undecided, undecided", CANNOT),
        ("absent, absent, absent", ABSENT),
    ],
)
def test_mixed_needs_a_gain_and_a_loss(found: str, mixed: Agreement) -> None:
    assert claim_outcome(ClaimedEffect.MIXED, edges(found)) == mixed


def test_claims_are_held_against_the_pairs_of_each_encoder(make_plan: MakePlan) -> None:
    def edge(encoder: str, source: str, target: str, verdict: str, **changes: object) -> object:
        ends = {"encoder": encoder, "source": source, "target": target, "verdict": verdict}
        return ends | {"delta": 0.02, "arm": "pair", "reading": "refine", "over": ""} | changes

    gains = [edge("a", s, "chemprot", "gain") for s in ("ddi2013-type", "bc5cdr-chemical")]
    deltas = pd.DataFrame(
        [
            *gains,
            edge("a", "bc5cdr-disease", "chemprot", "gain"),
            edge("b", "bc5cdr-disease", "chemprot", "loss"),
            *(edge("b", s, "ddi2013-type", "loss") for s in ("chemprot", "bc5cdr-disease")),
            edge("b", "bc5cdr-chemical", "ddi2013-type", "equivalent"),
            # Neither the full mix nor fine-tuning is what Figure 2 shows.
            edge("b", "ddi2013-type", "bc5cdr-chemical", "gain", arm="full"),
            edge("b", "ddi2013-type", "bc5cdr-disease", "gain", reading="finetune"),
        ]
    )
    held = {
        (h.encoder, h.claim.source, h.claim.target): h
        for h in hold_claims(make_plan("a", "b"), deltas)
    }
    assert len(held) == 2 * 11
    assert held["a", "*", "chemprot"].outcome == AGREES
    assert held["a", "*", "chemprot"].reason == "3 gain"
    assert held["b", "*", "chemprot"].outcome == CANNOT
    assert held["b", "*", "chemprot"].reason == "1 loss, 2 not measured"
    assert held["b", "*", "ddi2013-type"].outcome == DISAGREES
    for target in ("bc5cdr-chemical", "bc5cdr-disease"):
        assert held["b", "*", target].outcome == ABSENT
    assert held["a", "mednli", "clinicalsts"].outcome == ABSENT


def test_limits_of_what_an_edge_is_made_of_leave_its_claim_open(make_plan: MakePlan) -> None:
    names = ("chemprot", "ddi2013-type", "bc5cdr-chemical", "bc5cdr-disease")
    ends = [(source, target) for source in names for target in names if source != target]
    edge = {"encoder": "a", "verdict": "gain", "delta": 0.02, "arm": "pair", "over": ""}
    deltas = pd.DataFrame(
        [{**edge, "reading": "refine", "source": s, "target": t} for s, t in ends]
    )

    def held(**limits: int) -> dict[str, tuple[Agreement, str]]:
        cut = {"name": "ddi2013-type", "limits": limits}
        plan = make_plan("a", tasks=("chemprot", cut, "bc5cdr-chemical", "bc5cdr-disease"))
        claims = hold_claims(plan, deltas)
        return {h.claim.target: (h.outcome, h.reason) for h in claims if h.claim.source == "*"}

    whole = {name: (AGREES if n < 2 else DISAGREES, "3 gain") for n, name in enumerate(names)}
    assert held(max_train=11, max_test=11, max_dev=10) == whole
    told = "3 gain; limits leave a part of the data"
    one = "3 gain; 1 of 3 edges: limits leave a part of the data"
    # One partner that helps is enough, and one large gain too much.
    whole |= {name: (outcome, one) for name, (outcome, _) in whole.items()}
    assert held(max_train=10) == {**whole, "ddi2013-type": (CANNOT, told)}
    # The source's own test set is no part of an edge.
    whole = {name: (outcome, "3 gain") for name, (outcome, _) in whole.items()}
    assert held(max_test=10) == {**whole, "ddi2013-type": (CANNOT, told)}


SPREAD = (-0.01, 0.0, 0.01)  # by seed: the interval reaches 0.0248 to each side


def around(centre: float) -> Callable[[System, str], float]:
    return lambda system, metric: centre + SPREAD[system.seed]


def held_score(
    held: list[HeldScore], system: SystemKind, task: str, mix: int = 1, encoder: str = "BlueBERT"
) -> HeldScore:
    (found,) = [
        h
        for h in held
        if (h.published.system, h.published.task, len(h.published.mix)) == (system, task, mix)
        and h.encoder.startswith(encoder)
    ]
    return found


@pytest.mark.parametrize(
    ("centre", "outcome"),
    [(0.725, AGREES), (0.745, AGREES), (0.7501, AGREES), (0.752, DISAGREES), (0.69, DISAGREES)],
)
def test_a_score_agrees_where_the_interval_holds_the_published_one(
    make_plan: MakePlan, make_scores: MakeScores, centre: float, outcome: Agreement
) -> None:
    plan = make_plan("BlueBERT-biomedical")
    held = hold_scores(plan, make_scores(plan, around(centre)), failed=())
    found = held_score(held, SystemKind.SINGLE, "chemprot", encoder="BlueBERT-biomedical")
    assert found.published.value == 0.725
    assert found.outcome == outcome
    assert found.n_seeds == 3
    assert found.interval is not None and found.interval.mean == pytest.approx(centre)


def test_a_score_is_measured_in_the_metric_of_the_published_one(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    plan = make_plan("BlueBERT-biomedical")

    def value(system: System, metric: str) -> float:
        return {"macro_f1": 0.739, "micro_f1": 0.792}.get(metric, 0.1) + SPREAD[system.seed] / 10

    held = hold_scores(plan, make_scores(plan, value), failed=())
    alone = held_score(held, SystemKind.SINGLE, "ddi2013-type", encoder="BlueBERT-biomedical")
    joint = held_score(held, SystemKind.REFINEMENT, "ddi2013-type", 4)
    assert (alone.outcome, joint.outcome) == (AGREES, AGREES)


def test_what_cannot_be_decided_says_why(make_plan: MakePlan, make_scores: MakeScores) -> None:
    def reason(plan: Plan, failed: object = (), **without: int) -> str:
        def value(system: System, metric: str) -> float | None:
            lost = system.arm == "single" and system.seed in without.values()
            return None if lost else around(0.725)(system, metric)

        held = hold_scores(plan, make_scores(plan, value), failed)
        found = held_score(held, SystemKind.SINGLE, "chemprot", encoder="BlueBERT-biomedical")
        assert found.outcome == CANNOT
        return found.reason

    plan = make_plan("BlueBERT-biomedical")
    lost = next(
        s.stage.id
        for s in plan.systems
        if (s.reading, s.arm, s.target, s.seed) == ("finetune", "single", "chemprot", 1)
    )
    assert reason(make_plan("BlueBERT-biomedical", seeds=1)) == "one seed has no interval"
    assert reason(plan, without=1).startswith("1 of 3 seeds not run; ")
    assert reason(plan, failed=[lost], without=1).startswith("1 of 3 seeds failed; ")
    cut = ({"name": "chemprot", "limits": {"max_train": 10, "max_dev": 10}}, "ddi2013-type")
    said = reason(make_plan("BlueBERT-biomedical", tasks=cut))
    assert said == "limits leave a part of train; the published value lies inside the interval"
    uncut = ({"name": "chemprot", "limits": {"max_train": 11}}, "ddi2013-type")
    plan = make_plan("BlueBERT-biomedical", tasks=uncut)
    held = hold_scores(plan, make_scores(plan, around(0.725)), failed=())
    found = held_score(held, SystemKind.SINGLE, "chemprot", encoder="BlueBERT-biomedical")
    assert found.outcome == AGREES


@pytest.mark.parametrize(
    ("by_seed", "says"),
    [
        ((0.6, 0.6, 0.6), "all runs score alike"),
        ((0.1, 0.9), "no usable interval with 2 seeds"),
    ],
)
def test_without_an_interval_nothing_disagrees(
    make_plan: MakePlan, make_scores: MakeScores, by_seed: tuple[float, ...], says: str
) -> None:
    plan = make_plan("BlueBERT-biomedical", seeds=len(by_seed))
    scores = make_scores(plan, lambda system, metric: by_seed[system.seed])
    held = hold_scores(plan, scores, failed=())
    found = held_score(held, SystemKind.SINGLE, "chemprot", encoder="BlueBERT-biomedical")
    assert (found.outcome, found.reason) == (CANNOT, says)


def test_what_the_study_lacks_is_not_measured(make_plan: MakePlan, make_scores: MakeScores) -> None:
    plan = make_plan("BlueBERT-biomedical", readings=["refine"])
    held = hold_scores(plan, make_scores(plan, around(0.7)), failed=())
    lacking = {h.reason for h in held if h.outcome == ABSENT}
    assert lacking == {
        *(f"no task {t} in the study" for t in ("clinicalsts", "mednli", "i2b2-2010-re")),
        "no task shareclefe in the study",
        "no encoder BioBERT in the study",
        "no encoder BlueBERT-clinical in the study",
        "no MT-Fine-Tune in the study",
    }
    assert sum(h.outcome != ABSENT for h in held) == 4 + 4
    fewer = make_plan("BlueBERT-biomedical", tasks=("chemprot", "ddi2013-type"))
    held = hold_scores(fewer, make_scores(fewer, around(0.7)), failed=())
    joint = held_score(held, SystemKind.FINE_TUNE, "chemprot", 4, "BlueBERT-biomedical")
    assert joint.reason == "the paper's model learned another set of 4 tasks"


def test_two_encoders_of_one_name_in_the_paper_are_both_held(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    plan = make_plan("BioBERT", "dmis-lab/biobert-v1.1")
    held = hold_scores(plan, make_scores(plan, around(0.729)), failed=())
    for encoder in ("BioBERT", "dmis-lab"):
        assert held_score(held, SystemKind.FINE_TUNE, "chemprot", 4, encoder).outcome == AGREES


def test_a_pretrained_encoder_is_held_and_told_to_be_another_than_the_papers(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    plan = make_plan("BioBERT", pretrain={"texts": "tasks", "compare": False})
    held = hold_scores(plan, make_scores(plan, around(0.729)), failed=())
    found = held_score(held, SystemKind.FINE_TUNE, "chemprot", 4, "BioBERT")
    assert (found.encoder, found.n_seeds, found.outcome) == ("BioBERT+mlm", 3, CANNOT)
    assert found.interval is not None and found.interval.mean == pytest.approx(0.729)
    said = "the encoder was pretrained further than the paper's; the published value lies inside"
    assert found.reason.startswith(said)
    edge = {"encoder": "BioBERT+mlm", "source": "ddi2013-type", "target": "chemprot", "over": ""}
    edge |= {"verdict": "gain", "delta": 0.02, "arm": "pair", "reading": "refine"}
    claims = hold_claims(plan, pd.DataFrame([edge]))
    assert {claim.encoder for claim in claims} == {"BioBERT+mlm"}
    assert [c.outcome for c in claims if c.claim.target == "chemprot"] == [AGREES]


def test_seeds_are_counted_at_the_largest_size(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    """Two sizes of one seed are no two seeds, and a smaller size does not stand for a larger."""
    sized = {"name": "chemprot", "limits": {"max_train": [5, 11]}}
    plan = make_plan("BlueBERT-biomedical", tasks=(sized, "ddi2013-type"), seeds=1)
    assert {system.size for system in plan.systems if system.target == "chemprot"} == {5, 11}

    def reason(lost: int | None = None) -> str:
        kept = [s for s in plan.systems if s.size is None or s.size != lost]
        part = replace(plan, systems=tuple(kept))
        scores = make_scores(part, lambda system, metric: 0.725)
        sizes = {s.stage.id: s.size for s in kept if s.target == "chemprot"}
        scores["size"] = scores["stage"].map(sizes).astype("Int64")
        held = hold_scores(plan, scores, failed=())
        return held_score(held, SystemKind.SINGLE, "chemprot", encoder="BlueBERT-biomedical").reason

    assert reason() == "one seed has no interval"
    assert reason(lost=11) == "1 of 1 seeds not run"


def test_a_study_without_a_task_of_the_paper_is_refused(make_plan: MakePlan) -> None:
    with pytest.raises(StudyError, match=r"has none of the tasks of .*: found biosses, hoc;"):
        check_comparable(make_plan("tiny", tasks=("biosses", "hoc")).study)
    check_comparable(make_plan("tiny", tasks=("biosses", "chemprot")).study)


def test_a_study_of_several_recipes_is_refused(make_plan: MakePlan) -> None:
    variants = {"plain": {}, "slow": {"learning_rate": 1e-5}}
    study = make_plan("tiny", variants=variants, readings=["finetune"]).study
    with pytest.raises(StudyError, match="has several recipes, its variants plain, slow;"):
        check_comparable(study)
