"""Other ways to share, the whole way from a study file to tables and figures."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

import transfer_study
from transfer_study.cli import main

STUDY = """\
name: ways
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    limits: {max_train: [16, 48]}
    source: {format: synthetic, task: entities, train: 60, dev: 20, test: 40}
  - name: topics
    kind: multilabel
    labels: [sea, sky, war, law]
    source: {format: synthetic, task: topics, train: 40, dev: 20, test: 40}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 20, test: 40}
arms: [single, groups, sequential, leave-one-out]
groups: {words: [entities, relation]}
readings: [finetune]
seeds: 1
refine: {epochs: 1, learning_rate: 0.001, precision: float32}
finetune: {epochs: 1, learning_rate: 0.001, precision: float32}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in-process."""
    folder = tmp_path_factory.mktemp("ways")
    (folder / "ways.yaml").write_text(STUDY, encoding="utf-8")
    transfer_study.run(folder / "ways.yaml", places=places(folder), executor="in-process")
    return folder


def places(folder: Path) -> transfer_study.Places:
    return transfer_study.Places(folder / "stages", folder / "results", folder / "plots")


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    return tuple(
        pd.read_parquet(folder / "results" / "ways" / f"{name}.parquet")
        for name in ("deltas", "scores")
    )


def test_every_arm_and_size_is_in_the_tables(ran: Path) -> None:
    deltas, scores = tables(ran)
    sizes = {"entities": [16, 48], "topics": [pd.NA], "relation": [pd.NA]}
    for arm, edges in {"group:words": 2, "sequential": 6, "leave-one-out": 6}.items():
        of_arm = deltas[deltas["arm"] == arm]
        assert len(of_arm.drop_duplicates(["source", "target"])) == edges
        for (_, target), rows in of_arm.groupby(["source", "target"]):
            assert rows["size"].tolist() == sizes[target]
    assert set(deltas["verdict"]) <= {"gain", "loss", "equivalent", "undecided", "not_learned"}
    assert set(scores["arm"]) == {*deltas["arm"], "single", "control", "without"}


def test_every_delta_is_the_difference_from_its_own_baseline(ran: Path) -> None:
    deltas, scores = tables(ran)
    scores = scores.merge(
        deltas[["target", "metric"]].drop_duplicates().rename(columns={"target": "task"})
    )

    def mean(arm: str, source: str, target: str, size: object) -> float:
        rows = scores[(scores["arm"] == arm) & (scores["task"] == target)]
        rows = rows[(rows["source"] == source)]
        rows = rows[rows["size"].isna() if pd.isna(size) else rows["size"] == size]
        assert len(rows) == 1, "one a seed"
        return float(rows["value"].mean())

    names = ["entities", "topics", "relation"]
    for edge in deltas.to_dict("records"):
        about = edge["target"], edge["size"]
        rest = [name for name in names if name not in (edge["source"], edge["target"])]
        without = ("without", "+".join(rest)) if edge["arm"] == "leave-one-out" else ("single", "")
        assert edge["baseline"] == pytest.approx(mean(*without, *about))
        assert edge["score"] == pytest.approx(mean(edge["arm"], edge["source"], *about))
        assert edge["delta"] == pytest.approx(edge["score"] - edge["baseline"])
    # The full mix is one system, whichever task's worth it shows.
    full = deltas[deltas["arm"] == "leave-one-out"].groupby(["target", "size"], dropna=False)
    assert set(full["score"].nunique()) == {1}


def test_a_smaller_size_is_a_part_of_a_larger_and_of_the_test_set_nothing_is_cut(
    ran: Path,
) -> None:
    record = json.loads((ran / "results" / "ways" / "stages.json").read_bytes())
    seen = {
        (task["data"]["train"]["n"], task["data"]["test"]["n"])
        for stage in record["stages"]
        for task in stage["pre_image"]["tasks"]
        if task["kind"] == "tagging"
    }
    assert seen == {(16, 40), (48, 40)}
    assert set(record["fingerprints"]["data"]) == {
        "entities@16",
        "entities@48",
        "topics",
        "relation",
    }


def test_every_arm_has_its_figures(ran: Path) -> None:
    made = {path.name for path in (ran / "plots" / "ways").iterdir()}
    stems = ("transfer_graph", "heat_map", "size")
    ways = ("group-words", "sequential", "leave-one-out")
    drawn = {
        f"{stem}-{way}.{kind}" for stem in stems for way in ways for kind in ("svg", "png", "pdf")
    }
    data = {f"transfer_graph-{way}.{kind}" for way in ways for kind in ("graphml", "json")}
    column = {f"transfer_graph-column-{way}.pdf" for way in ways}
    assert made == drawn | data | column
    graph = json.loads((ran / "plots/ways/transfer_graph-sequential.json").read_text("utf-8"))
    assert graph["graph"]["view"] == "sequential"
    assert len(graph["edges"]) == 6


def test_report_shows_one_arm_at_one_size(
    ran: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(*options: str) -> tuple[int, str, str]:
        folders = [f"--store={ran}/stages", f"--results={ran}/results", f"--plots={ran}/out"]
        words = ["transfer-study", "report", str(ran / "ways.yaml"), *folders, *options]
        monkeypatch.setattr(sys, "argv", words)
        handler = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as stopped:
            main()
        signal.signal(signal.SIGTERM, handler)
        assert isinstance(stopped.value.code, int)
        return (stopped.value.code, *capsys.readouterr())

    before = (ran / "results/ways/deltas.csv").read_bytes()
    for options, said in (
        (["--arm=pairs"], "--arm: found pairs, which the study does not compare; allowed: groups"),
        (["--size=17"], "--size: found 17, which the study does not have; allowed: 16, 48"),
        (["--task=topic"], "found topic, which is no task of the study; did you mean 'topics'?"),
    ):
        code, stdout, stderr = report(*options)
        assert (code, stdout) == (2, "")
        assert said in stderr
        assert not (ran / "out").exists()
    code, stdout, stderr = report("--arm=sequential", "--size=16", "--task=topics", "--json")
    assert code == 0, stderr
    outcome = json.loads(stdout)
    assert {edge["arm"] for edge in outcome["edges"]} == {"sequential"}
    assert {edge["size"] for edge in outcome["edges"]} == {16, None}
    names = {Path(path).name for path in outcome["figures"]}
    assert {name for name in names if name.endswith(".svg")} == {
        "transfer_graph-sequential-16.svg",
        "transfer_graph-task-topics-sequential-16.svg",
        "heat_map-sequential-16.svg",
    }
    assert (ran / "results/ways/deltas.csv").read_bytes() == before
    code, stdout, _ = report("--arm=leave-one-out")
    assert code == 0
    assert "leave-one-out" in stdout and "sequential" not in stdout
    assert "without" in stdout and "size" in stdout
