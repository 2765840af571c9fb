"""What the splits of a task lack, as `tasks`, `run` and the report say it."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import Command

WORDS = {"mild": "calm", "moderate": "firm", "severe": "storm"}
STUDY = """\
name: levels
encoder: {name: tiny, tiny: {hidden_size: 32, layers: 1, heads: 2}}
tasks:
TASKS
arms: [single, pairs]
readings: [refine]
seeds: 1
refine: {epochs: 25, batch_size: 8, learning_rate: 3.0e-3, precision: float32}
"""
SEVERITY = """\
  - name: NAME
    kind: classification
    labels: [mild, moderate, severe]
    metric: METRIC
    source: {format: tsv, folder: NAME}
"""


def write(folder: Path, name: str, **splits: Sequence[tuple[str, str]]) -> None:
    (folder / name).mkdir()
    for split, rows in splits.items():
        lines = [f"{text} {split} {n}\t{label}\n" for n, (text, label) in enumerate(rows)]
        (folder / name / f"{split}.tsv").write_text("text\tlabel\n" + "".join(lines))


def levels(n: int, *labels: str) -> list[tuple[str, str]]:
    """Rows that any model learns: a label is its word, three times."""
    return [(" ".join([WORDS[label]] * 3), label) for label in labels] * n


def study(folder: Path, *tasks: str) -> str:
    text = STUDY.replace("TASKS\n", "".join(tasks))
    if len(tasks) == 1:
        text = text.replace("[single, pairs]", "[single]")
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return str(folder / "study.yaml")


def severity(name: str, metric: str = "macro_f1") -> str:
    return SEVERITY.replace("NAME", name).replace("METRIC", metric)


@pytest.fixture
def command(command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Calls the command line in an empty folder: exit code, what it printed, what it complained."""
    monkeypatch.chdir(tmp_path)
    return command


def test_classes_that_a_split_lacks_are_named_and_left_out(tmp_path: Path, command) -> None:
    every = ("mild", "moderate", "severe")
    lacking = levels(5, "mild", "moderate")
    write(tmp_path, "one", train=levels(20, *every), dev=lacking, test=lacking)
    write(tmp_path, "other", train=lacking, dev=lacking, test=levels(4, *every))
    path = study(tmp_path, severity("one"), severity("other", "accuracy"))
    code, said, _ = command("tasks", path)
    assert code == 0
    about = said.split("one: classification")[1].split("\n\n")[0]
    one, other = about.split("other: classification")
    assert "test has no example of severe: macro F1 is the mean over the others" in one
    assert "dev has no" not in one and "train has no" not in one  # test has none to find or choose
    assert "train has no example of severe, which test has: none can be found" in other
    assert "dev has no example of severe, which test has: epochs are chosen without" in other
    tasks = json.loads(command("tasks", path, "--json")[1])["tasks"]
    assert [len(task["shortcomings"]) for task in tasks] == [1, 2]

    assert command("run", path, "--executor", "in-process", "-q")[0] == 0
    text = Path("results/levels/scores.csv").read_text(encoding="utf-8")
    found = {
        row["metric"]: float(row["value"])
        for row in csv.DictReader(text.splitlines())
        if (row["task"], row["arm"]) == ("one", "single")
    }
    # All answers are right, so that the score is 1 and not two thirds.
    assert found == {"accuracy": 1, "micro_f1": 1, "macro_f1": 1}
    sentence = "The test set of one has no example of severe: macro F1 is the mean over the others."
    assert f"- {sentence}" in Path("results/levels/report.md").read_text(encoding="utf-8")
    page = Path("results/levels/report.html").read_text(encoding="utf-8")
    # Among the doubts of the study, and once in those of the edges.
    assert page.count(sentence) == 2
    assert "The test set of other" not in page


TAGGING = """\
  - name: words
    kind: tagging
    labels: [X]
    source: {format: conll, folder: words}
"""
SCORES = """\
  - name: scores
    kind: regression
    source: {format: tsv, folder: scores, columns: {text: text, label: label}}
"""
MENTIONS = "A O\npill B-X\n\nNone O\n"


