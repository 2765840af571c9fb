"""What is read is what was written: labels as text, a stage's parquet, a study's compact files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.errors import StoreError
from transfer_study.store.compact import (
    GOLD_FILE,
    PREDICTIONS_FILE,
    CompactAnswers,
    write_compact,
)
from transfer_study.store.label_text import label_to_text
from transfer_study.store.predictions import (
    Answers,
    StoredAnswers,
    predictions_bytes,
    predictions_file,
)
from transfer_study.store.store import Store
from transfer_study.study.frozen import file_hash
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task

SIZE = 9

words = st.one_of(
    st.text(), st.sampled_from(['"', "[]", '["a"]', "a,b", "ü\n\t", "None", "NaN", "1"])
)
several = st.lists(words, max_size=5).map(tuple)
labels = st.one_of(
    st.tuples(st.just(kinds.CLASSIFICATION), words),
    st.tuples(st.just(kinds.MULTILABEL), several),
    st.tuples(st.just(kinds.TAGGING), several),
    st.tuples(st.just(kinds.REGRESSION), st.floats(allow_nan=False, allow_infinity=False)),
)


@given(labels)
def test_a_label_reads_back_as_it_was(case: tuple[kinds.TaskKind, Label]) -> None:
    kind, label = case
    text = label_to_text(label)
    again = kind.from_text(text)
    assert again == label
    assert type(again) is type(label)
    assert label_to_text(again) == text


@given(several, several)
def test_different_labels_have_different_texts(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert (label_to_text(a) == label_to_text(b)) == (a == b)


def test_a_number_of_numpy_is_a_number() -> None:
    assert label_to_text(np.float64(0.1)) == "0.1"
    assert kinds.REGRESSION.from_text(label_to_text(1 / 3)) == 1 / 3


MadeAnswers = Callable[[Stage, Task], Answers]


def scores_of(task: Task, answers: Answers) -> list[list[float]]:
    """Some scores of the shape that a task's have."""
    if task.kind is kinds.TAGGING:
        return [[0.5] * len(tags) for tags in answers.gold]
    return [[0.25] * len(task.outputs)] * len(answers.ids)


def write(path: Path, stage: Stage, task: Task, answers: Answers) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(predictions_bytes(stage, task.name, "test", answers, scores_of(task, answers)))


def complete(store: Store, stage: Stage, made_answers: MadeAnswers) -> None:
    with store.attempt(stage) as attempt:
        for member in stage.tasks:
            path = attempt / predictions_file(stage, member.task.name, "test")
            write(path, stage, member.task, made_answers(stage, member.task))
        store.commit(stage, attempt)


@pytest.fixture
def store(tmp_path: Path, made_plan: Plan, made_answers: MadeAnswers) -> Store:
    """A store in which every stage of the plan but the last is complete."""
    store = Store(tmp_path / "store")
    for stage in made_plan.stages[:-1]:
        complete(store, stage, made_answers)
    return store


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def test_a_store_answers_what_was_written(
    store: Store, made_plan: Plan, made_answers: MadeAnswers
) -> None:
    source = StoredAnswers(store)
    for stage in made_plan.stages[:-1]:
        assert source.has(stage)
        for member in stage.tasks:
            assert source.answers(stage, member.task) == made_answers(stage, member.task)
    assert not source.has(made_plan.stages[-1])
    with pytest.raises(StoreError, match="not complete"):
        source.answers(made_plan.stages[-1], made_plan.stages[-1].tasks[0].task)


def test_a_predictions_file_is_a_plain_table(
    tmp_path: Path, made_plan: Plan, made_answers: MadeAnswers
) -> None:
    stage = next(s for s in made_plan if s.task_names == ("ner",))
    answers = made_answers(stage, stage.tasks[0].task)
    write(tmp_path / "new" / "ner.parquet", stage, stage.tasks[0].task, answers)
    table = pq.read_table(tmp_path / "new" / "ner.parquet")
    assert table.column_names == ["id", "document", "gold", "prediction", "score"]
    assert table["id"].to_pylist() == answers.ids
    assert table["score"].to_pylist()[:2] == [[0.5] * 3] * 2
    assert table.schema.metadata == {
        b"stage": stage.id.encode(),
        b"place": b"0",
        b"task": b"ner",
        b"split": b"test",
    }


