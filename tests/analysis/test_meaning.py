"""What an edge means: in which parts of the test set it shows, what flips, what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.analysis.made_up import made_up, planned
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.scores import comparison_table
from transfer_study.analysis.effects.scores_on_test import ScoresAlone
from transfer_study.analysis.effects.tables import tables
from transfer_study.analysis.meaning.answered import UNSEEN, WORDS, Answered, overlap
from transfer_study.analysis.meaning.flips import flips
from transfer_study.analysis.meaning.groups import groups, overlap_groups
from transfer_study.analysis.meaning.of_plan import answered_by
from transfer_study.analysis.meaning.table import meanings
from transfer_study.analysis.meaning.worth import worth
from transfer_study.data.streams import stream
from transfer_study.metrics import from_sums, score
from transfer_study.metrics.by_class import OF_A_CLASS, class_statistics
from transfer_study.metrics.rows import Floats
from transfer_study.store.predictions import Answers
from transfer_study.study.correction import Correction
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.task import MetricName, Task

N = 600
CLASSES = ("common", "rare", "none")


def task_of(kind: str, labels: Sequence[str], **changes: Any) -> Task:
    return Task.model_validate(made_up("target", kind=kind, labels=list(labels), **changes))


@dataclass(frozen=True)
class Parted:
    """Answers that are right as often as `share` says of a stage and of what is asked."""

    share: Callable[[Stage, str, int], float]
    lacks: frozenset[str] = field(default=frozenset())

    def has(self, stage: Stage) -> bool:
        return stage.id not in self.lacks

    def answers(self, stage: Stage, task: Task) -> Answers:
        gold = [CLASSES[0 if n % 4 < 2 else n % 4 - 1] for n in range(N)]
        drawn = stream(stage.id, task.name).random(N)
        right = [
            draw < self.share(stage, label, n)
            for n, (draw, label) in enumerate(zip(drawn, gold, strict=True))
        ]
        ids = [f"{task.name}-{n}" for n in range(N)]
        wrong = {"common": "none", "rare": "none", "none": "common"}
        said = zip(gold, right, strict=True)
        return Answers(ids, ids, gold, [g if r else wrong[g] for g, r in said])

    def every_epoch(self, stage: Stage, task: Task) -> list[Answers]:
        return []


def study_of(**changes: Any) -> Plan:
    labels = {"labels": list(CLASSES), "negative": "none", "metric": "micro_f1"}
    tasks = [made_up(name, **labels) for name in ("one", "two", "three")]
    asked = {"seeds": 5, "margin": 0.01, "arms": ["single", "pairs"], "readings": ["refine"]}
    return planned(tasks, **(asked | changes))


def meant(plan: Plan, source: Parted, traits: Any = None) -> pd.DataFrame:
    scored, edges = tables(plan, source, ())
    return meanings(
        edges,
        comparison_table(plan),
        answered_by(plan, source, traits or {}),
        scored.test_sets,
        Judgement.of(plan.study),
    )


def with_two(stage: Stage) -> bool:
    return {member.task.name for member in stage.tasks} == {"one", "two"}


def test_the_f1_of_a_class_is_that_of_telling_it_from_all_else() -> None:
    task = task_of("classification", CLASSES, negative="none")
    random = stream("by class")
    gold, said = (list(map(str, random.choice(CLASSES, N))) for _ in range(2))
    found = class_statistics(task, gold, said, gold)
    assert list(found) == ["common", "rare"]
    for name, of_class in found.items():
        alone = task_of("classification", (name, "other"), negative="other")
        told = [[label if label == name else "other" for label in of] for of in (gold, said)]
        expected = score(MetricName.MICRO_F1, alone, *told, gold)
        assert from_sums(OF_A_CLASS, of_class.values.sum(axis=0)) == pytest.approx(expected)


def test_types_of_mention_add_up_to_all_mentions() -> None:
    task = task_of("tagging", ("A", "B"))
    gold = [("B-A", "I-A", "O"), ("B-B", "O", "B-A"), ("O", "O", "B-B")]
    said = [("B-A", "I-A", "B-B"), ("B-A", "O", "B-A"), ("O", "B-B", "I-B")]
    found = class_statistics(task, gold, said, ["1", "2", "3"])
    assert found["A"].values.tolist() == [[1, 1, 1], [1, 2, 1], [0, 0, 0]]
    assert found["B"].values.tolist() == [[0, 1, 0], [0, 0, 1], [0, 1, 1]]


def test_numbers_and_candidates_have_no_classes() -> None:
    number = Task.model_validate({**made_up("n"), "kind": "regression", "labels": []})
    assert class_statistics(number, [1.0, 2.0], [1.0, 2.0], ["a", "b"]) == {}


def answered(task: Task, gold: Sequence[Any], **traits: Floats) -> Answered:
    named = {name.replace("_", " "): np.asarray(values, float) for name, values in traits.items()}
    return Answered(task, gold, [str(n) for n in range(len(gold))], lambda _: gold, named)


def test_groups_hold_every_example_once_and_equal_ones_together() -> None:
    task = task_of("classification", CLASSES)
    lengths = stream("lengths").integers(3, 30, N).astype(float)
    of_length = [
        g for g in groups(answered(task, ["common"] * N, words=lengths)) if g.by == "length"
    ]
    assert len(of_length) == 3
    assert np.sum([g.rows for g in of_length], axis=0).tolist() == [1] * N
    assert all(
        set(lengths[a.rows]).isdisjoint(lengths[b.rows])
        for a in of_length
        for b in of_length
        if a is not b
    )
    assert of_length[0].name == f"up to {lengths[of_length[0].rows].max():.0f} words"
    alike = groups(answered(task, ["common"] * N, words=np.full(N, 7.0)))
    assert [g for g in alike if g.by == "length"] == []


def test_rare_labels_are_those_of_few_examples() -> None:
    task = task_of("classification", CLASSES, negative="none")
    gold = ["common"] * 300 + ["rare"] * 25 + ["none"] * 300
    found = {g.name: g.n for g in groups(answered(task, gold))}
    assert found == {"a label of under 5% of examples": 25, "labels of 20% or more": 300}


def test_sentences_without_a_mention_are_in_no_group_of_mentions() -> None:
    task = task_of("tagging", ("A",))
    unseen = np.array([np.nan] * 40 + [0.0] * 30 + [0.5] * 20 + [1.0] * 10)
    found = {g.name: g.n for g in groups(answered(task, [("O",)] * 100, **{UNSEEN: unseen}))}
    assert found == {"a mention that training lacks": 30, "mentions that training has": 30}


def test_overlap_is_with_the_partners_of_the_edge() -> None:
    task = task_of("classification", CLASSES)
    known = {overlap("two").replace(" ", "_"): np.linspace(0, 1, N)}
    one = answered(task, ["common"] * N, **known)
    assert [g.n for g in overlap_groups(one, "two")] == [201, 200, 199]
    assert list(overlap_groups(one, "three")) == []


def test_an_example_without_a_word_is_in_no_group_and_hides_no_other() -> None:
    task = task_of("classification", CLASSES)
    share = np.append(np.linspace(0, 1, N - 1), np.nan)
    one = answered(task, ["common"] * N, **{overlap("two").replace(" ", "_"): share})
    found = list(overlap_groups(one, "two"))
    assert sum(group.n for group in found) == N - 1
    assert not any(group.rows[-1] for group in found)


def test_a_gain_is_found_in_the_class_where_it_was_planted() -> None:
    source = Parted(lambda stage, label, _: 0.9 if label == "rare" and with_two(stage) else 0.6)
    table = meant(study_of(), source)
    rows = table[(table["source"] == "two") & (table["target"] == "one")]
    by_part = rows[rows["by"] == "class"].set_index("part")
    assert by_part.loc["rare", "verdict"] == "gain"
    assert by_part.loc["common", "verdict"] == "undecided"
    others = table[(table["by"] == "class") & (table["source"] == "three")]
    assert set(others["verdict"]) <= {"undecided", "equivalent"}


def test_a_part_scores_what_its_examples_score() -> None:
    plan = study_of()
    source = Parted(lambda stage, _, n: 0.8 if n < 200 and with_two(stage) else 0.6)
    lengths = np.arange(N, dtype=float)
    table = meant(plan, source, {"one": {WORDS: lengths}})
    short = table[(table["part"] == "up to 200 words") & (table["source"] == "two")]
    (row,) = short.to_dict("records")
    runs = [s for s in plan.systems if (s.target, s.source) == ("one", "two")]
    task = runs[0].task

    def mean(stages: list[Stage]) -> float:
        found = [source.answers(stage, task) for stage in stages]
        return float(
            np.mean(
                [
                    score(task.metric, task, a.gold[:201], a.predicted[:201], a.ids[:201])
                    for a in found
                ]
            )
        )

    assert row["score"] == pytest.approx(mean([s.stage for s in runs]))
    assert row["baseline"] == pytest.approx(mean([s.baseline.stage for s in runs if s.baseline]))
    assert row["verdict"] == "gain"
    assert row["n"] == 201


def test_what_has_not_answered_is_not_looked_into() -> None:
    plan = study_of()
    pair = next(s.stage for s in plan.systems if (s.target, s.source) == ("one", "two"))
    whole = meant(plan, Parted(lambda *_: 0.6))
    part = meant(plan, Parted(lambda *_: 0.6, frozenset({pair.id})))
    assert len(part) == len(whole)
    assert not part["delta"].isna().any()
    none = meant(plan, Parted(lambda *_: 0.6, frozenset(stage.id for stage in plan)))
    assert none.empty


@pytest.mark.parametrize("correction", list(Correction))
def test_every_correction_judges_parts(correction: Correction) -> None:
    source = Parted(lambda stage, label, _: 0.9 if label == "rare" and with_two(stage) else 0.5)
    table = meant(study_of(correction=str(correction), seeds=3), source)
    rows = table[(table["by"] == "class") & (table["part"] == "rare")].set_index(
        ["source", "target"]
    )
    assert rows.loc[("two", "one"), "verdict"] == "gain"


def test_where_one_arm_is_always_right_all_of_its_examples_have_changed() -> None:
    model, baseline = np.ones((4, 10), bool), np.zeros((4, 10), bool)
    right, wrong = flips(model, baseline, [str(n) for n in range(10)])
    assert (right.count, right.by_seeds, right.beyond.mean) == (10, 0, 10)
    assert (wrong.count, wrong.by_seeds, wrong.beyond.mean) == (0, 0, 0)


def test_two_seeds_have_numbers_and_no_interval() -> None:
    random = stream("two seeds")
    right, _ = flips(random.random((2, 50)) < 0.6, random.random((2, 50)) < 0.5, list("ab" * 25))
    assert np.isfinite(right.beyond.mean)
    assert np.isnan(right.beyond.low)


def test_beyond_what_seeds_flip_is_covered_as_often_as_is_said() -> None:
    random, n, sims = stream("flips"), 400, 300
    hits, means = [], []
    for _ in range(sims):
        p = random.beta(2, 2, n)
        q = np.clip(p + 0.3 * (random.random(n) < 0.2), 0, 1)
        model, baseline = random.random((4, n)) < q, random.random((4, n)) < p
        right, _ = flips(model, baseline, [str(i) for i in range(n)])
        # What a fresh sample of examples would have: over p as drawn, not these.
        expected = n * _expected(random)
        hits.append(right.beyond.low <= expected <= right.beyond.high)
        means.append(right.beyond.mean)
    assert np.mean(means) == pytest.approx(n * _expected(random), abs=1.5)
    assert 0.92 <= np.mean(hits) <= 0.99


def _expected(random: np.random.Generator) -> float:
    """The mean of ((q - p)² + (q - p)) / 2 over examples."""
    p = stream("many").beta(2, 2, 200_000)
    gap = np.clip(p + 0.3, 0, 1) - p
    return float(0.2 * ((gap**2 + gap) / 2).mean())


def curve(
    sizes: Sequence[int], seeds: int, noise: float, random: Any
) -> tuple[dict[int, list[str]], dict[str, float]]:
    alone = {n: [f"{n} {s}" for s in range(seeds)] for n in sizes}
    scores = {
        run: 0.1 * np.log(n) + random.normal(0, noise) for n, of in alone.items() for run in of
    }
    return alone, scores


def test_a_gain_is_worth_the_examples_that_reach_it() -> None:
    alone, scores = curve((100, 200, 400), 3, 1e-6, stream("worth"))
    scores |= {f"m{s}": 0.1 * np.log(200) + 1e-6 * s for s in range(3)}
    test_set = ScoresAlone("target", scores)
    found = worth(["m0", "m1", "m2"], 100, alone, test_set)
    assert found.mean == pytest.approx(100, abs=0.1)
    assert found.low == pytest.approx(100, abs=1)
    beyond = worth(alone[400], 100, {n: alone[n] for n in (100, 200)}, test_set)
    assert (beyond.mean, beyond.high) == (np.inf, np.inf)
    below = worth(alone[100], 200, {n: alone[n] for n in (200, 400)}, test_set)
    assert (below.mean, below.low) == (-np.inf, -np.inf)


def test_what_a_gain_is_worth_is_covered_as_often_as_is_said() -> None:
    random, hits = stream("worth"), []
    for _ in range(150):
        alone, scores = curve((100, 200, 400, 800), 4, 0.01, random)
        scores |= {f"m{s}": 0.1 * np.log(300) + random.normal(0, 0.01) for s in range(4)}
        found = worth([f"m{s}" for s in range(4)], 100, alone, _Resampled("target", scores))
        hits.append(found.low <= 200 <= found.high)
    assert np.mean(hits) >= 0.92


class _Resampled(ScoresAlone):
    """Scores whose test examples are taken as they are, with as many draws as of resamples."""

    def replicates(self, stages: Sequence[str]) -> Floats:
        return np.tile([[self.known[stage]] for stage in stages], 500)


def test_sizes_tell_what_an_edge_is_worth() -> None:
    labels = {"labels": list(CLASSES), "negative": "none", "metric": "micro_f1"}
    tasks = [
        made_up("one", **labels, limits={"max_train": [100, 200, 400]}),
        made_up("two", **labels),
    ]
    asked = {"seeds": 4, "arms": ["single", "pairs"], "readings": ["refine"], "margin": 0.01}
    plan = planned(tasks, **asked)

    def share(stage: Stage, _: str, __: int) -> float:
        sizes = {m.task.name: m.data.train.n for m in stage.tasks}
        alone = 0.5 + 0.1 * np.log2(sizes.get("one", 100) / 100)
        return float(alone + 0.1 * (len(sizes) == 2))

    table = meant(plan, Parted(share))
    rows = table[(table["by"] == "worth") & (table["target"] == "one")].set_index("size")
    assert rows.loc[100, "baseline"] == 100
    assert rows.loc[100, "low"] <= 100 <= rows.loc[100, "high"]
    assert rows.loc[400, "delta"] == np.inf
