"""Questions with candidates: read from every form, refused where no one candidate is right."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
from pydantic import ValidationError

from transfer_study.data.derived import shuffled
from transfer_study.data.files.guess import guess_tasks
from transfer_study.data.files.readers import read_split
from transfer_study.data.leaks.same_text import row_of, tells
from transfer_study.data.splits import TaskData, fingerprint
from transfer_study.data.tokens.encode import encode, targets
from transfer_study.data.tokens.unread import reader
from transfer_study.errors import DataError
from transfer_study.metrics.constant import best_constant
from transfer_study.metrics.measurable import unmeasurable
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.kinds import MULTIPLE_CHOICE
from transfer_study.study.tasks.task import Task

FOUR = ["A", "B", "C", "D"]
USUAL = {"columns": {"text": "q", "label": "gold", "candidates": FOUR}}
DRUGS = ("aspirin", "heparin", "warfarin", "insulin")


def made(form: str, path: Path | str = "/nowhere", **keys: Any) -> Task:
    source = {"format": form, "files": {"train": str(path)}, **USUAL, **keys}
    return Task.model_validate({"name": "exam", "kind": "multiple_choice", "source": source})


def read(tmp_path: Path, text: str, form: str, **keys: Any) -> list[Example]:
    (tmp_path / "file").write_text(text, encoding="utf-8")
    return read_split(made(form, tmp_path / "file", **keys), "train")


def fault(tmp_path: Path, *rows: list[str], **keys: Any) -> str:
    lines = [["q", *FOUR, "gold"], *rows]
    with pytest.raises(DataError) as caught:
        read(tmp_path, "\n".join(map("\t".join, lines)), "tsv", **keys)
    (problem,) = caught.value.problems
    return problem.message


def question(*candidates: str, label: str = "A", text: str = "Which one?") -> Example:
    return Example("1", "1", (text,), label, candidates=candidates)


def test_a_column_a_candidate_in_tables_and_a_list_in_json_are_the_same(tmp_path: Path) -> None:
    table = "q,A,B,C,D,gold\nWhich?,a b,c,d,e,B\nWho?,f,g,,,a\n"
    found = read(tmp_path, table, "csv")
    assert [(e.text, e.candidates, e.label) for e in found] == [
        (("Which?",), ("a b", "c", "d", "e"), "B"),
        (("Who?",), ("f", "g"), "A"),
    ]
    rows = [{"q": e.text[0], "all": list(e.candidates), "gold": e.label} for e in found]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    columns = {**USUAL["columns"], "candidates": "all"}
    assert read(tmp_path, lines, "jsonl", columns=columns) == found
    # As MedQA has them, keys within a key.
    medqa = [
        {"q": e.text[0], "options": dict(zip(FOUR, (*e.candidates, "", "")[:4], strict=True))}
        for e in found
    ]
    lines = "".join(
        json.dumps({**r, "gold": e.label}) + "\n" for r, e in zip(medqa, found, strict=True)
    )
    columns = {**USUAL["columns"], "candidates": [f"options.{letter}" for letter in FOUR]}
    assert read(tmp_path, lines, "jsonl", columns=columns) == found


def test_a_data_set_lists_them_within_a_key(tmp_path: Path) -> None:
    texts = [[f"{drug} {n}" for drug in DRUGS[: 2 + n % 3]] for n in range(9)]
    choices = [{"text": some, "label": FOUR[: len(some)]} for some in texts]
    columns = {
        "id": [f"q{n}" for n in range(9)],
        "question": [f"which of {n}" for n in range(9)],
        "choices": choices,
        "answerKey": [FOUR[n % len(some)] for n, some in enumerate(texts)],
    }
    rows = datasets.Dataset.from_dict(columns)
    splits = {"train": rows, "validation": rows, "test": rows}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "arc")
    (guess,) = guess_tasks(tmp_path)
    source = {**guess.task["source"], "name": str(tmp_path / "arc")}
    assert source["columns"]["candidates"] == "choices.text"
    assert (source["columns"]["label"], source["answer_key"]) == ("answerKey", "letter")
    found = read_split(Task.model_validate({**guess.task, "source": source}), "train")
    assert [[*e.candidates] for e in found] == texts
    assert [e.label for e in found] == columns["answerKey"]


@pytest.mark.parametrize(
    ("key", "label"), [("letter", "C"), ("from_0", "2"), ("from_1", "3"), ("text", "warfarin")]
)
def test_the_right_candidate_is_named_as_the_source_says(
    tmp_path: Path, key: str, label: str
) -> None:
    table = "\n".join(["q\tA\tB\tC\tD\tgold", "\t".join(["Which?", *DRUGS, label])])
    (found,) = read(tmp_path, table, "tsv", answer_key=key)
    assert found.label == "C"


@pytest.mark.parametrize(
    ("key", "label", "said"),
    [
        ("letter", "E", "the label 'E' is none of the 4 candidates; allowed: A to D. Correct it, or"
         " set the source's `answer_key`, which is letter, to text or from_0 or from_1"),
        ("letter", "2", "the label '2' is none of the 4 candidates; allowed: A to D."),
        ("from_0", "4", "the label '4' is none of the 4 candidates; allowed: 0 to 3."),
        ("from_1", "0", "the label '0' is none of the 4 candidates; allowed: 1 to 4."),
        ("text", "warfarine", "did you mean 'warfarin'?"),
    ],
)  # fmt: skip
def test_a_right_answer_outside_the_candidates_is_refused(
    tmp_path: Path, key: str, label: str, said: str
) -> None:
    assert said in fault(tmp_path, ["Which?", *DRUGS, label], answer_key=key)


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        (("a", "", "", ""), "found 1 candidate; give 2 to 26"),
        (("", "", "", ""), "found 0 candidates; give 2 to 26"),
        (("a", "", "c", ""), "the candidate B of 3 is empty; fill it in, or move the later ones"),
        (("x", "y", "x", ""), "the candidates A and C are both 'x', the right one; change one"),
        (("a\0", "y", "", ""), "a candidate has"),
    ],
)
def test_candidates_of_which_no_one_is_right_are_refused(
    tmp_path: Path, candidates: tuple[str, ...], said: str
) -> None:
    assert said in fault(tmp_path, ["Which?", *candidates, "A"])


def test_two_wrong_candidates_may_be_the_same(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "q\tA\tB\tC\tD\tgold\nWhich?\tx\tnone\tnone\t\tA\n", "tsv")
    assert found.label == "A"


def test_what_is_no_list_of_candidates_is_refused(tmp_path: Path) -> None:
    columns = {**USUAL["columns"], "candidates": "all"}
    for value in ("a, b", {"A": "a"}, None, [["a"], ["b"]]):
        with pytest.raises(DataError, match=r"'all' \(candidates\) must be a list of texts in a"):
            line = json.dumps({"q": "Which?", "all": value, "gold": "A"})
            read(tmp_path, line, "jsonl", columns=columns)
    with pytest.raises(DataError, match=r"'gold' \(label\) must be text .* found a list of 2$"):
        line = json.dumps({"q": "Which?", "all": ["a", "b"], "gold": ["A", "B"]})
        read(tmp_path, line, "jsonl", columns=columns)
    with pytest.raises(DataError, match=r"no column 'D'.*Set `candidates` under the source's"):
        read(tmp_path, "q\tA\tB\tC\tgold\nWhich?\ta\tb\tc\tA\n", "tsv")
    with pytest.raises(DataError, match="a multiple_choice task is not read from conll"):
        read(tmp_path, "word O\n", "conll")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": ["A", "B"]}, "a multiple_choice task has no labels"),
        ({"metric": "macro_f1"}, "does not fit a multiple_choice task; allowed: accuracy"),
        ({"source": {"format": "tsv", "folder": "x"}}, "a multiple_choice task needs `candidates`"),
        ({"kind": "regression"}, "remove it from this regression task"),
    ],
)
def test_a_task_that_does_not_fit_is_refused(changes: dict[str, Any], said: str) -> None:
    written = {**made("tsv").model_dump(exclude={"metric"}), "source": made("tsv").source}
    with pytest.raises(ValidationError) as caught:
        Task.model_validate({**written, **changes})
    assert said in str(caught.value)


# ---- what follows from the examples


def test_candidates_are_part_of_what_is_learned() -> None:
    def hashed(*candidates: str) -> str:
        example = question(*candidates)
        data = TaskData(made("tsv"), (example,), (example,), (example,), "key")
        return fingerprint(data).train.sha256

    assert len({hashed("a", "b"), hashed("b", "a"), hashed("a", "b", "c")}) == 3


def test_a_constant_answer_is_the_most_frequent_letter() -> None:
    gold = ["A", "B", "B", "D"]
    assert best_constant(made("tsv"), gold, [""] * 4) == 0.5
    assert unmeasurable(made("tsv"), gold, [""] * 4) is None
    assert "the right candidate is A in all its 3 examples" in str(
        unmeasurable(made("tsv"), ["A"] * 3, [""] * 3)
    )


def test_the_same_question_with_the_same_candidates_is_one_text_in_any_order() -> None:
    task, other = made("tsv"), made("tsv").model_copy(update={"name": "other"})
    text = "Which of these drugs is given for the long-term prevention of strokes?"
    asked = question(*DRUGS, label="C", text=text)
    moved = replace(asked, candidates=DRUGS[::-1], label="B")
    assert tells(row_of(asked, task), row_of(moved, task))
    # Another question of the same drugs, and the same question of others, share a part alone.
    elsewhere = replace(asked, candidates=("sodium", "zinc"), label="A")
    row, row_elsewhere = row_of(asked, task), row_of(elsewhere, other)
    assert not tells(row, row_elsewhere)
    assert row.parts == row_elsewhere.parts
    assert row_of(question(*DRUGS, text="Which dissolves a clot?"), task).parts != row.parts


def test_shuffled_labels_are_letters_of_the_candidates_there_are() -> None:
    rows = [question(*"abcde"[: 2 + n % 4], label="ABCDE"[n % 2]) for n in range(41)]
    rows.append(question(*"abcdefgh", label="H"))
    after = shuffled(MULTIPLE_CHOICE, rows, np.random.default_rng(0))
    assert all(e.candidates == was.candidates for e, was in zip(after, rows, strict=True))
    assert all("ABCDEFGH".index(str(e.label)) < len(e.candidates) for e in after)
    assert [e.label for e in after] != [e.label for e in rows]


def test_each_candidate_is_read_with_the_text(tokenizer: Any) -> None:
    rows = [
        question("aspirin", "the fever of mice", label="B", text="what reduced it"),
        question("rats", "mice", "naloxone", label="C", text="what reverses clonidine"),
    ]
    recipe = Recipe(max_length=48)
    encoded = encode(made("tsv"), rows, tokenizer, recipe)
    assert len(encoded) == 2
    for n, example in enumerate(rows):
        pairs = [tokenizer(example.text[0], text)["input_ids"] for text in example.candidates]
        assert encoded.sequences(n) == list(map(len, pairs))
        assert encoded.ids[n].tolist() == [*chain(*pairs)]
        assert encoded.lengths[n] == max(map(len, pairs))
        seen = reader(made("tsv"), tokenizer, recipe)(example)
        assert seen.pieces == max(map(len, pairs))
    assert [int(t) for t in targets(made("tsv"), rows, encoded, recipe)] == [1, 2]


def test_the_second_of_two_texts_goes_with_the_candidate(tokenizer: Any) -> None:
    example = replace(question("mice", "rats"), text=("no fever was seen", "of the"))
    encoded = encode(made("tsv"), [example], tokenizer, Recipe())
    texts = ("of the mice", "of the rats")
    pairs = [tokenizer("no fever was seen", text)["input_ids"] for text in texts]
    assert encoded.ids[0].tolist() == [*chain(*pairs)]
