"""Any file becomes the same examples, and every fault of a file is found at once."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import datasets
import pytest
from pydantic import ValidationError

from transfer_study.data.files.readers import read_split
from transfer_study.errors import DataError
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task

SENTENCE: dict[str, Any] = {"kind": "classification", "labels": ["yes", "no"]}
TAGGING: dict[str, Any] = {"kind": "tagging", "labels": ["Gene", "Drug"]}
MULTILABEL: dict[str, Any] = {"kind": "multilabel", "labels": ["a", "b", "c"]}
SCORE: dict[str, Any] = {"kind": "regression"}


def task(
    path: Path, kind: dict[str, Any], form: str, columns: object = None, **source: Any
) -> Task:
    given = {"columns": columns} if columns is not None else {}
    files = {"train": path}
    return Task(name="t", **kind, source={"format": form, "files": files, **given, **source})


def read(
    tmp_path: Path,
    text: str | bytes,
    kind: dict[str, Any],
    form: str,
    columns: object = None,
    **source: Any,
) -> list[Example]:
    path = tmp_path / "train.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_split(task(path, kind, form, columns, **source), "train")


def problems(*args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        read(*args, **kwargs)
    return [str(problem) for problem in caught.value.problems]


# ---- one example a row


def test_formats_agree(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": 'say "yes", or\tnot', "label": "yes"},
        {"id": "2", "text": "plain", "label": "no"},
    ]
    expected = [Example(r["id"], r["id"], (r["text"],), r["label"]) for r in rows]
    quoted = [(r["id"], '"' + r["text"].replace('"', '""') + '"', r["label"]) for r in rows]
    table = [("id", "text", "label"), *quoted]
    columns = {"id": "id"}
    tsv = "\n".join("\t".join(row) for row in table)
    csv = "\r\n".join(",".join(row) for row in table) + "\r\n"
    jsonl = "\n".join(map(json.dumps, rows)) + "\n\n"
    assert read(tmp_path, tsv, SENTENCE, "tsv", columns) == expected
    assert read(tmp_path, csv, SENTENCE, "csv", columns) == expected
    assert read(tmp_path, jsonl, SENTENCE, "jsonl", columns) == expected


@pytest.mark.parametrize("word", ["None", "NA", "nan", "null", "true", "1.0", "1e3", "-", "#N/A"])
def test_no_value_is_interpreted(tmp_path: Path, word: str) -> None:
    kind = {"kind": "classification", "labels": [word, "other"]}
    columns = {"id": "id", "document": "doc"}
    expected = [Example(word, word, (word,), word, named=True)]
    table = f"id\tdoc\ttext\tlabel\n{word}\t{word}\t{word}\t{word}\n"
    assert read(tmp_path, table, kind, "tsv", columns) == expected
    row = json.dumps(dict.fromkeys(("id", "doc", "text", "label"), word))
    assert read(tmp_path, row, kind, "jsonl", columns) == expected
    tagged = read(tmp_path, f"{word}\tO\n", TAGGING, "conll")
    assert tagged[0].text == (word,)


def test_json_values_are_read_as_written(tmp_path: Path) -> None:
    kind = {"kind": "classification", "labels": ["true", "1.0", "1"]}
    text = '{"text": "x", "label": true}\n{"text": "x", "label": 1.0}\n{"text": "x", "label": 1}'
    assert [e.label for e in read(tmp_path, text, kind, "jsonl")] == ["true", "1.0", "1"]


def test_bom_and_line_ends_leave_no_trace(tmp_path: Path) -> None:
    plain = read(tmp_path, "text\tlabel\nα\tyes\n", SENTENCE, "tsv")
    assert read(tmp_path, b"\xef\xbb\xbftext\tlabel\r\n\xce\xb1\tyes\r\n", SENTENCE, "tsv") == plain


def test_unusual_line_separators_stay_in_the_text(tmp_path: Path) -> None:
    text = "a\u2028b\x85c\x0bd\xa0e"
    assert read(tmp_path, f"text\tlabel\n{text}\tyes\n", SENTENCE, "tsv")[0].text == (text,)
    assert read(tmp_path, f"{text}\tO\n", TAGGING, "conll")[0].text == (text,)
    words = read(tmp_path, "a\xa0b O\n", TAGGING, "conll")[0].text
    assert words == ("a\xa0b",)


def test_ids_are_unique_and_stable(tmp_path: Path) -> None:
    text = "id\ttext\tlabel\n" + "".join(f"{i}\tx\tyes\n" for i in ["a", "a", "b", "a", "a#2"])
    ids = [e.id for e in read(tmp_path, text, SENTENCE, "tsv", {"id": "id"})]
    assert ids[:4] == ["a", "a#2", "b", "a#3"]
    assert len(set(ids)) == 5
    assert ids == [e.id for e in read(tmp_path, text, SENTENCE, "tsv", {"id": "id"})]


def test_ids_count_rows_where_there_is_no_column(tmp_path: Path) -> None:
    found = read(tmp_path, "text\tlabel\nx\tyes\ny\tno\n", SENTENCE, "tsv")
    assert [(e.id, e.document) for e in found] == [("train-1", "train-1"), ("train-2", "train-2")]


def test_document_comes_from_its_column_or_the_pattern(tmp_path: Path) -> None:
    text = "id\tdoc\ttext\tlabel\nd1.s1\tA\tx\tyes\nd1.s2\tB\tx\tyes\n"
    pattern = r"^([^.]+)\."
    by_column = {"id": "id", "document": "doc"}
    found = read(tmp_path, text, SENTENCE, "tsv", by_column, document_pattern=pattern)
    assert [e.document for e in found] == ["A", "B"]
    found = read(tmp_path, text, SENTENCE, "tsv", {"id": "id"}, document_pattern=pattern)
    assert [e.document for e in found] == ["d1", "d1"]


def test_multilabel_is_a_set_in_the_order_of_the_task(tmp_path: Path) -> None:
    text = "text\tlabel\nx\tc,a\nx\t\nx\tb, c\nx\t0_1,1_0,2_1\nx\t0_0,1_0,2_0\n"
    found = [e.label for e in read(tmp_path, text, MULTILABEL, "tsv")]
    assert found == [("a", "c"), (), ("b", "c"), ("a", "c"), ()]
    rows = '{"text": "x", "label": ["c", "a"]}\n{"text": "x", "label": []}'
    assert [e.label for e in read(tmp_path, rows, MULTILABEL, "jsonl")] == [("a", "c"), ()]


def test_files_may_lack_a_header_line(tmp_path: Path) -> None:
    """As those of GAD and EU-ADR: train and dev without one, test with other columns."""
    for form, separator in (("tsv", "\t"), ("csv", ",")):
        bare = [["x", "yes"], ["y", "no"]]
        headed = [["index", "text", "label"], ["0", "z", "no"]]
        for split, rows in (("train", bare), ("dev", bare[1:]), ("test", headed)):
            table = "\n".join(separator.join(row) for row in rows)
            (tmp_path / f"{split}.{form}").write_text(table)
        source = {"format": form, "folder": tmp_path}
        names = ["text", "label"]
        task = Task(
            name="t", **SENTENCE, source={**source, "header": {"train": names, "dev": names}}
        )
        assert [e.text for e in read_split(task, "train")] == [("x",), ("y",)]
        assert [e.text for e in read_split(task, "dev")] == [("y",)]
        assert [e.text for e in read_split(task, "test")] == [("z",)]
        everywhere = Task(name="t", **SENTENCE, source={**source, "header": names})
        assert len(read_split(everywhere, "train")) == 2
        with pytest.raises(DataError, match="line 1: 3 fields, but the header has 2"):
            read_split(everywhere, "test")
        without = Task(name="t", **SENTENCE, source=source)
        with pytest.raises(DataError, match="no header line, name its columns by the source's"):
            read_split(without, "train")


def test_only_tables_have_a_header(tmp_path: Path) -> None:
    source = {"format": "conll", "folder": tmp_path, "header": ["text", "label"]}
    with pytest.raises(ValidationError, match="conll files have no header line"):
        Task(name="t", **TAGGING, source=source)


def test_a_list_of_one_label_is_that_label(tmp_path: Path) -> None:
    row = '{"text": "x", "label": ["yes"]}'
    assert read(tmp_path, row, SENTENCE, "jsonl")[0].label == "yes"
    assert read(tmp_path, '{"text": "x", "label": ["2.5"]}', SCORE, "jsonl")[0].label == 2.5
    features = {
        "text": datasets.Value("string"),
        "label": datasets.Sequence(datasets.ClassLabel(names=["no", "yes"])),
    }
    rows = datasets.Dataset.from_dict(
        {"text": ["x", "y"], "label": [[1], [0]]}, features=datasets.Features(features)
    )
    rows.save_to_disk(str(tmp_path / "d"))
    assert [e.label for e in read_split(hub_task(tmp_path / "d", SENTENCE), "train")] == [
        "yes",
        "no",
    ]


def test_entity_types_are_listed_without_b_and_i(tmp_path: Path) -> None:
    source = {"format": "conll", "folder": tmp_path}
    kind: dict[str, Any] = {"kind": "tagging", "labels": ["O", "B-PER", "I-PER"]}
    with pytest.raises(ValidationError, match=r"'B-PER' and 'I-PER'.* write 'PER' in place"):
        Task(name="t", **kind, source=source)
    kind["labels"] = ["B-PER", "B-cell"]
    (told,) = problems(tmp_path, "a B-PER\nb B-B-cell\nc I-B-cell\n", kind, "conll")
    assert "line 1: the tag 'B-PER' stands in the task's `labels`" in told
    assert "write 'PER' there" in told


def test_a_pair_may_lack_its_second_text_only(tmp_path: Path) -> None:
    columns = {"text": "a", "text2": "b"}
    found = read(tmp_path, "a\tb\tlabel\nx\t\tyes\nx\ty\tno\n", SENTENCE, "tsv", columns)
    assert [e.text for e in found] == [("x", ""), ("x", "y")]
    assert len(problems(tmp_path, "a\tb\tlabel\n\ty\tyes\n", SENTENCE, "tsv", columns)) == 1
    (all_empty,) = problems(tmp_path, "a\tb\tlabel\nx\t\tyes\n", SENTENCE, "tsv", columns)
    assert "'b' is empty in every row" in all_empty


# ---- tagging


def test_conll_takes_every_token_as_it_is(tmp_path: Path) -> None:
    text = '"\t-\t0\tO\nNA\t-\t1\tB-Gene\n\'\t-\t3\tI-Gene\n\n""\t-\t5\tB-Drug'
    found = read(tmp_path, text, TAGGING, "conll")
    assert [e.text for e in found] == [('"', "NA", "'"), ('""',)]
    assert [e.label for e in found] == [("O", "B-Gene", "I-Gene"), ("B-Drug",)]


def test_conll_separators_and_json_lists_agree(tmp_path: Path) -> None:
    tabs = read(tmp_path, "a\tX\tO\nb\tX\tB-Gene\n\n\n\nc\tX\tO\n\n", TAGGING, "conll")
    spaces = read(tmp_path, "a X  O \nb X B-Gene\r\n \nc X O", TAGGING, "conll")
    rows = '{"text": ["a", "b"], "label": ["O", "B-Gene"]}\n{"text": ["c"], "label": ["O"]}'
    assert tabs == spaces
    assert [(e.text, e.label) for e in read(tmp_path, rows, TAGGING, "jsonl")] == [
        (e.text, e.label) for e in tabs
    ]


def test_a_dash_means_the_document_before(tmp_path: Path) -> None:
    text = "a\td1\t0\tO\nb\t-\t2\tO\n\nc\t-\t4\tO\n\nd\td2\t0\tO\n\n"
    columns = {"text": 0, "document": 1, "label": 3}
    found = read(tmp_path, text, TAGGING, "conll", columns)
    assert [e.document for e in found] == ["d1", "d1", "d2"]
    assert [e.id for e in found] == ["d1.s1", "d1.s2", "d2.s1"]
    by_offset = read(tmp_path, text, TAGGING, "conll", {**columns, "id": 2})
    assert [e.id for e in by_offset] == ["d1.0", "d1.4", "d2.0"]


@pytest.mark.parametrize("heading", ["-DOCSTART- -X- O O\n\n", "-DOCSTART-\n", "###x\n"])
def test_a_heading_begins_a_document(tmp_path: Path, heading: str) -> None:
    text = f"{heading}a X X O\n\nb X X O\n\n{heading.replace('x', 'y')}c X X O\n"
    found = read(tmp_path, text, TAGGING, "conll")
    assert [e.text for e in found] == [("a",), ("b",), ("c",)]
    assert found[0].document == found[1].document != found[2].document


@pytest.mark.parametrize(
    ("heading", "document"),
    [
        ("-DOCSTART- (8701013)", "8701013"),
        ("-DOCSTART-\t(8701013)", "8701013"),
        ("-DOCSTART- (8701013)\tO", "8701013"),
        ("-DOCSTART- (8701013) NN O O", "8701013"),
        ("-DOCSTART-(8701013)", "8701013"),
        ("-DOCSTART- 8701013", "8701013"),
        ("-DOCSTART- (1 EU)\t433", "1 EU"),
        ("-DOCSTART- (S0140-6736(05)61-6) O", "S0140-6736(05)61-6"),
        ("###MEDLINE:95369245", "MEDLINE:95369245"),
        ("###MEDLINE:95369245\tO", "MEDLINE:95369245"),
    ],
)
def test_a_heading_names_its_document(tmp_path: Path, heading: str, document: str) -> None:
    (found,) = read(tmp_path, f"{heading}\n\na\tO\n", TAGGING, "conll")
    assert (found.document, found.named, found.id) == (document, True, f"{document}.s1")


@pytest.mark.parametrize(
    "heading", ["-DOCSTART-", "-DOCSTART-\tO", "-DOCSTART- -X- O O", "-DOCSTART- ();", "###"]
)
def test_headings_without_a_name_matter_where_they_divide_sentences(
    tmp_path: Path, heading: str
) -> None:
    start, one, other = f"{heading}\n\n", "a\tO\n\nb\tO\n\n", "c\tO\n\nd\tO\n\n"

    def documents(text: str) -> list[str]:
        found = read(tmp_path, text, TAGGING, "conll")
        assert not any(example.named for example in found)
        return [example.document for example in found]

    each = ["train-1", "train-2"]
    assert documents(start + one) == documents(one + start) == documents(start * 2 + one) == each
    assert documents(start + one + start + other) == [*["train-doc1"] * 2, *["train-doc2"] * 2]
    assert documents(one + start + other) == [*["train-doc0"] * 2, *["train-doc1"] * 2]


def test_only_what_the_source_names_is_a_name(tmp_path: Path) -> None:
    kind = {"kind": "classification", "labels": ["yes", "no"]}
    table = "id\ttext\tlabel\n7.1\tone\tyes\n7.2\ttwo\tyes\n"
    plain = read(tmp_path, table, kind, "tsv", {"id": "id"})
    assert [(e.document, e.named) for e in plain] == [("7.1", False), ("7.2", False)]
    named = read(tmp_path, table, kind, "tsv", {"id": "id"}, document_pattern=r"^(\d+)")
    assert [(e.document, e.named) for e in named] == [("7", True), ("7", True)]


def test_word_lines_that_look_like_headings_are_words(tmp_path: Path) -> None:
    found = read(tmp_path, "###\tO\n#1\tO\n-DOCSTARTED-\tO\n-\tO\n", TAGGING, "conll")
    assert [e.text for e in found] == [("###", "#1", "-DOCSTARTED-", "-")]


def test_iob1_is_read_as_iob2(tmp_path: Path) -> None:
    iob1 = "a I-Gene\nb I-Gene\nc B-Gene\nd O\ne I-Drug\nf I-Gene\n"
    found = read(tmp_path, iob1, TAGGING, "conll", scheme="iob1")
    expected = ("B-Gene", "I-Gene", "B-Gene", "O", "B-Drug", "B-Gene")
    assert found[0].label == expected
    assert len(problems(tmp_path, iob1, TAGGING, "conll")) == 3


def test_bare_tags_are_of_the_only_type(tmp_path: Path) -> None:
    one = {"kind": "tagging", "labels": ["Disease"]}
    assert read(tmp_path, "a B\nb I\nc O\n", one, "conll")[0].label == (
        "B-Disease",
        "I-Disease",
        "O",
    )
    assert len(problems(tmp_path, "a B\nb I\nc O\n", TAGGING, "conll")) == 2


# ---- faults

FAULTS = {
    "unknown label": ("text\tlabel\nx\tyess\n", SENTENCE, "tsv", "line 2: unknown label 'yess'"),
    "nearest label": ("text\tlabel\nx\tyess\n", SENTENCE, "tsv", "did you mean 'yes'?"),
    "allowed labels": ("text\tlabel\nx\tyess\n", SENTENCE, "tsv", "allowed: no, yes"),
    "case of label": ("text\tlabel\nx\tYES\n", SENTENCE, "tsv", "did you mean 'yes'?"),
    "unknown multilabel": ("text\tlabel\nx\ta,d\n", MULTILABEL, "tsv", "unknown label 'd'"),
    "hallmark too high": ("text\tlabel\nx\t7_1\n", MULTILABEL, "tsv", "unknown label '7_1'"),
    "missing column": ("txt\tlabel\nx\tyes\n", SENTENCE, "tsv", "'text'; found: txt, label; did"),
    "nearest column": ("txt\tlabel\nx\tyes\n", SENTENCE, "tsv", "did you mean 'txt'?"),
    "no tabs": ("text label\nx yes\n", SENTENCE, "tsv", "no column 'text'"),
    "column twice": ("text\ttext\tlabel\nx\tx\tyes\n", SENTENCE, "tsv", "stands twice"),
    "too few fields": ("text\tlabel\nx\n", SENTENCE, "tsv", "1 fields, but the header has 2"),
    "too many fields": ("text\tlabel\nx\ty\tno\n", SENTENCE, "tsv", "3 fields"),
    "open quote": ('text\tlabel\n"x\tyes\n', SENTENCE, "tsv", "line 2: the row cannot be read"),
    "stray quote": ('text\tlabel\n"x" y\tyes\n', SENTENCE, "tsv", "line 2: the row cannot be read"),
    "empty text": ("text\tlabel\n \tyes\n", SENTENCE, "tsv", "line 2: the text is empty"),
    "text score": ("text\tlabel\nx\tgood\n", SCORE, "tsv", "line 2: the score 'good'"),
    "empty score": ("text\tlabel\nx\t\n", SCORE, "tsv", "the score ''"),
    "nan score": ("text\tlabel\nx\tNaN\n", SCORE, "tsv", "the score 'NaN'"),
    "infinite score": ("text\tlabel\nx\tinf\n", SCORE, "tsv", "the score 'inf'"),
    "comma score": ("text\tlabel\nx\t3,5\n", SCORE, "tsv", "the score '3,5'"),
    "underscore score": ("text\tlabel\nx\t1_0\n", SCORE, "tsv", "the score '1_0'"),
    "json nan": ('{"text": "x", "label": NaN}', SCORE, "jsonl", "the score 'NaN'"),
    "header only": ("text\tlabel\n", SENTENCE, "tsv", "no examples"),
    "not JSON": ('{"text": "x"', SENTENCE, "jsonl", "line 1: not a JSON object"),
    "JSON list": ('["x", "yes"]', SENTENCE, "jsonl", "not one JSON object a line"),
    "JSON key twice": ('{"text": "x", "label": "no", "text": 1}', SENTENCE, "jsonl", "twice"),
    "JSON key missing": ('{"text": "x"}', SENTENCE, "jsonl", "line 1: no column 'label'"),
    "JSON null": ('{"text": null, "label": "no"}', SENTENCE, "jsonl", "'text' (text) must be text"),
    "two labels": (
        '{"text": "x", "label": ["yes", "no"]}',
        SENTENCE,
        "jsonl",
        "found a list of 2, which `kind: multilabel` reads",
    ),
    "no label": ('{"text": "x", "label": []}', SENTENCE, "jsonl", "found a list of 0"),
    "JSON text for words": ('{"text": "x", "label": ["O"]}', TAGGING, "jsonl", "a list of texts"),
    "JSON words and tags": ('{"text": ["x"], "label": []}', TAGGING, "jsonl", "1 words but 0 tags"),
    "JSON no words": ('{"text": [], "label": []}', TAGGING, "jsonl", "no words"),
    "JSON tag": ('{"text": ["x"], "label": ["B"]}', TAGGING, "jsonl", "word 1: unknown tag 'B'"),
    "unknown tag": ("a O\nb B-Gen\n", TAGGING, "conll", "line 2: unknown tag 'B-Gen'"),
    "nearest tag": ("a O\nb B-Gen\n", TAGGING, "conll", "did you mean 'B-Gene'?"),
    "I after O": ("x O\n\na O\nb I-Gene\n", TAGGING, "conll", "line 4: the tag 'I-Gene' after 'O'"),
    "I at start": ("a I-Gene\n", TAGGING, "conll", "at the start of a sentence"),
    "I of another type": ("a B-Drug\nb I-Gene\n", TAGGING, "conll", "after 'B-Drug'"),
    "scheme named": ("a I-Gene\n", TAGGING, "conll", "`scheme: iob1`"),
    "ragged": ("a X O\nb O\n", TAGGING, "conll", "line 2: 2 columns, but the lines before have 3"),
    "one column": ("a\nb\n", TAGGING, "conll", "line 1: 1 columns"),
    "empty word": ("\tO\n", TAGGING, "conll", "line 1: the word is empty"),
    "wrong format": ("text\tlabel\nx\tO\n", TAGGING, "tsv", "is not read from tsv"),
    "conll of classes": ("a O\n", SENTENCE, "conll", "is not read from conll"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(tmp_path: Path, fault: str) -> None:
    text, kind, form, said = FAULTS[fault]
    found = problems(tmp_path, text, kind, form)
    assert any(said in problem for problem in found), found
    assert all(str(tmp_path) in problem for problem in found)


def test_all_rows_at_fault_are_reported_together(tmp_path: Path) -> None:
    text = "text\tlabel\nx\tyes\nx\tmaybe\n\tno\nx\nx\tno\n"
    found = problems(tmp_path, text, SENTENCE, "tsv")
    assert [p.split(": ")[0].rsplit(" ")[-1] for p in found] == ["3", "4", "5"]


def test_a_long_list_of_faults_is_cut_and_counted(tmp_path: Path) -> None:
    found = problems(tmp_path, "text\tlabel\n" + "x\tmaybe\n" * 77, SENTENCE, "tsv")
    assert len(found) == 21
    assert "and 57 more" in found[-1]


def test_reading_goes_on_after_a_broken_quote(tmp_path: Path) -> None:
    text = 'text\tlabel\n"x" y\tyes\nx\tmaybe\n'
    assert len(problems(tmp_path, text, SENTENCE, "tsv")) == 2


def test_a_row_is_named_by_its_first_line(tmp_path: Path) -> None:
    found = problems(tmp_path, 'text\tlabel\n"two\nlines"\tyes\nx\tmaybe\n', SENTENCE, "tsv")
    assert "line 4" in found[0]


def test_encoding(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "text\tlabel\nx\tyes\nα\tyes\n".encode("cp1253"), SENTENCE, "tsv")
    assert "line 3: byte 0xe1 is not UTF-8" in found


@pytest.mark.parametrize("text", ["", "\n", "  \n\t"])
def test_an_empty_file(tmp_path: Path, text: str) -> None:
    (found,) = problems(tmp_path, text, SENTENCE, "tsv")
    assert "the file is empty" in found


def test_a_pattern_that_finds_nothing(tmp_path: Path) -> None:
    text = "text\tlabel\nx\tyes\n"
    (found,) = problems(tmp_path, text, SENTENCE, "tsv", document_pattern="^(d.*)$")
    assert "finds no document in the id 'train-1'" in found


@pytest.mark.parametrize(
    "columns", [{"text": "word"}, {"label": "-1"}, {"document": 7}, {"label": 0}]
)
def test_conll_columns_must_be_there(tmp_path: Path, columns: object) -> None:
    assert problems(tmp_path, "a X O\n", TAGGING, "conll", columns)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_split(task(tmp_path / "none.tsv", SENTENCE, "tsv"), "train")
    with pytest.raises(DataError, match="names no file for test"):
        read_split(task(tmp_path / "none.tsv", SENTENCE, "tsv"), "test")


def test_a_folder_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("text\tlabel\nx\tyes\n")
    there = Task(name="t", **SENTENCE, source={"format": "tsv", "folder": tmp_path})
    assert len(read_split(there, "train")) == 1
    with pytest.raises(DataError, match=r"no file for dev, the folder has train\.tsv.*carve_dev"):
        read_split(there, "dev")
    (tmp_path / "Devel.tsv").write_text("text\tlabel\nx\tno\n")
    assert len(read_split(there, "dev")) == 1
    (tmp_path / "validation.tsv").write_text("text\tlabel\nx\tno\n")
    with pytest.raises(DataError, match="several files for dev"):
        read_split(there, "dev")


# ---- the datasets library


def hub_task(name: object, kind: dict[str, Any], **source: Any) -> Task:
    return Task(name="t", **kind, source={"format": "datasets", "name": str(name), **source})


def test_datasets_folder_with_class_names(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    rows = datasets.Dataset.from_dict({"text": ["x", "None"], "label": [1, 0]}, features=features)
    datasets.DatasetDict({"train": rows, "validation": rows}).save_to_disk(str(tmp_path / "d"))
    found = read_split(hub_task(tmp_path / "d", SENTENCE), "dev")
    assert [(e.id, e.text, e.label) for e in found] == [
        ("dev-1", ("x",), "yes"),
        ("dev-2", ("None",), "no"),
    ]
    with pytest.raises(DataError, match="no split 'test' for test; found: train, validation"):
        read_split(hub_task(tmp_path / "d", SENTENCE), "test")


def test_datasets_tagging_by_class_numbers(tmp_path: Path) -> None:
    tags = datasets.ClassLabel(names=["O", "B-Gene", "I-Gene"])
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(tags),
            "score": datasets.Value("float64"),
        }
    )
    columns = {"tokens": [["a", "b"], ["c"]], "ner_tags": [[1, 2], [0]], "score": [1.5, 2.0]}
    rows = datasets.Dataset.from_dict(columns, features=features)
    rows.save_to_disk(str(tmp_path / "d"))
    there = hub_task(tmp_path / "d", TAGGING, columns={"text": "tokens", "label": "ner_tags"})
    found = read_split(there, "train")
    assert [e.text for e in found] == [("a", "b"), ("c",)]
    assert [e.label for e in found] == [("B-Gene", "I-Gene"), ("O",)]


def test_datasets_faults_are_collected(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "maybe"])}
    )
    rows = datasets.Dataset.from_dict(
        {"text": ["x", "", "z"], "label": [1, 0, -1]}, features=features
    )
    datasets.DatasetDict({"train": rows}).save_to_disk(str(tmp_path / "d"))
    with pytest.raises(DataError) as caught:
        read_split(hub_task(tmp_path / "d", SENTENCE), "train")
    assert [p.where.rsplit(", ")[-1] for p in caught.value.problems] == ["row 1", "row 2", "row 3"]
    with pytest.raises(DataError, match="no column 'txt'; found: text, label"):
        read_split(hub_task(tmp_path / "d", SENTENCE, columns={"text": "txt"}), "train")


def test_datasets_local_folder_of_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "train.csv").write_text("text,label\nx,yes\n")
    found = read_split(hub_task(tmp_path / "d", SENTENCE), "train")
    assert [(e.text, e.label) for e in found] == [(("x",), "yes")]


def test_datasets_name_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="nobody/nothing: the data set cannot be loaded"):
        read_split(hub_task("nobody/nothing", SENTENCE), "train")


def test_datasets_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"pip install .transfer-study\[datasets\]"):
        read_split(hub_task("any", SENTENCE), "train")