def test_the_compact_files_answer_as_the_store_does(
    store: Store, results: Path, made_plan: Plan
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    stored, compact = StoredAnswers(store), CompactAnswers(results)
    for stage in made_plan:
        assert compact.has(stage) == stored.has(stage)
        if stored.has(stage):
            for member in stage.tasks:
                assert compact.answers(stage, member.task) == stored.answers(stage, member.task)


def test_files_written_again_are_the_same_bytes(
    store: Store, results: Path, made_plan: Plan, tmp_path: Path, made_answers: MadeAnswers
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    first = [(results / name).read_bytes() for name in (GOLD_FILE, PREDICTIONS_FILE)]
    for source in (StoredAnswers(store), CompactAnswers(results)):
        write_compact(results, made_plan.stages, source)
        assert [(results / name).read_bytes() for name in (GOLD_FILE, PREDICTIONS_FILE)] == first
    stage = made_plan.stages[0]
    again = Store(tmp_path / "again")
    complete(again, stage, made_answers)
    assert again.files(stage) == store.files(stage)
    for file in store.files(stage):
        assert again.read(stage, file) == store.read(stage, file)


def test_gold_is_kept_once_a_task(store: Store, results: Path, made_plan: Plan) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    gold = pq.read_table(results / GOLD_FILE)
    assert gold.num_rows == SIZE * 4
    assert gold.column_names == ["task", "id", "document", "gold"]


def test_without_compact_files_nothing_is_known(results: Path, made_plan: Plan) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(Store(results / "empty")))
    assert list(results.iterdir()) == []
    assert not any(map(CompactAnswers(results).has, made_plan))


# What is not of the stage


Column = dict[str, list[Any]]


def _change(column: str, row: int, value: Any) -> Callable[[Column], None]:
    def change(table: Column) -> None:
        table[column][row] = value

    return change


def _swap(*columns: str) -> Callable[[Column], None]:
    """Two rows change places, in these columns alone."""

    def change(table: Column) -> None:
        for name in columns:
            table[name][0], table[name][5] = table[name][5], table[name][0]

    return change


def _each(change: Callable[[list[Any]], None]) -> Callable[[Column], None]:
    def every(table: Column) -> None:
        for values in table.values():
            change(values)

    return every


ROWS: dict[str, Callable[[Column], None]] = {
    "another id": _change("id", 3, "other"),
    "an id twice": _change("id", 1, "nli ü,0"),
    "another document": _change("document", 3, "other"),
    "other gold": _swap("gold"),
    "gold that is no label": _change("gold", 0, "maybe"),
    "rows in another order": _swap("id", "document", "gold", "prediction"),
    "a row less": _each(lambda values: values.pop()),
    "a row twice": _each(lambda values: values.append(values[0])),
    "no rows": _each(lambda values: values.clear()),
    "a null": _change("id", 0, None),
    "no gold": _change("gold", 0, None),
    "no answer": _change("prediction", 0, None),
    "an answer that is no label": _change("prediction", 0, "maybe"),
}


def rewritten(table: pa.Table, change: Callable[[Column], None]) -> pa.Table:
    """A table with the same schema and metadata, some of its values changed."""
    columns = table.to_pydict()
    change(columns)
    return pa.table(columns, table.schema)


def reseal(store: Store, stage: Stage, file: str, table: pa.Table | bytes) -> None:
    """Put another file in a stage's folder and its size and sha256 in the record."""
    path = store.folder(stage) / file
    if isinstance(table, bytes):
        path.write_bytes(table)
    else:
        pq.write_table(table, path)
    record = json.loads((store.folder(stage) / "result.json").read_bytes())
    record["files"][file] = {"size": path.stat().st_size, "sha256": file_hash(path)}
    (store.folder(stage) / "result.json").write_text(json.dumps(record))


def told_of(store: Store, stage: Stage, task: Task) -> str:
    """What a store says of predictions that it does not believe, in one line."""
    with pytest.raises(StoreError) as caught:
        StoredAnswers(store).answers(stage, task)
    (problem,) = caught.value.problems
    said = str(problem)
    assert str(store.folder(stage) / predictions_file(stage, task.name, "test")) in said
    assert stage.name in said and "run the stage again" in said and "\n" not in said
    return said


def single(made_plan: Plan, name: str) -> tuple[Stage, Task]:
    stage = next(s for s in made_plan if s.task_names == (name,))
    return stage, stage.tasks[0].task


@pytest.mark.parametrize("change", ROWS.values(), ids=ROWS)
def test_rows_that_are_not_those_of_the_data_are_told(
    store: Store, made_plan: Plan, change: Callable[[Column], None]
) -> None:
    stage, task = single(made_plan, "nli")
    file = predictions_file(stage, "nli", "test")
    reseal(store, stage, file, rewritten(pq.read_table(store.folder(stage) / file), change))
    told_of(store, stage, task)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ner", _change("prediction", 0, '["O","O"]')),
        ("ner", _change("prediction", 0, '["O","O","O","O"]')),
        ("ner", _change("prediction", 0, '["O","O","B-Drug"]')),
        ("ner", _change("prediction", 0, '"OOO"')),
        ("ner", _change("prediction", 0, "[" * 100_000)),
        ("ner", _change("gold", 0, "{}")),
        ("ner", _change("score", 0, [0.5])),
        ("hoc", _change("prediction", 0, '["ü","a"]')),
        ("hoc", _change("prediction", 0, '["a","a"]')),
        ("hoc", _change("prediction", 0, "[1]")),
        ("hoc", _change("score", 2, [0.5] * 5)),
        ("sts", _change("prediction", 0, "nan")),
        ("sts", _change("prediction", 0, "1e999")),
        ("sts", _change("gold", 0, "inf")),
        ("sts", _change("score", 0, [math.inf])),
        ("sts", _change("score", 0, [None])),
        ("nli", _change("score", 0, [math.nan, 1.0])),
        ("nli", _change("score", 0, [])),
        ("nli", _change("score", 0, None)),
    ],
)
def test_answers_that_the_task_cannot_give_are_told(
    store: Store, made_plan: Plan, name: str, change: Callable[[Column], None]
) -> None:
    stage, task = single(made_plan, name)
    file = predictions_file(stage, name, "test")
    reseal(store, stage, file, rewritten(pq.read_table(store.folder(stage) / file), change))
    told_of(store, stage, task)


