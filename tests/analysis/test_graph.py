"""The transfer graph as a value: what it holds, where its tasks stand, how it is written."""

from __future__ import annotations

import itertools
import json
import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.graph.circle import place_on_circle
from transfer_study.analysis.graph.graph import build_graph, effects_of, tasks_of, write_graph
from transfer_study.errors import StudyError

NAN = math.nan
COLUMNS = ["source", "target", "arm", "baseline", "score", "delta", "low", "high", "p", "verdict"]
ROWS = [
    ("a", "b", "pair", 0.50, 0.60, 0.10, 0.05, 0.15, 0.01, "gain"),
    ("b", "a", "pair", 0.70, 0.69, -0.01, NAN, NAN, NAN, "undecided"),
    ("a", "c", "pair", NAN, NAN, NAN, NAN, NAN, NAN, "failed"),
    ("b+c", "a", "full", 0.70, 0.66, -0.04, -0.06, -0.02, 0.02, "loss"),
    ("a+b", "c", "full", 0.80, NAN, NAN, NAN, NAN, NAN, "not_run"),
]


@pytest.fixture
def deltas() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=COLUMNS)
    about = {"encoder": "tiny", "reading": "refine", "metric": "accuracy", "over": ""}
    numbers = {"adjusted_low": table["low"] - 0.01, "adjusted_high": table["high"] + 0.01}
    numbers["adjusted_p"] = 3 * table["p"]
    errors = {"seed_sd": 0.01, "example_error": 0.01, "collapsed": False}
    return table.assign(**about, **numbers, **errors, n_seeds=3, n_test=90, n_documents=90)


@pytest.fixture
def tasks() -> pd.DataFrame:
    rows = [
        ("c", "tagging", "x", "entity_f1"),
        ("a", "classification", "x", "accuracy"),
        ("b", "regression", "y", "pearson"),
    ]
    return pd.DataFrame(rows, columns=["name", "kind", "domain", "metric"])


def build(deltas, tasks):
    return build_graph(deltas, tasks, encoder="tiny", reading="refine")


def test_pairs_are_edges_and_the_full_mix_is_of_the_node(deltas, tasks):
    graph = build(deltas, tasks)
    assert list(graph) == ["c", "a", "b"]
    assert set(graph.edges) == {("a", "b"), ("b", "a"), ("a", "c")}
    edge = effects_of(graph)["a", "b"]
    assert (edge["delta"], edge["low"], edge["n_seeds"], edge["verdict"]) == (0.1, 0.05, 3, "gain")
    assert (edge["adjusted_low"], edge["adjusted_high"], edge["adjusted_p"]) == (0.04, 0.16, 0.03)
    a, b, c = (tasks_of(graph)[name] for name in "abc")
    assert (a["kind"], a["domain"], a["metric"]) == ("classification", "x", "accuracy")
    assert (a["baseline"], a["full_delta"], a["full_verdict"]) == (0.7, -0.04, "loss")
    assert "full_verdict" not in b
    assert c["full_verdict"] == "not_run"


def test_a_baseline_is_taken_from_wherever_it_is_known(deltas, tasks):
    assert tasks_of(build(deltas, tasks))["c"]["baseline"] == 0.8
    assert math.isnan(tasks_of(build(deltas.head(1), tasks))["c"]["baseline"])


def test_other_encoders_readings_and_arms_are_left_out(deltas, tasks):
    others = [deltas.assign(encoder="big"), deltas.assign(reading="finetune")]
    others += [deltas.assign(arm="sequential")]
    graph, alone = build(pd.concat([deltas, *others]), tasks), build(deltas, tasks)
    assert str(graph.edges(data=True)) == str(alone.edges(data=True))
    assert str(graph.nodes(data=True)) == str(alone.nodes(data=True))


