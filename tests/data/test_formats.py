"""Formats as people have them read as the plain ones do, and what is not read is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from pydantic import ValidationError

from transfer_study.cli import app
from transfer_study.data.files.readers import read_counted, read_split
from transfer_study.data.splits import load
from transfer_study.errors import DataError
from transfer_study.study.file.study_file import read_study
from transfer_study.study.tasks.source import SPLITS
from transfer_study.study.tasks.task import Task

SENTENCE: dict[str, Any] = {"kind": "classification", "labels": ["yes", "no"], "metric": "accuracy"}
TAGGING: dict[str, Any] = {
    "kind": "tagging",
    "labels": ["Drug", "Sign"],
    "metric": "entity_f1",
}


def source(tmp_path: Path, text: str, form: str, **keys: Any) -> dict[str, Any]:
    (tmp_path / "file").write_text(text, encoding="utf-8")
    return {"format": form, "files": {"train": str(tmp_path / "file")}, **keys}


def read(tmp_path: Path, kind: dict[str, Any], text: str, form: str, **keys: Any) -> Any:
    return read_split(Task(name="t", **kind, source=source(tmp_path, text, form, **keys)), "train")


def faults(tmp_path: Path, kind: dict[str, Any], text: str, form: str, **keys: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(tmp_path, kind, text, form, **keys)
    return str(caught.value)


# ---- tables and JSON


@pytest.mark.parametrize("delimiter", [";", "|", " ", "\t"])
@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_other_delimiters(tmp_path: Path, form: str, delimiter: str) -> None:
    rows = [("text", "label"), (f'"a{delimiter}b, c"', "yes"), ("d", "no")]
    text = "\n".join(delimiter.join(row) for row in rows)
    found = read(tmp_path, SENTENCE, text, form, delimiter=delimiter)
    assert [(e.text[0], e.label) for e in found] == [(f"a{delimiter}b, c", "yes"), ("d", "no")]


@pytest.mark.parametrize(
    ("form", "keys", "fault"),
    [
        ("csv", {"delimiter": "||"}, "one sign"),
        ("csv", {"delimiter": '"'}, "one sign"),
        ("jsonl", {"delimiter": ";"}, "no delimiter to choose"),
        ("conll", {"leave_out": {"label": ["-"]}}, "no rows with values"),
        ("csv", {"file": "x", "split": {"column": "s"}}, "not several"),
        ("csv", {"split": {"column": "s"}}, "go together"),
    ],
)
def test_keys_that_do_not_fit(tmp_path: Path, form: str, keys: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Task(name="t", **SENTENCE, source=source(tmp_path, "", form, **keys))


def test_keys_within_keys(tmp_path: Path) -> None:
    rows = [
        {"passage": {"text": "a", "ids": [{"n": 7}]}, "answers": {"label": ["yes"]}, "x.y": "p"},
        {"passage": {"text": "b", "ids": [{"n": 8}]}, "answers": {"label": ["no"]}, "x.y": "q"},
    ]
    columns = {"text": "passage.text", "label": "answers.label", "id": "passage.ids.0.n"}
    text = "\n".join(map(json.dumps, rows))
    found = read(tmp_path, SENTENCE, text, "jsonl", columns={**columns, "document": "x.y"})
    assert [(e.id, e.text[0], e.label, e.document) for e in found] == [
        ("7", "a", "yes", "p"),
        ("8", "b", "no", "q"),
    ]
    said = faults(tmp_path, SENTENCE, text, "jsonl", columns={**columns, "text": "passage.txt"})
    assert "no column 'passage.txt'" in said
    assert "did you mean 'passage.text'" in said


def test_keys_within_keys_of_datasets(tmp_path: Path) -> None:
    rows = {
        "passage": [{"text": "a", "kind": 0}, {"text": "b", "kind": 1}],
        "gold": ["yes", "no"],
    }
    features = datasets.Features(
        {
            "passage": {"text": datasets.Value("string"), "kind": datasets.ClassLabel(2)},
            "gold": datasets.Value("string"),
        }
    )
    table = datasets.Dataset.from_dict(rows, features=features)
    datasets.DatasetDict({"train": table}).save_to_disk(tmp_path / "saved")
    keys = {"columns": {"text": "passage.text", "label": "gold"}}
    where = {"format": "datasets", "name": str(tmp_path / "saved"), **keys}
    task = Task(name="t", **SENTENCE, source=where)
    assert [(e.text[0], e.label) for e in read_split(task, "train")] == [("a", "yes"), ("b", "no")]
    left = Task(name="t", **SENTENCE, source={**where, "leave_out": {"passage.kind": "1"}})
    examples, unread = read_counted(left, "train")
    assert [e.text[0] for e in examples] == ["a"]
    assert unread == {"rows with passage.kind '1'": 1}


# ---- rows that are not read


@pytest.mark.parametrize("form", ["tsv", "csv", "jsonl", "datasets"])
def test_rows_are_left_out_by_value_and_counted(tmp_path: Path, form: str) -> None:
    rows = [("a", "yes"), ("b", "-"), ("c", ""), ("d", "no"), ("e", "-")]
    where: dict[str, Any]
    if form == "datasets":
        columns = {"text": [r[0] for r in rows], "label": [r[1] or None for r in rows]}
        datasets.Dataset.from_dict(columns).save_to_disk(tmp_path / "saved")
        where = {"format": form, "name": str(tmp_path / "saved")}
    elif form == "jsonl":
        values = [{"text": text, "label": label or None} for text, label in rows]
        where = source(tmp_path, "\n".join(map(json.dumps, values)), form)
    else:
        sign = "\t" if form == "tsv" else ","
        where = source(tmp_path, "\n".join(map(sign.join, [("text", "label"), *rows])), form)
    with pytest.raises(DataError):
        read_split(Task(name="t", **SENTENCE, source=where), "train")
    where["leave_out"] = {"label": ["-", "", "?"]}
    examples, unread = read_counted(Task(name="t", **SENTENCE, source=where), "train")
    assert [e.text[0] for e in examples] == ["a", "d"]
    assert unread == {
        "rows with label '-'": 2,
        "rows with label ''": 1,
        "rows with label '?'": 0,
    }


def test_a_column_to_leave_out_by_must_be_there(tmp_path: Path) -> None:
    said = faults(tmp_path, SENTENCE, "text,label\na,yes\n", "csv", leave_out={"lable": "-"})
    assert "no column 'lable'" in said
    assert "Mend `leave_out.lable` in the source" in said


def write_study(tmp_path: Path, source: str) -> Path:
    study = tmp_path / "studies" / "s.yaml"
    study.parent.mkdir()
    study.write_text(
        "name: s\nencoder: tiny\narms: [single]\ntasks:\n- name: t\n  kind: classification\n"
        f"  labels: ['yes', 'no']\n  source: {source}\n"
    )
    return study


def rows_of(splits: list[str]) -> str:
    lines = [f"text {n},{['yes', 'no'][n // 4 % 2]},{split}" for n, split in enumerate(splits)]
    return "\n".join(["text,label,fold", *lines, "left,-,train", "left,-,nowhere"])


def test_one_file_with_a_column_of_splits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a second data root, the study being elsewhere; `tasks` tells what is not read."""
    (tmp_path / "elsewhere").mkdir()
    text = rows_of(["train", "val", "1", "test"] * 10)
    (tmp_path / "elsewhere" / "all.csv").write_text(text)
    split = "{column: fold, train: [train, 1], dev: val}"
    where = f"format: csv, file: all.csv, split: {split}, data: ../elsewhere"
    study = write_study(tmp_path, f"{{{where}, leave_out: {{label: '-'}}}}")
    data = load(read_study(study, data=tmp_path / "studies").tasks[0])
    assert [len(data.split(name)) for name in SPLITS] == [20, 10, 10]
    assert data.train[1].text == ("text 2",)
    app(["tasks", str(study)], standalone_mode=False)
    assert "not read: rows with label '-' (train 1)" in capsys.readouterr().out
    app(["tasks", str(study), "--json"], standalone_mode=False)
    (task,) = json.loads(capsys.readouterr().out)["tasks"]
    assert task["not_read"] == {"rows with label '-'": {"train": 1, "dev": 0, "test": 0}}


