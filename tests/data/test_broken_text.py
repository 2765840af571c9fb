"""Text that is broken is refused with its file and line, or read as stated; rows are never lost."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.readers import read_split
from transfer_study.data.files.row_filter import RowFilter
from transfer_study.data.files.tables import read_table, table_rows
from transfer_study.data.texts import read_texts
from transfer_study.errors import DataError
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.source import Columns, FileSource
from transfer_study.study.tasks.task import Task
from transfer_study.study.tasks.texts import Texts

SENTENCE: dict[str, Any] = {"kind": "classification", "labels": ["yes", "no"]}
TAGGING: dict[str, Any] = {"kind": "tagging", "labels": ["Gene"]}
MULTILABEL: dict[str, Any] = {"kind": "multilabel", "labels": ["a", "b"]}
SCORE: dict[str, Any] = {"kind": "regression"}
NFC, NFD = (unicodedata.normalize(form, "négatif") for form in ("NFC", "NFD"))
SEPARATOR = {"tsv": "\t", "csv": ","}


def read(
    folder: Path, text: str, kind: dict[str, Any], form: str, /, **columns: Any
) -> list[Example]:
    path = folder / f"train.{form}"
    path.write_bytes(text.encode())
    source = {"format": form, "files": {"train": path}, "columns": columns}
    return read_split(Task(name="t", **kind, source=source), "train")


def problems(*args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(*args, **kwargs)
    return [str(problem) for problem in caught.value.problems]


def saved(path: Path, columns: dict[str, list[Any]]) -> dict[str, Any]:
    """The source of a data set of the `datasets` library with these columns."""
    datasets.Dataset.from_dict(columns).save_to_disk(str(path / "set"))
    return {"format": "datasets", "name": str(path / "set")}


# ---- quotation marks


@pytest.mark.parametrize("form", SEPARATOR)
@pytest.mark.parametrize("order", ["text label", "label text", "id text label"])
@pytest.mark.parametrize("between", [0, 1, 5])
def test_rows_between_two_bare_marks_are_not_merged(
    tmp_path: Path, form: str, order: str, between: int
) -> None:
    texts = ["a", '"he said', *["b"] * between, 'and left"', "c"]
    rows = [{"id": str(n), "text": text, "label": "yes"} for n, text in enumerate(texts)]
    names = order.split()
    table = [names, *([row[name] for name in names] for row in rows)]
    text = "\n".join(SEPARATOR[form].join(row) for row in table)
    (found,) = problems(tmp_path, text, SENTENCE, form)
    assert f"train.{form}, line 3: a field that begins with a quotation mark goes on to" in found


@pytest.mark.parametrize("form", SEPARATOR)
def test_a_quoted_field_over_several_lines_is_one_text(tmp_path: Path, form: str) -> None:
    text = 'label,text\nyes,"one\n\n""two"" three"\nno,x\n'.replace(",", SEPARATOR[form])
    found = read(tmp_path, text, SENTENCE, form)
    assert [e.text[0] for e in found] == ['one\n\n"two" three', "x"]


@pytest.mark.parametrize("form", SEPARATOR)
@pytest.mark.parametrize("field", ['"x', '"x" y', '"x"" y'])
def test_a_mark_that_is_not_closed_is_told_with_its_line(
    tmp_path: Path, form: str, field: str
) -> None:
    text = "\n".join(SEPARATOR[form].join(row) for row in [("text", "label"), (field, "yes")])
    (found,) = problems(tmp_path, f"{text}\nx\n", SENTENCE, form)[:1]
    assert f"train.{form}, line 2: the row cannot be read" in found
    assert "doubled" in found


@given(
    rows=st.lists(st.tuples(st.text('"x ', min_size=1), st.sampled_from(["yes", "no"]))),
    form=st.sampled_from(sorted(SEPARATOR)),
)
def test_unquoted_rows_are_read_each_or_refused(rows: list[tuple[str, str]], form: str) -> None:
    """Of rows written without any quoting no two become one."""
    separator = SEPARATOR[form]
    task = Task(name="t", **SENTENCE, source={"format": form, "folder": "x"})
    text = "".join(f"{separator.join(row)}\n" for row in [("text", "label"), *rows])
    faults = Faults("file")
    assert isinstance(task.source, FileSource)
    selection = RowFilter(task.source, "train")
    table = table_rows(text, separator, faults)
    found = list(read_table(task, Columns(), table, faults, selection))
    assert faults or len(found) == len(rows)


def test_a_text_may_be_a_book(tmp_path: Path) -> None:
    book = "word " * 60_000
    (found,) = read(tmp_path, f"text\tlabel\n{book}\tyes\n", SENTENCE, "tsv")
    assert found.text == (book,)


def test_rows_that_the_datasets_library_merged_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    merged = 'text,label\nx,yes\n"he said,yes\nand left",no\n'
    (tmp_path / "set" / "train.csv").write_text(merged)
    task = Task(name="t", **SENTENCE, source={"format": "datasets", "name": str(tmp_path / "set")})
    with pytest.raises(DataError, match=r"row 2: a text has line breaks and separators"):
        read_split(task, "train")
    source = saved(tmp_path / "other", {"text": ["a, b\nc"], "label": ["yes"]})
    assert len(read_split(Task(name="t", **SENTENCE, source=source), "train")) == 1


# ---- characters

BROKEN = {"\0": "U+0000", "\x1b": "U+001B", "\x7f": "U+007F", "\x92": "U+0092", "\ufffe": "U+FFFE"}


@pytest.mark.parametrize("character", BROKEN)
@pytest.mark.parametrize("part", ["text", "id", "doc"])
def test_a_control_character_is_told_with_its_line(
    tmp_path: Path, character: str, part: str
) -> None:
    row = {"id": "1", "doc": "d", "text": "x", "label": "yes"} | {part: f"a{character}b"}
    columns = {"id": "id", "document": "doc"}
    said = f"line 2: the {part.replace('doc', 'document')} has"
    for form, separator in SEPARATOR.items():
        table = "\n".join(separator.join(fields) for fields in (row, row.values()))
        (found,) = problems(tmp_path, table, SENTENCE, form, **columns)
        assert said in found
        assert BROKEN[character] in found
        assert "remove it" in found
    (found,) = problems(tmp_path, json.dumps(row), SENTENCE, "jsonl", **columns)
    assert said.replace("2", "1") in found
    source = saved(tmp_path, {name: [value] for name, value in row.items()})
    with pytest.raises(DataError, match=said.replace("line 2", "row 1")):
        read_split(Task(name="t", **SENTENCE, source={**source, "columns": columns}), "train")


@pytest.mark.parametrize("character", BROKEN)
def test_a_control_character_in_a_word_or_a_document_of_conll(
    tmp_path: Path, character: str
) -> None:
    found = problems(tmp_path, f"a d O\n\nb d O\nc{character} d O\n", TAGGING, "conll")
    assert len(found) == 1
    assert "line 4: the word has" in found[0]
    found = problems(tmp_path, f"a d{character} O\n", TAGGING, "conll", document=1, label=2)
    assert any("line 1: the document has" in problem for problem in found)


def test_white_space_stays_in_texts_and_is_refused_in_names(tmp_path: Path) -> None:
    text = "a\tb\nc\fd\x85e"
    row = {"id": "1", "text": text, "label": "yes"}
    assert read(tmp_path, json.dumps(row), SENTENCE, "jsonl", id="id")[0].text == (text,)
    row["id"] = "1\n2"
    (found,) = problems(tmp_path, json.dumps(row), SENTENCE, "jsonl", id="id")
    assert "the id has the control character U+000A" in found


@pytest.mark.parametrize("half", ["\ud83d", "\ude00"])
def test_half_a_character_is_told_with_its_line(tmp_path: Path, half: str) -> None:
    good = {"text": "x \U0001f600", "label": "yes"}
    bad = {"text": f"x {half}", "label": "yes"}
    text = "\n".join(map(json.dumps, [good, bad]))  # as escapes, a whole one by its two halves
    (found,) = problems(tmp_path, text, SENTENCE, "jsonl")
    assert "train.jsonl, line 2: the text has U+D" in found
    assert "half of a character" in found
    words = json.dumps({"text": ["a", half], "label": ["O", "O"]})
    (found,) = problems(tmp_path, words, TAGGING, "jsonl")
    assert "line 1: word 2: the word has" in found


@pytest.mark.parametrize("part", ["key", "label"])
def test_what_is_broken_can_be_printed(tmp_path: Path, part: str) -> None:
    row = {"text": "x", "label": "\ud83d\x1b"} if part == "label" else {"te\ud83d\x1bxt": "x"}
    for found in problems(tmp_path, json.dumps(row), SENTENCE, "jsonl"):
        assert found.isprintable()


@pytest.mark.parametrize("label", ["a\0", "a\x1b[1m", "a\nb", "a\ud83d", "a\u2028b"])
def test_a_label_of_the_study_has_no_control_character(label: str) -> None:
    kind = {"kind": "classification", "labels": [label, "b"]}
    with pytest.raises(ValidationError, match=r"U\+"):
        Task(name="t", **kind, source={"format": "tsv", "folder": "x"})


def test_texts_to_pretrain_on(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"one\rtwo\rthree \xe2\x80\xa8 x\r")
    assert read_texts(Texts(files=(path,))) == ("one", "three x", "two")
    path.write_bytes(b"one\ntwo\0\nthree\x1b[0m\n")
    with pytest.raises(DataError) as caught:
        read_texts(Texts(files=(path, tmp_path / "none.txt")))
    told = [str(problem) for problem in caught.value.problems]
    assert "texts.txt, line 2: the text has the control character U+0000" in told[0]
    assert "texts.txt, line 3" in told[1]
    assert "none.txt: there is no such file" in told[2]


# ---- names that look alike


@pytest.mark.parametrize("study", [NFC, NFD])
@pytest.mark.parametrize("data", [NFC, NFD])
def test_labels_and_columns_are_compared_composed(tmp_path: Path, study: str, data: str) -> None:
    kind = {"kind": "classification", "labels": [study, "b"], "negative": study}
    columns = {"text": f"t{study}"}
    table = f"t{data}\tlabel\nx\t{data}\n"
    row = json.dumps({f"t{data}": "x", "label": data})
    several = {"kind": "multilabel", "labels": [study, "b"]}
    tagging = {"kind": "tagging", "labels": [study, "b"]}
    assert read(tmp_path, table, kind, "tsv", **columns)[0].label == NFC
    assert read(tmp_path, row, kind, "jsonl", **columns)[0].label == NFC
    assert read(tmp_path, table, several, "tsv", **columns)[0].label == (NFC,)
    assert read(tmp_path, f"x\tB-{data}\n", tagging, "conll")[0].label == (f"B-{NFC}",)
    source = {**saved(tmp_path, {f"t{data}": ["x"], "label": [data]}), "columns": columns}
    assert read_split(Task(name="t", **kind, source=source), "train")[0].label == NFC


def test_labels_that_are_one_after_composition_are_given_twice() -> None:
    kind = {"kind": "classification", "labels": [NFC, NFD]}
    with pytest.raises(ValidationError, match="labels are given twice"):
        Task(name="t", **kind, source={"format": "tsv", "folder": "x"})


def test_letters_of_another_script_are_told_apart(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "text\tlabel\nx\tуes\n", SENTENCE, "tsv")
    assert "did you mean 'yes' (with U+0079 where this has U+0443)?" in found


# ---- line ends


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_make_no_difference(tmp_path: Path, end: str) -> None:
    files = {
        "tsv": ("text\tlabel\nx\tyes\ny\tno\n", SENTENCE),
        "csv": ('text,label\n"x\ny",yes\ny,no\n', SENTENCE),
        "jsonl": ('{"text": "x", "label": "yes"}\n{"text": "y", "label": "no"}\n', SENTENCE),
        "conll": ("a O\nb B-Gene\n\nc O\n\n", TAGGING),
    }
    for form, (text, kind) in files.items():
        expected = read(tmp_path, text, kind, form)
        assert len(expected) == 2
        assert read(tmp_path, text.replace("\n", end), kind, form) == expected


@pytest.mark.parametrize("form", ["tsv", "csv", "jsonl", "conll"])
def test_a_carriage_return_within_a_line(tmp_path: Path, form: str) -> None:
    kind = TAGGING if form == "conll" else SENTENCE
    (found,) = problems(tmp_path, "a O\nb\rc O\rd O\n", kind, form)
    assert f"train.{form}, line 2: a carriage return" in found
    assert "(and 1 more in this file)" in found


# ---- what cannot be a score, and labels with commas


@pytest.mark.parametrize("score", ["1e300", "-1e16", "1e15001"])
def test_what_cannot_be_a_score(tmp_path: Path, score: str) -> None:
    (found,) = problems(tmp_path, f"text\tlabel\nx\t{score}\n", SCORE, "tsv")
    assert f"line 2: the score '{score}' is" in found
    (found,) = problems(tmp_path, f'{{"text": "x", "label": {score}}}', SCORE, "jsonl")
    assert f"line 1: the score '{score}' is" in found


def test_large_scores_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, "text\tlabel\nx\t-1e15\n", SCORE, "tsv")[0].label == -1e15


COMMA: dict[str, Any] = {"kind": "multilabel", "labels": ["a", "b", "a,b"]}


@pytest.mark.parametrize("form", SEPARATOR)
def test_a_label_with_a_comma_is_refused_where_commas_divide(form: str) -> None:
    with pytest.raises(ValidationError, match=r"found the label 'a,b', but .* at commas"):
        Task(name="t", **COMMA, source={"format": form, "folder": "x"})


def test_a_label_with_a_comma_is_read_from_lists(tmp_path: Path) -> None:
    rows = '{"text": "x", "label": ["a,b"]}\n{"text": "x", "label": ""}\n'
    assert [e.label for e in read(tmp_path, rows, COMMA, "jsonl")] == [("a,b",), ()]
    (found,) = problems(tmp_path, '{"text": "x", "label": "a,b"}', COMMA, "jsonl")
    assert "line 1: the labels 'a,b' are divided at commas" in found
    assert "give them as a list" in found


# ---- JSON that is not JSON lines

ROWS = [{"text": "x", "label": "yes"}] * 30


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=1),
        json.dumps({"data": ROWS}, indent=2),
        "\n".join(json.dumps(row, indent=2) for row in ROWS),
        "[" + ",\n".join(map(json.dumps, ROWS)) + "]",
        ",\n".join(map(json.dumps, ROWS)),
    ],
)
def test_other_json_is_told_in_one_sentence(tmp_path: Path, text: str) -> None:
    (found,) = problems(tmp_path, text, SENTENCE, "jsonl")
    assert "train.jsonl: not one JSON object a line" in found
    assert "`jq -c '.[]' FILE`" in found


def test_json_nested_too_deeply(tmp_path: Path) -> None:
    text = '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}"
    (found,) = problems(tmp_path, text, SENTENCE, "jsonl")
    assert "line 1: not a JSON object" in found
