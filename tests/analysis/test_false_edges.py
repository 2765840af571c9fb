"""A model against itself: how often an effect is found where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from transfer_study.analysis.doubt.false_edges import compare_with_itself, false_edges
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.metrics import statistics
from transfer_study.report.sentences.false_edges import false_edge_sentence
from transfer_study.study.margin import Margin
from transfer_study.study.plan import Plan
from transfer_study.study.tasks.task import MetricName

TASKS = ("chemprot", "ddi2013-type")
N = 150


def answered(plan: Plan) -> dict[str, TestSet]:
    """Test sets of models whose seeds are right on the same 70% of examples, but for chance."""
    random = np.random.default_rng(5)
    sets = {}
    for task in plan.study.tasks:
        gold = ["false" if task.name == "chemprot" else "DDI-false"] * N
        wrong = task.labels[0]
        hard = random.normal(size=N)
        models = {}
        for system in plan.systems:
            if system.target == task.name and system.stage.id not in models:
                right = hard + 0.7 * random.normal(size=N) < 0.6
                said = [g if r else wrong for g, r in zip(gold, right, strict=True)]
                names = [str(n) for n in range(N)]
                models[system.stage.id] = statistics(MetricName.ACCURACY, task, gold, said, names)
        sets[task.name] = TestSet.of(task.name, MetricName.ACCURACY, N, 0.1, models)
    return sets


@pytest.fixture
def made(make_plan: Callable[..., Plan]) -> Plan:
    arms = ["single", "pairs", "full"]
    return make_plan("tiny", tasks=TASKS, arms=arms, seeds=8)


def test_the_rate_is_the_level_where_seeds_differ_by_chance(made: Plan) -> None:
    # With nothing of the seeds' own, their variance is a little more than what examples make of it.
    for alpha, least, most in ((0.05, 0.0, 0.15), (0.5, 0.15, 0.65)):
        judgement = Judgement(Margin(absolute=0.0), alpha=alpha)
        found = false_edges(compare_with_itself(made, answered(made), judgement), alpha)
        assert least <= found.rate <= most
        # Without a margin, an interval without zero is a verdict.
        assert found.verdict_rate == found.rate
        assert found.low <= found.rate < found.high
    far = Judgement(Margin(absolute=0.9), alpha=0.5)
    assert false_edges(compare_with_itself(made, answered(made), far), 0.5).verdict_rate == 0


def test_every_model_is_there_once(made: Plan, make_plan: Callable[..., Plan]) -> None:
    judgement = Judgement(Margin(absolute=0.01))
    table = compare_with_itself(made, answered(made), judgement, splits=3)
    # The full mix of two tasks is their pair.
    assert sorted(zip(table["reading"], table["arm"], table["target"], strict=True)) == sorted(
        (reading, arm, target)
        for target in TASKS
        for reading, arm in (
            *(("refine", "single"), ("refine", "pair")),
            *(("finetune", "single"), ("finetune", "control"), ("finetune", "pair")),
        )
    )
    assert set(table["n_seeds"]) == {8}
    assert set(table["comparisons"]) == {3}
    few = make_plan("tiny", tasks=TASKS, seeds=3)
    assert not len(compare_with_itself(few, answered(few), judgement))


def test_a_comparison_without_a_p_is_none(made: Plan) -> None:
    """As of a test set of one document: nothing was tested, so nothing was found to be right."""
    sets = {
        name: replace(answers, statistics=answers.statistics.sum(axis=0, keepdims=True))
        for name, answers in answered(made).items()
    }
    found = false_edges(compare_with_itself(made, sets, Judgement(Margin(absolute=0.01))), 0.05)
    assert (found.systems, found.comparisons) == (0, 0)
    assert "A/A: none" in false_edge_sentence(found)


def test_the_interval_counts_models() -> None:
    table = pd.DataFrame({"comparisons": [20] * 10, "rejected": [10] * 4 + [0] * 6})
    found = false_edges(table.assign(verdicts=0), 0.05)
    said = binomtest(2, 10).proportion_ci(method="wilson")
    assert (found.rate, found.systems, found.comparisons) == (0.2, 10, 200)
    assert (found.low, found.high) == pytest.approx((said.low, said.high))
    assert "of 200 comparisons of 10 models with themselves" in false_edge_sentence(found)
    assert "20.0% have p below 5% [5.7%, 51.0%, counted by models]" in false_edge_sentence(found)


def test_without_seeds_there_is_no_rate() -> None:
    none = false_edges(pd.DataFrame({"comparisons": [], "rejected": [], "verdicts": []}), 0.05)
    assert np.isnan(none.rate)
    assert "needs four seeds" in false_edge_sentence(none)
