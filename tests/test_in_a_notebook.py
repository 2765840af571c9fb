"""A study in Python: run in a real kernel as a notebook does, its outcome asked and shown."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import transfer_study
from transfer_study.errors import StudyError
from transfer_study.execute.progress import Silent

CELLS = (
    "import transfer_study\n"
    "outcome = transfer_study.run(\n"
    "    'small.yaml', settings=['seeds=1', 'limits.max_test=30'], executor='in-process',\n"
    "    places=transfer_study.Places('out/stages', 'out', 'plots'),\n"
    ")",
    "outcome",
    "import json\n"
    "(advice,) = outcome.recommend('relation')\n"
    "graph = outcome.graph()\n"
    "print(json.dumps([sorted(graph), graph.size(), advice.task, advice.command, outcome.report]))",
)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[Any]]]:
    """The outputs of each cell, and the folder in which they ran."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell, new_notebook

    from tests.conftest import SMALL

    folder = tmp_path_factory.mktemp("notebook")
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    (folder / "kernels" / "here").mkdir(parents=True)
    # The kernel of these tests' own Python, whatever kernels the machine has.
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "here",
        "language": "python",
    }
    (folder / "kernels" / "here" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        client = NotebookClient(
            notebook, timeout=250, kernel_name="here", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    return folder, [cell["outputs"] for cell in notebook["cells"]]


def test_a_run_shows_its_progress(answers: tuple[Path, list[list[Any]]]) -> None:
    _, (ran, *_) = answers
    said = "".join(part["text"] for part in ran if part["output_type"] == "stream")
    assert "Running 7 stages." in said
    assert said.count("  done  ") == 7


def test_an_outcome_is_shown_as_a_picture_and_a_table(
    answers: tuple[Path, list[list[Any]]],
) -> None:
    folder, (_, (shown,), _) = answers
    data = shown["data"]
    picture = (folder / "plots" / "small" / "transfer_graph.png").read_bytes()
    assert base64.b64decode(data["image/png"]) == picture
    assert base64.b64encode(picture).decode("ascii") in data["text/html"]
    rows = data["text/html"].count("<tr>") + data["text/html"].count("<tr style")
    assert rows == 1 + 6 + 3  # heading, pairs both ways, full mix
    assert data["text/plain"].startswith("small: 9 edges: ")
    assert "Report: out/small/report.html" in data["text/plain"]


def test_an_outcome_answers(answers: tuple[Path, list[list[Any]]]) -> None:
    folder, (_, _, (told,)) = answers
    tasks, edges, task, command, report = json.loads(told["text"])
    assert (tasks, edges, task) == (["entities", "relation", "topics"], 6, "relation")
    assert (folder / report).is_file()
    assert "small.yaml --set seeds=1 --set limits.max_test=30" in command


def test_the_report_names_the_study_as_it_was_given(
    answers: tuple[Path, list[list[Any]]],
) -> None:
    folder, _ = answers
    text = (folder / "out" / "small" / "report.md").read_text(encoding="utf-8")
    for verb in ("plan", "run", "report"):
        assert f"transfer-study {verb} small.yaml --set seeds=1 --set limits.max_test=30  #" in text


def test_paths_are_text_as_well(small_study: Path, tmp_path: Path) -> None:
    study = transfer_study.read_study(str(small_study), ["seeds=1"], data=str(tmp_path))
    assert study.data == tmp_path
    by_name = transfer_study.make_plan(str(small_study), settings=["seeds=1"])
    assert by_name.stages == transfer_study.make_plan(study).stages
    places = transfer_study.Places(store=str(tmp_path / "a"), plots=str(tmp_path / "b"))
    assert (places.store, places.plots) == (tmp_path / "a", tmp_path / "b")
    assert places.results == Path("results")


def test_settings_of_a_study_that_is_no_file_are_refused(small_study: Path) -> None:
    study = transfer_study.read_study(small_study)
    with pytest.raises(StudyError, match="`settings` and `data` are of a study file"):
        transfer_study.run(study, settings=["seeds=1"], progress=Silent())