def test_a_value_of_no_split_is_told(tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text(rows_of(["train", "validation", "test", "test"]))
    base = {"format": "csv", "file": tmp_path / "all.csv", "leave_out": {"label": "-"}}
    task = Task(name="t", **SENTENCE, source={**base, "split": {"column": "fold"}})
    with pytest.raises(DataError) as caught:
        load(task)
    (problem,) = [p for p in caught.value.problems if "of no split" in str(p)]
    assert "line 3: 'fold' has 'validation'" in str(problem)
    with pytest.raises(ValidationError, match="belongs to one split"):
        split = {"column": "fold", "dev": "test"}
        Task(name="t", **SENTENCE, source={**base, "split": split})


def test_without_values_for_dev_it_is_carved(tmp_path: Path) -> None:
    text = rows_of(["train", "test"] * 20).replace("left,-,nowhere", "")
    (tmp_path / "all.csv").write_text(text)
    base = {"format": "csv", "file": tmp_path / "all.csv", "leave_out": {"label": "-"}}
    task = Task(name="t", **SENTENCE, source={**base, "split": {"column": "fold", "dev": []}})
    data = load(task)
    assert [len(data.split(name)) for name in SPLITS] == [18, 2, 20]


# ---- tags


def test_bioes_and_bilou_are_read_as_iob2(tmp_path: Path) -> None:
    plain = "a B-Drug\nb I-Drug\nc I-Drug\nd B-Sign\ne B-Drug\nf I-Drug\ng O\n"
    bioes = "a B-Drug\nb I-Drug\nc E-Drug\nd S-Sign\ne B-Drug\nf E-Drug\ng O\n"
    bilou = bioes.replace(" E-", " L-").replace(" S-", " U-")
    expected = read(tmp_path, TAGGING, plain, "conll")
    assert read(tmp_path, TAGGING, bioes, "conll", scheme="bioes") == expected
    assert read(tmp_path, TAGGING, bilou, "conll", scheme="bioes") == expected
    one = {**TAGGING, "labels": ["Drug"]}
    assert read(tmp_path, one, "a B\nb E\nc S\n", "conll", scheme="bioes")[0].label == (
        "B-Drug",
        "I-Drug",
        "B-Drug",
    )


@pytest.mark.parametrize(
    ("tags", "line", "said"),
    [
        ("B-Drug O", 1, "'B-Drug' ends no mention"),
        ("O B-Drug I-Drug", 3, "'I-Drug' ends no mention"),
        ("B-Drug E-Sign", 1, "'B-Drug' ends no mention"),
        ("B-Drug S-Drug", 1, "'B-Drug' ends no mention"),
        ("O I-Drug E-Drug", 2, "'I-Drug' continues no mention"),
        ("S-Drug E-Drug", 2, "'E-Drug' continues no mention"),
        ("S-Drug S-Dose", 2, "unknown tag"),
        ("S-Drug M-Drug", 2, "unknown tag"),
    ],
)
def test_broken_bioes_is_told(tmp_path: Path, tags: str, line: int, said: str) -> None:
    text = "".join(f"w {tag}\n" for tag in tags.split())
    found = faults(tmp_path, TAGGING, text, "conll", scheme="bioes")
    assert f"line {line}: " in found
    assert said in found


def test_comments_of_conllu(tmp_path: Path) -> None:
    """They name documents and sentences, and are no words; a word `#` stays one."""
    text = (
        "# newdoc id = doc 1\n# sent_id = s-1\n# text = # aspirin, no\n"
        "1\t#\tO\t-\n2-3\taspirins\tO\t-\n2\taspirin\tB-Drug\t-\n3\ts\tO\t-\n3.1\tx\tO\t-\n\n"
        "# a note\n1\tno\tO\t-\n\n# newdoc\n# sent_id = s-3\n1\tfever\tB-Sign\t-\n\n"
    )
    columns = {"text": 1, "label": 2}
    found = read(tmp_path, TAGGING, text, "conll", columns=columns)
    assert [e.text for e in found] == [("#", "aspirin", "s"), ("no",), ("fever",)]
    assert [e.id for e in found] == ["s-1", "doc 1.s2", "s-3"]
    assert [e.document for e in found] == ["doc 1", "doc 1", "s-3"]
    assert [e.named for e in found] == [True, True, False]
    spaced = "# id 5d9c domain=en\n# _ _ O\naspirin _ _ B-Drug\n"
    (one,) = read(tmp_path, TAGGING, spaced, "conll")
    assert (one.id, one.text) == ("5d9c", ("#", "aspirin"))


def test_what_may_be_a_comment_or_a_word_is_asked(tmp_path: Path) -> None:
    said = faults(tmp_path, TAGGING, "# O\naspirin\tB-Drug\n", "conll")
    assert "line 1: the line may be a comment or a word" in said
    assert "2 columns" in faults(tmp_path, TAGGING, "a _ O\n\n# O\n", "conll")


# ---- PubTator

PUBTATOR = """\
101|t|Aspirin-induced fever
101|a|No fever after naloxones. Drug X1 is safe
101\t0\t7\tAspirin\tDrug\tD1
101\t16\t21\tfever\tSign\tS1
101\t25\t30\tfever\tSign\tS1
101\t37\t45\tnaloxone\tDrug\tD2
101\t48\t55\tDrug X1\tDrug\tD3
101\t53\t55\tX1\tDrug\tD4
101\t48\t52\tDrug\tClass\tD5
101\tCID\tD1\tS1

102|t|Nothing
102|a|
"""


def test_pubtator(tmp_path: Path) -> None:
    task = Task(name="t", **TAGGING, source=source(tmp_path, PUBTATOR, "pubtator"))
    examples, unread = read_counted(task, "train")
    assert [(e.id, e.document, e.named) for e in examples] == [
        ("101.t", "101", True),
        ("101.a", "101", True),
        ("102.t", "102", True),
    ]
    tagged = [list(zip(e.text, map(str, e.label), strict=True)) for e in examples]
    assert tagged[0] == [
        ("Aspirin", "B-Drug"),
        ("-", "O"),
        ("induced", "O"),
        ("fever", "B-Sign"),
    ]
    assert [pair for pair in tagged[1] if pair[1] != "O"] == [
        ("fever", "B-Sign"),
        ("naloxones", "B-Drug"),
        ("Drug", "B-Drug"),
        ("X1", "I-Drug"),
    ]
    assert unread == {
        "mentions of 'Class', which is none of the labels": 1,
        "mentions that end within a word, which is taken whole": 1,
        "mentions that overlap a longer one": 1,
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("37\t45\tnaloxone", "36\t44\tnaloxone", "line 6: the mention 'naloxone' is not what"),
        ("101\t16\t21", "101\tx\t21", "line 4: found '101 | x | 21"),
        ("\n\n102|t", "\n102|t", "is not ended by an empty line"),
        ("101|t|Aspirin-induced fever\n", "", "line 1"),
        ("101\t0\t7", "100\t0\t7", "line 3: found '100"),
    ],
)
def test_broken_pubtator_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in PUBTATOR
    assert said in faults(tmp_path, TAGGING, PUBTATOR.replace(old, new), "pubtator")
