"""A study of two tasks, small enough for half a second a stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from transfer_study.data.streams import stream
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.study import Study


def write_corpora(root: Path) -> None:
    """A classification in TSV and a tagging task in CoNLL, small enough for half a second."""
    for split, size in (("train", 24), ("dev", 8), ("test", 9)):
        random = stream(split)
        colours = [str(random.choice(["red", "blue"])) for _ in range(size)]
        rows = [f"{n}\tthe {colour} house\t{colour}\n" for n, colour in enumerate(colours)]
        names = [str(random.choice(["anna", "bob"])) for _ in range(size)]
        words = "".join(f"we\tO\nsaw\tO\n{name}\tB-Person\n\n" for name in names)
        for task, text in (("colour", "id\ttext\tlabel\n" + "".join(rows)), ("people", words)):
            (root / task).mkdir(exist_ok=True)
            (root / task / f"{split}.tsv").write_text(text)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    write_corpora(tmp_path)
    (tmp_path / "texts.txt").write_text("the red blue house we saw anna bob")
    tiny = {
        "texts": [tmp_path / "texts.txt"],
        "hidden_size": 16,
        "layers": 1,
        "heads": 2,
        "max_length": 32,
    }
    colour = {"format": "tsv", "folder": tmp_path / "colour", "columns": {"id": "id"}}
    columns = {"text": 0, "label": 1}
    people = {"format": "conll", "folder": tmp_path / "people", "columns": columns}
    recipe = {"epochs": 2, "max_length": 16, "learning_rate": 1e-3, "precision": "float32"}
    return Study.model_validate(
        {
            "name": "two",
            "encoder": {"name": "tiny", "tiny": tiny},
            "tasks": [
                {
                    "name": "colour",
                    "kind": "classification",
                    "labels": ["red", "blue"],
                    "source": colour,
                },
                {"name": "people", "kind": "tagging", "labels": ["Person"], "source": people},
            ],
            "arms": ["single", "pairs"],
            "readings": ["refine", "finetune"],
            "seeds": [0],
            "refine": recipe,
            "finetune": recipe,
        }
    )


@pytest.fixture
def plan(study: Study) -> Plan:
    return make_plan(study)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