def test_tables_that_do_not_fit_are_refused_with_every_reason(deltas, tasks):
    with pytest.raises(StudyError, match=r"no deltas of encoder 'huge'.*tiny \(refine\)"):
        build_graph(deltas, tasks, encoder="huge", reading="refine")
    twice = pd.concat([deltas, deltas.head(1)])
    with pytest.raises(StudyError) as caught:
        build(twice, tasks[tasks["name"] != "c"])
    assert len(caught.value.problems) == 2
    assert "'c' that is not in the study" in str(caught.value)
    assert "a on b more than once" in str(caught.value)


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_means_nothing(seed, deltas, tasks, tmp_path):
    shuffled = build(deltas.sample(frac=1, random_state=seed), tasks)
    paths = write_graph(build(deltas, tasks), tmp_path / "first")
    again = write_graph(shuffled, tmp_path / "second")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]


def test_graphml_is_read_back_without_what_is_unknown(deltas, tasks, tmp_path):
    graph = build(deltas, tasks)
    path, _ = write_graph(graph, tmp_path / "new" / "transfer_graph")
    assert path.name == "transfer_graph.graphml"
    read = nx.read_graphml(path)
    assert list(read) == list(graph)
    assert read.graph["encoder"] == "tiny"
    for ends, effect in effects_of(graph).items():
        known = {key: value for key, value in effect.items() if str(value) != "nan"}
        assert read.edges[ends] == known
    assert "delta" not in read.edges["a", "c"]
    assert read.nodes["a"] == graph.nodes["a"]


def test_json_is_node_link_with_null_for_the_unknown(deltas, tasks, tmp_path):
    graph = build(deltas, tasks)
    _, path = write_graph(graph, tmp_path / "transfer_graph")
    value = json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    assert value["graph"]["schema"] == "transfer-study/graph/1"
    read = nx.node_link_graph(value, edges="edges")
    assert set(read.edges) == set(graph.edges)
    assert read.edges["a", "c"]["delta"] is None
    assert read.edges["a", "b"] == graph.edges["a", "b"]


def random_study(seed: int, tasks: int, domains: int):
    random = np.random.default_rng(seed)
    families = {f"t{i}": f"d{random.integers(domains)}" for i in range(tasks)}
    pairs = itertools.permutations(families, 2)
    return families, {pair: float(random.exponential()) for pair in pairs}


@pytest.mark.parametrize(("tasks", "domains"), [(1, 1), (2, 1), (5, 2), (8, 1), (8, 2), (12, 3)])
def test_tasks_stand_apart_on_a_circle_in_contiguous_families(tasks, domains):
    families, strengths = random_study(tasks, tasks, domains)
    places = place_on_circle(families, strengths)
    if tasks > 1:
        assert np.allclose([math.hypot(*place) for place in places.values()], 1, atol=1e-5)
    assert len(set(places.values())) == tasks
    around = sorted(places, key=lambda name: math.atan2(places[name][1], places[name][0]))
    changes = sum(
        families[a] != families[b] for a, b in zip(around, around[1:] + around[:1], strict=True)
    )
    assert changes == (len(set(families.values())) if len(set(families.values())) > 1 else 0)


@pytest.mark.parametrize("tasks", [4, 8, 12])
def test_places_do_not_depend_on_the_order_of_the_input(tasks):
    families, strengths = random_study(7, tasks, 2)
    places = place_on_circle(families, strengths)
    backwards = place_on_circle(dict(reversed(families.items())), dict(reversed(strengths.items())))
    assert backwards == places


def length(places, strengths) -> float:
    return sum(
        strength * math.dist(places[source], places[target])
        for (source, target), strength in strengths.items()
    )


@pytest.mark.parametrize("seed", range(3))
def test_strong_edges_are_as_short_as_they_can_be(seed):
    families, strengths = random_study(seed, 6, 1)
    places = place_on_circle(families, strengths)
    best = min(
        length(dict(zip(families, order, strict=True)), strengths)
        for order in itertools.permutations(places.values())
    )
    assert length(places, strengths) == pytest.approx(best, abs=1e-4)


def test_many_tasks_are_placed_nearly_as_well():
    # A ring of twelve neighbours: there is one best order, and it is known.
    names = [f"t{(5 * i) % 12}" for i in range(12)]
    strengths = dict.fromkeys(zip(names, names[1:] + names[:1], strict=True), 1.0)
    places = place_on_circle(dict.fromkeys(names, "d"), strengths)
    assert length(places, strengths) == pytest.approx(12 * 2 * math.sin(math.pi / 12), abs=1e-3)