def numbers(*scores: float) -> list[tuple[str, str]]:
    return [(f"text {score}", str(score)) for score in scores]


def test_a_test_set_of_one_class_is_refused(tmp_path: Path, command) -> None:
    both = levels(5, "mild", "severe")
    write(tmp_path, "a", train=both, dev=both, test=levels(6, "mild"))
    path = study(tmp_path, severity("a", "accuracy"))
    for verb in ("tasks", "plan", "run"):
        code, said, complained = command(verb, path)
        assert (code, said) == (2, "")
        assert complained.splitlines()[-1:] == [
            "error: a: accuracy measures nothing on test: all its 6 examples have the same answer, "
            "mild; give test examples that ask for more than one answer"
        ]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "study.yaml"]


def test_the_test_set_is_judged_as_it_is_used(tmp_path: Path, command) -> None:
    both = levels(5, "mild", "severe")
    write(tmp_path, "a", train=both, dev=both, test=[*both, *levels(3, "moderate")])
    path = study(tmp_path, severity("a", "accuracy"))
    assert command("tasks", path)[0] == 0
    code, _, complained = command("tasks", path, "--set", "tasks.a.limits.max_test=1")
    assert code == 2
    assert "it has a single example; raise `max_test`, which is 1" in complained


def test_a_test_set_without_a_mention_is_refused(tmp_path: Path, command) -> None:
    (tmp_path / "words").mkdir()
    for split, text in (("train", MENTIONS), ("dev", MENTIONS), ("test", "A O\n\nNone O\n")):
        (tmp_path / "words" / f"{split}.tsv").write_text(text)
    code, _, complained = command("tasks", study(tmp_path, TAGGING))
    assert code == 2
    assert "entity_f1 measures nothing on test: its 2 sentences have no mention" in complained


def test_what_chooses_or_teaches_nothing_is_told(tmp_path: Path, command) -> None:
    (tmp_path / "words").mkdir()
    for split, text in (("train", "A O\n\nNone O\n"), ("dev", "A O\n"), ("test", MENTIONS)):
        (tmp_path / "words" / f"{split}.tsv").write_text(text)
    code, said, _ = command("tasks", study(tmp_path, TAGGING))
    assert code == 0
    assert "train teaches one answer: its 2 sentences have no mention" in said
    assert "dev chooses no epoch: entity_f1 measures nothing on it, since it has a single" in said
    code, said, _ = command(
        "tasks", study(tmp_path, TAGGING), "--set", "tasks.0.select_by=lenient_entity_f1"
    )
    assert (code, "dev chooses no epoch: lenient_entity_f1 measures" in said) == (0, True)


@pytest.mark.parametrize(
    ("train", "test", "complaint"),
    [
        ((1, 2, 3), (4, 4, 4), "pearson measures nothing on test: all its 3 scores are 4"),
        ((1e9 + 1, 1e9 + 2, 1e9), (1, 2, 3), "the scores of train lie around 1e+09 and differ"),
    ],
)
def test_scores_that_measure_or_teach_nothing_are_refused(
    tmp_path: Path, command, train, test, complaint
) -> None:
    splits = {"train": numbers(*train), "dev": numbers(1, 2, 3), "test": numbers(*test)}
    write(tmp_path, "scores", **splits)
    code, _, complained = command("plan", study(tmp_path, SCORES))
    assert code == 2
    assert f"error: scores: {complaint}" in complained


@pytest.mark.parametrize("train", [(1, 2, 3), (1e14, 2e14, 0), (1e6, 1e6 + 1, 1e6 + 2), (1, 1, 1)])
def test_scores_that_float32_holds_are_taken(tmp_path: Path, command, train) -> None:
    write(tmp_path, "scores", train=numbers(*train), dev=numbers(1, 2, 3), test=numbers(1, 2))
    assert command("tasks", study(tmp_path, SCORES))[0] == 0