def test_files_of_another_stage_task_or_split_are_told(store: Store, made_plan: Plan) -> None:
    """Another stage's answers have the same gold: the file's own word tells them apart."""
    stage, task = single(made_plan, "nli")
    other = next(s for s in made_plan if s.id != stage.id and "nli" in s.task_names)
    file = predictions_file(stage, "nli", "test")
    table = pq.read_table(store.folder(stage) / file)
    reseal(store, stage, file, (store.folder(other) / file).read_bytes())
    assert other.id in told_of(store, stage, task)
    for key, value in (("place", "1"), ("split", "dev"), ("stage", "")):
        said = {"stage": stage.id, "place": "0", "split": "test", key: value}
        reseal(store, stage, file, table.replace_schema_metadata(said))
        assert f"is of the {key} {value!r}" in told_of(store, stage, task)
    reseal(store, stage, file, table.replace_schema_metadata(None))
    told_of(store, stage, task)


def _types(table: pa.Table) -> Iterator[pa.Table]:
    """The table with other columns or types than it was written with."""
    yield table.drop_columns([table.column_names[1]])
    yield table.append_column("more", pa.array([1] * len(table)))
    yield table.select(table.column_names[::-1])
    yield table.rename_columns([f"{name}s" for name in table.column_names])
    for n, field in enumerate(table.schema):
        yield table.set_column(n, field.name, pa.array([n] * len(table)))
        yield table.set_column(n, field.name, pa.nulls(len(table), field.type))


