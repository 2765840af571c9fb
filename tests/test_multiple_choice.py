"""Questions with candidates beside another task, from the study file to the model taken home."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import transfer_study
from transfer_study.data.splits import load
from transfer_study.metrics import score
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import Plan
from transfer_study.take_home.export import Wanted, export_model

STUDY: dict[str, Any] = {
    "name": "exams",
    "encoder": {"name": "tiny", "tiny": {"hidden_size": 16, "layers": 1, "heads": 2}},
    "tasks": [
        {
            "name": "exam",
            "kind": "multiple_choice",
            "source": {
                "format": "jsonl",
                "folder": "exam",
                "columns": {"text": "question", "candidates": "options", "label": "answer"},
                "answer_key": "text",
            },
        },
        {
            "name": "relation",
            "kind": "classification",
            "labels": ["herb", "beast"],
            "source": {
                **{"format": "synthetic", "task": "relation"},
                **{"train": 40, "dev": 20, "test": 30},
            },
        },
    ],
    "arms": ["single", "pairs", "full", "heads-only", "soft", "distil"],
    "controls": ["placebo"],
    "refine": {"epochs": 1, "learning_rate": 1e-3, "precision": "float32"},
    "heads": {"epochs": 1, "precision": "float32"},
    "seeds": 1,
}
WORDS = ("stroke", "fever", "pain", "dose", "night", "morning", "adult", "child")


def row(random: np.random.Generator) -> dict[str, Any]:
    drawn = random.choice(WORDS, int(random.integers(2, 5)), replace=False)
    options = [f"in {word}" for word in map(str, drawn)]
    question = f"when is it given {random.choice(WORDS)} {random.integers(1000)}"
    return {"question": question, "options": options, "answer": str(random.choice(options))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study, its data and its store after the run."""
    root = tmp_path_factory.mktemp("exams")
    (root / "exam").mkdir()
    random = np.random.default_rng(0)
    for split, size in (("train", 40), ("dev", 20), ("test", 30)):
        lines = "".join(json.dumps(row(random)) + "\n" for _ in range(size))
        (root / "exam" / f"{split}.jsonl").write_text(lines)
    (root / "study.yaml").write_text(yaml.safe_dump(STUDY))
    places = Places(root / "stages", root / "results", root / "plots")
    transfer_study.run(root / "study.yaml", data=root, places=places, executor="in-process")
    return root


@pytest.fixture(scope="module")
def plan(folder: Path) -> Plan:
    """The plan of the study."""
    return make_plan(read_study(folder / "study.yaml", (), folder))


def test_every_arm_has_scores_edges_and_a_figure(folder: Path) -> None:
    results = folder / "results" / "exams"
    deltas = pd.read_csv(results / "deltas.csv")
    assert set(deltas["arm"]) >= {"pair", "full", "heads-only", "soft", "distil"}
    edges = deltas[deltas["target"] == "exam"]
    assert len(edges) and edges["delta"].notna().all() and (edges["metric"] == "accuracy").all()
    assert "multiple_choice" in (folder / "plots" / "exams" / "transfer_graph.svg").read_text()
    page = (results / "report.html").read_text()
    assert "multiple_choice" in page and "one of an example&#39;s candidates" in page


def test_stored_answers_are_letters_of_candidates_with_a_share_each(
    folder: Path, plan: Plan
) -> None:
    task = next(task for task in plan.study.tasks if task.name == "exam")
    stored = StoredAnswers(Store(folder / "stages"))
    examples = load(task).test
    assert {len(e.candidates) for e in examples} == {2, 3, 4}
    for stage in plan:
        if "exam" not in stage.task_names:
            continue
        found = stored.answers(stage, task)
        assert found.scores is not None
        for e, answer, scores in zip(
            examples, found.predicted, found.scores.to_pylist(), strict=True
        ):
            assert len(scores) == len(e.candidates)
            assert sum(scores) == pytest.approx(1, abs=1e-5)
            assert scores["ABCD".index(answer)] == pytest.approx(max(scores), abs=1e-6)
        value = np.mean([a == g for a, g in zip(found.predicted, found.gold, strict=True)])
        documents = found.documents
        assert score(task.metric, task, found.gold, found.predicted, documents) == value


def test_tasks_tells_what_is_asked(folder: Path, command: Any) -> None:
    code, said, _ = command("tasks", str(folder / "study.yaml"), "--data", str(folder))
    assert code == 0
    assert "exam: multiple_choice, general; the best constant answer scores" in said
    counts = pd.Series([e.label for e in load_exam(folder).train]).value_counts().sort_index()
    listed = ", ".join(f"{name} {n}" for name, n in counts.items())
    assert f"train: {listed}" in said


def load_exam(folder: Path) -> Any:
    return load(read_study(folder / "study.yaml", (), folder).tasks[0])


def test_a_wrong_file_is_one_sentence(folder: Path, tmp_path: Path, command: Any) -> None:
    (tmp_path / "exam").mkdir()
    for file in (folder / "exam").iterdir():
        (tmp_path / "exam" / file.name).write_bytes(file.read_bytes())
    wrong = {"question": "when", "options": ["a", "b"], "answer": "c"}
    with (tmp_path / "exam" / "dev.jsonl").open("a") as file:
        file.write(json.dumps(wrong) + "\n")
    code, _, said = command("tasks", str(folder / "study.yaml"), "--data", str(tmp_path))
    assert code == 2
    assert "dev.jsonl, line 21: the label 'c' is none of the 2 candidates" in " ".join(said.split())


@pytest.mark.parametrize("multi", [False, True])
def test_a_model_taken_home_scores_each_candidate(
    folder: Path, plan: Plan, tmp_path: Path, multi: bool
) -> None:
    wanted = Wanted(arm="full", multi=multi, task="exam")
    exported = export_model(plan, Store(folder / "stages"), wanted, tmp_path / "model")
    assert exported.card.loader and exported.card.checked["exam"] == 30
    card = (exported.folder / "README.md").read_text()
    assert "one of an example's candidates" in card and "pipeline_tag" not in card
    spec = importlib.util.spec_from_file_location("load", exported.folder / "load_model.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _, tokenizer, logits = module.load(exported.folder)
    task = plan.study.tasks[0]
    stored = StoredAnswers(Store(folder / "stages")).answers(exported.card.stage, task)
    assert stored.scores is not None
    for e, scores in zip(load(task).test, stored.scores.to_pylist(), strict=True):
        questions = [e.text[0]] * len(e.candidates)
        inputs = tokenizer(questions, [*e.candidates], padding=True, return_tensors="pt")
        shares = logits("exam", **inputs)[:, 0].softmax(0)
        torch.testing.assert_close(shares, torch.tensor(scores), rtol=0, atol=1e-5)


def test_the_card_says_how_it_is_asked(folder: Path, plan: Plan, tmp_path: Path) -> None:
    wanted = Wanted(arm="single", task="exam")
    exported = export_model(plan, Store(folder / "stages"), wanted, tmp_path / "model")
    card = (exported.folder / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("FOLDER", str(exported.folder))
    shown: list[Any] = []
    exec(code, {"print": shown.append})
    ((*shares,),) = shown
    assert len(shares) == 3 and sum(shares) == pytest.approx(1, abs=1e-5)
