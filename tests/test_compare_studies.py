"""Two studies run for real and compared: from files, from folders, and from tables alone."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from transfer_study.cli import app
from transfer_study.store.recorded import plan_of_record, recorded_plan
from transfer_study.study.file.study_file import read_study

ROOT = Path(__file__).resolve().parents[1]
STUDY = """\
name: before
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 40, dev: 20, test: 60}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 20, test: 60}
arms: [single, pairs]
seeds: 2
refine: {epochs: 1, learning_rate: 0.001, precision: float32}
"""


def call(folder: Path, *words: str) -> tuple[int, str]:
    """The exit code and all that a verb says, called in a folder with a bare environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in [key for key in os.environ if key.startswith("TRANSFER_STUDY_")]:
            patch.delenv(name)
        done = CliRunner().invoke(app, words)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of two finished studies, of which the second learns for longer."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "before.yaml").write_text(STUDY, encoding="utf-8")
    longer = STUDY.replace("name: before", "name: after").replace("epochs: 1", "epochs: 8")
    (folder / "after.yaml").write_text(longer, encoding="utf-8")
    for name in ("before", "after"):
        assert call(folder, "run", f"{name}.yaml", "--executor", "in-process", "-q")[0] == 0
    return folder


@pytest.fixture
def two(ran: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of it that a test may change."""
    yield shutil.copytree(ran, tmp_path / "two")


def compared(folder: Path, *words: str) -> tuple[int, dict[str, Any]]:
    code, said = call(folder, "compare", *words, "--json")
    return code, json.loads(said)


def test_a_study_with_a_further_task_is_compared_by_what_both_have(two: Path) -> None:
    further = """\
  - name: conflict
    kind: regression
    source: {format: synthetic, task: conflict, train: 40, dev: 20, test: 60}
arms:"""
    text = STUDY.replace("name: before", "name: more", 1).replace("arms:", further)
    (two / "more.yaml").write_text(text, encoding="utf-8")
    code, found = compared(two, "before.yaml", "more.yaml")
    assert code == 0
    said = {(edge["source"], edge["target"]): edge["happened"] for edge in found["edges"]}
    assert said["entities", "conflict"] == "only_b"
    assert said["entities", "relation"] in ("kept", "not_measured")


def test_two_studies_are_compared_in_table_json_and_figure(two: Path) -> None:
    code, found = compared(two, "before.yaml", "after.yaml")
    assert code == (4 if found["shown"] else 0)
    edges = {(edge["source"], edge["target"]): edge for edge in found["edges"]}
    assert edges.keys() == {("entities", "relation"), ("relation", "entities")}
    assert all(edge["same_test"] for edge in edges.values())
    table = pd.read_csv(two / "results/compare-before-after/differences.csv")
    for name in ("before", "after"):
        deltas = pd.read_parquet(two / f"results/{name}/deltas.parquet")
        side = "a" if name == "before" else "b"
        for row in deltas.to_dict("records"):
            edge = edges[row["source"], row["target"]]
            assert edge[f"delta_{side}"] == pytest.approx(row["delta"])
            assert edge[f"verdict_{side}"] == row["verdict"]
    assert table["difference"].to_list() == pytest.approx(
        [edge["difference"] for edge in found["edges"]], abs=1e-6
    )
    kinds = {Path(path).suffix for path in found["figures"]}
    assert kinds == {".svg", ".png", ".pdf", ".json", ".graphml"}
    assert all((two / path).stat().st_size for path in found["figures"])


def test_tasks_stay_where_the_first_studys_graph_has_them(two: Path) -> None:
    stored = two / "plots/before/transfer_graph.json"
    graph = json.loads(stored.read_bytes())
    for turned, node in enumerate(graph["nodes"]):
        node.update(x=0.6 - 1.2 * turned, y=0.8)
    stored.write_text(json.dumps(graph), encoding="utf-8")
    call(two, "compare", "before.yaml", "after.yaml")
    drawn = json.loads((two / "plots/compare-before-after/transfer_graph.json").read_bytes())
    places = [{n["id"]: (n["x"], n["y"]) for n in g["nodes"]} for g in (graph, drawn)]
    assert places[0] == places[1]


def test_a_study_against_itself_differs_in_nothing(two: Path) -> None:
    code, said = call(two, "compare", "before.yaml", "before.yaml")
    assert code == 0
    # What such short training has not learned cannot be told to be the same either.
    assert re.search(
        r"2 edges in both studies; (2 kept|1 kept, 1 not measured|2 not measured)", said
    )
    assert "0 differences are shown" in said


def test_folders_of_results_are_enough(two: Path) -> None:
    _, from_files = compared(two, "before.yaml", "after.yaml")
    shutil.rmtree(two / "results/stages")
    for name in ("before", "after"):
        (two / f"{name}.yaml").unlink()
    _, from_folders = compared(two, "results/before", "results/after")
    assert from_folders["edges"] == from_files["edges"]
    assert not from_folders["notes"]


def test_tables_of_deltas_are_enough_but_say_less(two: Path) -> None:
    _, before = compared(two, "before.yaml", "after.yaml")
    shutil.rmtree(two / "results/stages")
    (two / "results/after/predictions.parquet").unlink()
    (two / "results/after/deltas.parquet").unlink()
    _, found = compared(two, "results/before", "results/after")
    assert "compared by its table of deltas" in found["notes"][0]
    for edge, exact in zip(found["edges"], before["edges"], strict=True):
        assert not edge["same_test"]
        assert edge["difference"] == pytest.approx(exact["difference"], abs=1e-6)


def test_a_study_changed_since_it_ran_is_compared_as_it_ran(two: Path) -> None:
    _, before = compared(two, "before.yaml", "after.yaml")
    for change in (("epochs: 8", "epochs: 9"), ("train: 40", "train: 50")):
        changed = (two / "after.yaml").read_text(encoding="utf-8").replace(*change)
        (two / "changed.yaml").write_text(changed, encoding="utf-8")
        _, found = compared(two, "before.yaml", "changed.yaml")
        assert found["edges"] == before["edges"]
        assert "changed.yaml has changed since it was run" in found["notes"][0]


def test_what_cannot_be_compared_is_said_and_nothing_written(two: Path) -> None:
    (two / "new.yaml").write_text(STUDY.replace("name: before", "name: new2"), encoding="utf-8")
    held = {path: path.stat().st_mtime_ns for path in two.rglob("*")}
    from transfer_study.errors import StudyError

    for words, said in (
        (("before.yaml",), "found neither"),
        (("before.yaml", "after.yaml", "--published"), "found both"),
        (("before.yaml", "results"), "nothing is stored of results"),
    ):
        with pytest.raises(StudyError, match=said):
            call(two, "compare", *words)
    assert {path: path.stat().st_mtime_ns for path in two.rglob("*")} == held


@pytest.mark.parametrize(
    "file", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda f: f.stem
)
def test_committed_records_read_back_as_their_studies(file: Path) -> None:
    study = read_study(file)
    folder = ROOT / "results" / study.name
    made = recorded_plan(study, folder)
    if made is None or "definition" not in json.loads((folder / "stages.json").read_bytes()):
        pytest.skip("not run, or recorded without its definition")
    again = plan_of_record(folder)
    assert again is not None
    assert [s.stage.id for s in again.systems] == [s.stage.id for s in made.systems]


def test_a_study_judged_by_looks_is_compared_as_it_was_judged(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "public_biomedical"
    shutil.copytree(ROOT / "results" / "public_biomedical", folder)
    code, found = compared(tmp_path, str(folder), str(folder))
    assert code == 0
    deltas = pd.read_parquet(folder / "deltas.parquet").set_index(["arm", "source", "target"])
    assert {*deltas["look"].dropna()} == {1, 2}
    edges = {(edge["arm"], edge["source"], edge["target"]): edge for edge in found["edges"]}
    assert {key: edge["verdict_a"] for key, edge in edges.items()} == deltas["verdict"].to_dict()
    assert all(
        edge["delta_a"] == pytest.approx(deltas.loc[key, "delta"]) for key, edge in edges.items()
    )
