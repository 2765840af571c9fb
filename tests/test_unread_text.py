"""What a tokenizer or the maximum length keeps from a model is counted, and costs no answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from transfer_study import Places, run
from transfer_study.cli import app

HEADER = "encoder: {name: tiny, tiny: {hidden_size: 32, layers: 1, heads: 2}}\n"
RECIPE = "{epochs: 12, batch_size: 8, learning_rate: 1.0e-2, precision: float32}"
SOFT_HYPHEN, ZERO_WIDTH = "\xad", "\u200b"


def tasks(study: Path, *options: str) -> str:
    done = CliRunner().invoke(app, ["tasks", str(study), *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def vanishing(tmp_path: Path) -> Path:
    """A tagging study with a mention a sentence, of which one or two words cannot be seen.

    They begin, end or join the mention, and the sentence; a cue tells which.
    """
    shapes = (
        ((SOFT_HYPHEN, "B-Drug"), ("forte", "I-Drug"), ("was", "O"), ("first", "O")),
        (("last", "O"), ("was", "O"), ("forte", "B-Drug"), (ZERO_WIDTH, "I-Drug")),
        (("both", "O"), ("max", "B-Drug"), (SOFT_HYPHEN, "I-Drug"), ("forte", "I-Drug")),
        (("no", "O"), ("drug", "O"), (ZERO_WIDTH, "O"), ("at", "O"), ("all", "O")),
    )
    for number, (split, times) in enumerate({"train": 12, "dev": 3, "test": 4}.items()):
        lines = []
        for n in range(times * len(shapes)):
            rows = [*shapes[n % len(shapes)]]
            rows.insert(1 if rows[0][1] == "O" else 2, (f"w{number}x{n}", "O"))
            lines += [f"{word}\t{tag}" for word, tag in rows] + [""]
        (tmp_path / f"{split}.tsv").write_text("\n".join(lines), encoding="utf-8")
    path = tmp_path / "study.yaml"
    path.write_text(
        f"name: vanishing\n{HEADER}tasks:\n  - name: drugs\n    kind: tagging\n    labels: [Drug]\n"
        f"    source: {{format: conll, folder: {tmp_path}}}\n"
        f"arms: [single]\nreadings: [refine]\nseeds: 1\nrefine: {RECIPE}\n"
    )
    return path


def test_a_model_can_be_right_on_words_that_cannot_be_seen(vanishing: Path, tmp_path: Path) -> None:
    places = Places(tmp_path / "stages", tmp_path / "results", tmp_path / "plots")
    run(vanishing, places=places, executor="in-process")
    import pandas as pd

    scores = pd.read_csv(tmp_path / "results" / "vanishing" / "scores.csv")
    assert scores.set_index("metric").loc["entity_f1", "value"] == 1


def test_tasks_counts_the_words_of_which_a_tokenizer_makes_nothing(vanishing: Path) -> None:
    (task,) = json.loads(tasks(vanishing, "--json"))["tasks"]
    counted: list[Any] = [split["without_pieces"] for split in task["splits"]]
    assert counted == [dict.fromkeys((SOFT_HYPHEN, ZERO_WIDTH), n) for n in (24, 6, 8)]
    said = "makes nothing of 76 words (train 48, dev 12, test 16), such as U+00AD, U+200B; each"
    assert said in tasks(vanishing)


@pytest.fixture
def relations(tmp_path: Path) -> Path:
    """Relations of which the second marker of some lies beyond 24 word pieces."""
    near, far = "raises @GENE$", " ".join(["far and wide"] * 8) + " raises @GENE$"
    plain = " ".join(["far and wide"] * 8)
    for split, texts in {"train": [near, far, far], "dev": [near, plain], "test": [far]}.items():
        rows = [f"@CHEMICAL$ {text}, as {split}{n}\tyes\n" for n, text in enumerate(texts)]
        rows.append(f"nothing by {split}\tno\n")
        (tmp_path / f"{split}.tsv").write_text("text\tlabel\n" + "".join(rows))
    path = tmp_path / "study.yaml"
    path.write_text(
        f"name: cut\n{HEADER}tasks:\n  - name: chem\n    kind: classification\n"
        f"    labels: ['yes', 'no']\n    source: {{format: tsv, folder: {tmp_path}}}\n"
        "arms: [single]\nrefine: {max_length: 80}\n"
    )
    return path


def test_tasks_counts_the_rows_of_which_an_entity_marker_is_cut_off(relations: Path) -> None:
    (task,) = json.loads(tasks(relations, "--json"))["tasks"]
    assert [split["markers_cut"] for split in task["splits"]] == [2, 0, 1]
    # One more text is cut, without loss of a marker.
    assert task["splits"][1]["truncated"] == pytest.approx(1 / 3)
    said = "in 3 rows (train 2, test 1) an entity marker such as @GENE$ lies beyond max_length 80"
    assert said in tasks(relations)
    assert "entity marker" not in tasks(relations, "--set", "refine.max_length=128")
