"""What of a study's deltas is seen together, by arm and by training size."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from transfer_study.analysis.graph.graph import build_graph, effects_of, number_of, tasks_of
from transfer_study.analysis.graph.views import MAIN, Shown, at_size
from transfer_study.errors import StudyError
from transfer_study.study.study import Study

COLUMNS = ["source", "target", "arm", "size", "baseline", "score"]
ROWS = [
    ("a", "b", "pair", 10, 0.5, 0.6),
    ("a", "b", "pair", 20, 0.6, 0.65),
    ("b", "a", "pair", None, 0.7, 0.8),
    ("c", "a", "pair", None, 0.7, 0.75),
    ("b+c", "a", "full", None, 0.7, 0.9),
    ("b", "a", "group:g", None, 0.7, 0.85),
    ("a", "b", "group:g", 10, 0.5, 0.58),
    ("a", "b", "group:g", 20, 0.6, 0.68),
    ("a", "b", "sequential", 20, 0.6, 0.55),
    ("b", "a", "leave-one-out", None, 0.88, 0.9),
    ("c", "a", "leave-one-out", None, 0.85, 0.9),
]


@pytest.fixture
def deltas() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=COLUMNS).astype({"size": "Int64"})
    table["delta"] = table["score"] - table["baseline"]
    about = {"encoder": "tiny", "reading": "finetune", "metric": "accuracy", "verdict": "gain"}
    adjusted = {"adjusted_low": -0.1, "adjusted_high": 0.2, "adjusted_p": 0.03}
    numbers = {
        **adjusted,
        "low": 0.0,
        "high": 0.1,
        "p": 0.01,
        "n_seeds": 3,
        "n_test": 90,
        "n_documents": 90,
    }
    numbers |= {"collapsed": False}
    return table.assign(**about, **numbers, over="")


@pytest.fixture
def tasks() -> pd.DataFrame:
    return pd.DataFrame(
        [(name, "classification", "x", "accuracy") for name in "abc"],
        columns=["name", "kind", "domain", "metric"],
    )


@pytest.fixture
def study() -> Study:
    def task(name: str, **more: Any) -> dict[str, Any]:
        source = {"format": "tsv", "folder": name}
        about = {"name": name, "kind": "classification", "labels": ["yes", "no"]}
        return {**about, "source": source, **more}

    return Study(
        name="made",
        encoder="tiny",
        tasks=[task("a"), task("b", limits={"max_train": [10, 20]}), task("c")],
        arms=["single", "pairs", "groups", "sequential", "leave-one-out"],
        groups={"g": ["a", "b"]},
        readings=["finetune"],
    )


def graphs(study: Study, deltas: pd.DataFrame, tasks: pd.DataFrame) -> dict[str, Any]:
    return {
        view.title: build_graph(
            at_size(deltas, None), tasks, encoder="tiny", reading="finetune", view=view
        )
        for view in Shown().views(study)
    }


def test_each_view_shows_its_own_arm(
    study: Study, deltas: pd.DataFrame, tasks: pd.DataFrame
) -> None:
    made = graphs(study, deltas, tasks)
    assert list(made) == ["", "group g", "sequential", "leave-one-out"]
    edges = {name: {e: d["score"] for e, d in effects_of(g).items()} for name, g in made.items()}
    assert edges == {
        "": {("a", "b"): 0.65, ("b", "a"): 0.8, ("c", "a"): 0.75},
        "group g": {("a", "b"): 0.65, ("b", "a"): 0.8},
        "sequential": {("a", "b"): 0.55},
        "leave-one-out": {("b", "a"): 0.9, ("c", "a"): 0.9},
    }
    rings = {
        name: {n: t["full_score"] for n, t in tasks_of(g).items() if "full_score" in t}
        for name, g in made.items()
    }
    none: dict[str, float] = {}
    assert rings == {
        "": {"a": 0.9},
        "group g": {"a": 0.85, "b": 0.68},
        "sequential": none,
        "leave-one-out": none,
    }
    assert list(made["group g"]) == ["a", "b"]
    assert made["sequential"].graph["view"] == "sequential"
    assert "view" not in made[""].graph


def test_effects_over_controls_and_controls_are_no_edges(
    study: Study, deltas: pd.DataFrame, tasks: pd.DataFrame
) -> None:
    more = [deltas, deltas.assign(over="placebo", delta=9.0), deltas.assign(arm="placebo")]
    told = graphs(study, pd.concat(more), tasks)
    for name, graph in graphs(study, deltas, tasks).items():
        assert effects_of(told[name]) == effects_of(graph)
        assert tasks_of(told[name]).keys() == tasks_of(graph).keys()


def test_a_node_holds_the_score_that_its_edges_share(
    study: Study, deltas: pd.DataFrame, tasks: pd.DataFrame
) -> None:
    made = graphs(study, deltas, tasks)
    assert number_of(tasks_of(made[""])["a"]) == 0.7
    assert number_of(tasks_of(made[""])["b"]) == 0.6  # at its largest size
    # Without one task at a time there are as many baselines; all lead to the score with all.
    assert number_of(tasks_of(made["leave-one-out"])["a"]) == 0.9
    assert math.isnan(number_of(tasks_of(made["leave-one-out"])["b"]))


def test_a_size_is_that_of_the_targets_that_have_several(deltas: pd.DataFrame) -> None:
    def seen(size: int | None) -> list[tuple[str, str]]:
        rows = at_size(deltas[deltas["arm"] == "pair"], size)
        return [
            (str(target), str(n)) for target, n in zip(rows["target"], rows["size"], strict=True)
        ]

    assert seen(10) == [("b", "10"), ("a", "<NA>"), ("a", "<NA>")]
    assert seen(20) == seen(None) == [("b", "20"), ("a", "<NA>"), ("a", "<NA>")]
    without = deltas.drop(columns="size")
    assert at_size(without, None) is without


def test_one_arm_or_size_is_shown_alone(study: Study, deltas: pd.DataFrame) -> None:
    def arms(shown: Shown) -> set[str]:
        return set(shown.of(study, deltas)["arm"])

    assert arms(Shown("groups")) == {"group:g"}
    assert arms(Shown("pairs")) == {"pair"}
    assert arms(Shown("full")) == set()  # not an arm of the study
    assert [view.title for view in Shown("sequential").views(study)] == ["sequential"]
    assert list(Shown("pairs").views(study)) == [MAIN]
    assert len(Shown("pairs", 10).of(study, deltas)) == 3
    assert len(Shown().of(study, deltas)) == len(deltas)


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (Shown("full"), "--arm: found full, .* allowed: pairs, groups, sequential, leave-one"),
        (Shown("single"), "--arm: found single, which the study does not compare"),
        (Shown(size=15), "--size: found 15, which the study does not have; allowed: 10, 20"),
    ],
)
def test_what_a_study_does_not_have_is_refused(study: Study, shown: Shown, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        shown.check(study)
    Shown("pairs", 10).check(study)


def test_a_study_of_one_size_has_no_other(study: Study) -> None:
    tasks = tuple(task for task in study.tasks if task.name != "b")
    with pytest.raises(StudyError, match=r"one size; give it several as `limits: \{max_train: \["):
        Shown(size=10).check(study.model_copy(update={"tasks": tasks}))