def _damaged(content: bytes) -> list[bytes]:
    middle = len(content) // 3
    return [b"", b"PAR1", content[:-9], b"not parquet at all", content[:middle] + bytes(99)]


def test_columns_of_other_types_and_no_parquet_are_told(store: Store, made_plan: Plan) -> None:
    stage, task = single(made_plan, "nli")
    file = predictions_file(stage, "nli", "test")
    content = (store.folder(stage) / file).read_bytes()
    for table in _types(pq.read_table(store.folder(stage) / file)):
        reseal(store, stage, file, table)
        told_of(store, stage, task)
    for damaged in _damaged(content):
        reseal(store, stage, file, damaged)
        told_of(store, stage, task)
    reseal(store, stage, file, content)
    assert StoredAnswers(store).answers(stage, task).ids


def compact_told(results: Path, made_plan: Plan, file: str) -> None:
    """What compact files say when they are not believed: the file, and what to do, in one line."""
    with pytest.raises(StoreError) as caught:
        source = CompactAnswers(results)
        for stage in made_plan.stages[:-1]:
            for member in stage.tasks if source.has(stage) else ():
                source.answers(stage, member.task)
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{results / file} ") and "run the study again" in str(problem)
    assert "\n" not in str(problem)


@pytest.mark.parametrize("file", [GOLD_FILE, PREDICTIONS_FILE])
def test_damaged_compact_files_are_told(
    store: Store, results: Path, made_plan: Plan, file: str
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    table, content = pq.read_table(results / file), (results / file).read_bytes()
    for damaged in _damaged(content):
        (results / file).write_bytes(damaged)
        compact_told(results, made_plan, file)
    for other in _types(table):
        pq.write_table(other, results / file)
        compact_told(results, made_plan, file)
    (results / file).unlink()
    (results / file).mkdir()
    compact_told(results, made_plan, file)
    (results / file).rmdir()
    os.mkfifo(results / file)
    compact_told(results, made_plan, file)


def test_gold_that_is_gone_is_told(store: Store, results: Path, made_plan: Plan) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    (results / GOLD_FILE).unlink()
    compact_told(results, made_plan, GOLD_FILE)


@pytest.mark.parametrize(
    "change",
    [
        _change("id", 3, "other"),
        _change("task", 3, "other"),
        _change("document", 3, "other"),
        _change("gold", 3, "maybe"),
        _change("gold", 3, None),
        _swap("id", "document", "gold"),
        _each(lambda values: values.pop()),
        _each(lambda values: values.append(values[0])),
    ],
)
def test_compact_gold_of_other_rows_is_told(
    store: Store, results: Path, made_plan: Plan, change: Callable[[Column], None]
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    pq.write_table(rewritten(pq.read_table(results / GOLD_FILE), change), results / GOLD_FILE)
    compact_told(results, made_plan, GOLD_FILE)


@pytest.mark.parametrize(
    "change",
    [
        _change("prediction", 0, ["maybe"] * 9),
        _change("prediction", 0, ["no"] * 8),
        _change("prediction", 0, [None] * 9),
        _change("prediction", 0, None),
        _each(lambda values: values.append(values[0])),
    ],
)
def test_compact_answers_that_do_not_fit_are_told(
    store: Store, results: Path, made_plan: Plan, change: Callable[[Column], None]
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    file = results / PREDICTIONS_FILE
    pq.write_table(rewritten(pq.read_table(file), change), file)
    compact_told(results, made_plan, PREDICTIONS_FILE)


def test_a_task_that_compact_answers_lack_is_told(
    store: Store, results: Path, made_plan: Plan
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    file = results / PREDICTIONS_FILE
    joint = next(s.id for s in made_plan if len(s.tasks) > 1)
    table = pq.read_table(file)
    keep = [(r["stage"], r["task"]) != (joint, "sts") for r in table.to_pylist()]
    pq.write_table(table.filter(pa.array(keep)), file)
    compact_told(results, made_plan, PREDICTIONS_FILE)
