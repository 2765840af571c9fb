"""Controls the whole way: from a study file to the tables, and what was really learned."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import transfer_study
from transfer_study.analysis.effects.tables import tables
from transfer_study.session.places import Places
from transfer_study.session.plans import known_plan, make_plan
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.study.system import System
from transfer_study.take_home.choice import Asked, candidates_for
from transfer_study.terminal.stages import print_plan

CONTROLS = ("placebo", "self", "matched")


def synthetic(task: str, kind: str, labels: list[str], train: int) -> dict[str, Any]:
    source = {"format": "synthetic", "task": task, "train": train, "dev": 10, "test": 20}
    return {"name": task, "kind": kind, "labels": labels, "source": source}


STUDY: dict[str, Any] = {
    "name": "controlled",
    "encoder": {"name": "tiny", "tiny": {"hidden_size": 16, "layers": 1, "heads": 2}},
    "tasks": [
        synthetic("entities", "tagging", ["herb", "beast"], 36),
        synthetic("topics", "multilabel", ["sea", "sky", "war"], 21),
    ],
    "arms": ["single", "pairs"],
    "controls": list(CONTROLS),
    "seeds": 1,
    "refine": {"epochs": 1, "batch_size": 8, "learning_rate": 1e-3, "precision": "float32"},
    "finetune": {"epochs": 1, "batch_size": 8, "precision": "float32"},
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("controls")
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    places = Places(folder / "stages", folder / "results", folder / "plots")
    transfer_study.run(folder / "study.yaml", places=places, executor="in-process")
    return places


@pytest.fixture(scope="module")
def plan(places: Places) -> Plan:
    return make_plan(read_study(places.store.parent / "study.yaml"))


def only(plan: Plan, arm: str, source: str, target: str, reading: str = "refine") -> System:
    (found,) = (
        s
        for s in plan.systems
        if (s.arm, s.source, s.target, s.reading) == (arm, source, target, reading)
    )
    return found


def test_the_tables_have_every_pair_by_itself_and_over_each_control(places: Places) -> None:
    deltas, scores = (
        pd.read_parquet(places.results / "controlled" / f"{name}.parquet")
        for name in ("deltas", "scores")
    )
    found = Counter(zip(deltas["reading"], deltas["arm"], deltas["over"], strict=True))
    assert all(found["refine", "pair", over] == 2 for over in ("", *CONTROLS))
    assert all(found["refine", arm, ""] == 2 for arm in CONTROLS)
    assert len(found) == 7
    assert set(scores["arm"]) == {"single", "pair", *CONTROLS}
    effect = deltas.set_index(["reading", "arm", "source", "target", "over"])["delta"]
    for (reading, arm, source, target, over), delta in effect.items():
        if over:
            partner = target if over == "self" else source
            rest = (
                effect[reading, arm, source, target, ""]
                - effect[reading, over, partner, target, ""]
            )
            assert delta == pytest.approx(rest, abs=1e-12)


def test_matched_makes_the_pairs_number_of_updates(places: Places, plan: Plan) -> None:
    def updates(system: System) -> list[int]:
        history = Store(places.store).read(system.stage, "history.jsonl")
        return [json.loads(line)["updates"] for line in history.decode().splitlines()]

    for source, target in (("entities", "topics"), ("topics", "entities")):
        pair, matched = (only(plan, arm, source, target) for arm in ("pair", "matched"))
        assert updates(pair) == updates(matched) == [5 + 3]
    assert updates(only(plan, "single", "", "topics")) == [3]
    assert updates(only(plan, "self", "topics", "topics")) == [2 + 2]


def test_the_halves_of_a_task_are_tested_as_the_task_is(places: Places, plan: Plan) -> None:
    stored = StoredAnswers(Store(places.store))
    half, whole = only(plan, "self", "topics", "topics"), only(plan, "single", "", "topics")
    one, other = (stored.answers(system.stage, system.task) for system in (half, whole))
    assert (one.ids, one.gold) == (other.ids, other.gold)


def test_the_tables_come_back_from_the_compact_predictions(
    places: Places, plan: Plan, tmp_path: Path
) -> None:
    again = known_plan(plan.study, Places(tmp_path, places.results, tmp_path))
    assert again.stages == plan.stages
    folder = places.results / "controlled"
    kept = CompactAnswers(folder)
    assert all(kept.has(stage) for stage in plan)
    _, deltas = tables(plan, kept, ())
    pd.testing.assert_frame_equal(deltas, pd.read_parquet(folder / "deltas.parquet"))
    assert set(pd.read_parquet(folder / "gold.parquet")["task"]) == {"entities", "topics"}


def test_no_figure_shows_a_control(places: Places) -> None:
    file = places.plots / "controlled" / "transfer_graph.json"
    edges = json.loads(file.read_text("utf-8"))["edges"]
    assert sorted((e["source"], e["target"]) for e in edges) == [
        ("entities", "topics"),
        ("topics", "entities"),
    ]
    assert not [path for path in file.parent.iterdir() if any(c in path.name for c in CONTROLS)]


def test_no_control_is_offered_as_a_model(plan: Plan) -> None:
    titles = [c.title for c in candidates_for(plan, "topics", Asked())]
    assert titles
    assert not [title for title in titles if any(control in title for control in CONTROLS)]


def test_the_plan_names_what_controls_learn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump({**STUDY, "readings": ["refine", "finetune"]}))
    print_plan(make_plan(read_study(file)), Places(tmp_path / "stages"))
    said = capsys.readouterr().out
    for kind, count in {
        "refine a pair with shuffled labels": 2,
        "refine a half of a task": 2,
        "refine two halves of a task": 2,
        "refine one task for a pair's updates": 2,
        "fine-tune from a control's refinement": 4,
        "fine-tune on a half from the encoder": 2,
        "fine-tune on a half from a control's refinement": 2,
    }.items():
        row = next(line for line in said.splitlines() if line.startswith(f"{kind} "))
        assert row.split()[-3:] == [str(count), "0", str(count)]
