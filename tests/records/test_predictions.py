"""What is read is what was written: labels as text, a stage's parquet, a study's compact files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer_study.data.streams import stream
from transfer_study.errors import StoreError
from transfer_study.records.labels import label_from_text, label_to_text
from transfer_study.records.predictions import (
    GOLD_FILE,
    PREDICTIONS_FILE,
    Answers,
    CompactAnswers,
    StoredAnswers,
    write_compact,
    write_predictions,
)
from transfer_study.records.store import Store
from transfer_study.spec.example import Label
from transfer_study.spec.plan import Plan
from transfer_study.spec.stage import Stage
from transfer_study.spec.task import Task, TaskKind

SIZE = 9

words = st.one_of(
    st.text(), st.sampled_from(['"', "[]", '["a"]', "a,b", "ü\n\t", "None", "NaN", "1"])
)
several = st.lists(words, max_size=5).map(tuple)
labels = st.one_of(
    st.tuples(st.just(TaskKind.CLASSIFICATION), words),
    st.tuples(st.just(TaskKind.MULTILABEL), several),
    st.tuples(st.just(TaskKind.TAGGING), several),
    st.tuples(st.just(TaskKind.REGRESSION), st.floats(allow_nan=False)),
)


@given(labels)
def test_a_label_reads_back_as_it_was(case: tuple[TaskKind, Label]) -> None:
    kind, label = case
    text = label_to_text(label)
    again = label_from_text(kind, text)
    assert again == label
    assert type(again) is type(label)
    assert label_to_text(again) == text


@given(several, several)
def test_different_labels_have_different_texts(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert (label_to_text(a) == label_to_text(b)) == (a == b)


def test_a_number_of_numpy_is_a_number() -> None:
    assert label_to_text(np.float64(0.1)) == "0.1"  # type: ignore[arg-type]
    assert label_from_text(TaskKind.REGRESSION, label_to_text(1 / 3)) == 1 / 3


def answer(task: Task, *key: object) -> Label:
    """Some label that the task may have."""
    random = stream(*key)
    if task.kind is TaskKind.REGRESSION:
        return float(random.normal())
    if task.kind is TaskKind.CLASSIFICATION:
        return str(random.choice(task.labels))
    if task.kind is TaskKind.MULTILABEL:
        return tuple(label for label in task.labels if random.random() < 0.5)
    return tuple(str(tag) for tag in random.choice(task.tags, int(random.integers(7))))


def made_answers(stage: Stage, task: Task) -> Answers:
    return Answers(
        [f"{task.name} ü,{n}" for n in range(SIZE)],
        [f"doc {n // 2}" for n in range(SIZE)],
        [answer(task, "gold", task.name, n) for n in range(SIZE)],
        [answer(task, stage.id, task.name, n) for n in range(SIZE)],
    )


def write(path: Path, answers: Answers) -> None:
    scores = [[0.25, 0.75][: 1 + n % 2] for n in range(SIZE)]
    write_predictions(path, answers.ids, answers.documents, answers.gold, answers.predicted, scores)


def complete(store: Store, stage: Stage) -> None:
    with store.attempt(stage) as attempt:
        for member in stage.tasks:
            path = attempt / "predictions" / f"{member.task.name}.test.parquet"
            write(path, made_answers(stage, member.task))
        store.commit(stage, attempt)


@pytest.fixture
def store(tmp_path: Path, made_plan: Plan) -> Store:
    """A store in which every stage of the plan but the last is complete."""
    store = Store(tmp_path / "store")
    for stage in made_plan.stages[:-1]:
        complete(store, stage)
    return store


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    return folder


def test_a_store_answers_what_was_written(store: Store, made_plan: Plan) -> None:
    source = StoredAnswers(store)
    for stage in made_plan.stages[:-1]:
        assert source.has(stage)
        for member in stage.tasks:
            assert source.answers(stage, member.task) == made_answers(stage, member.task)
    assert not source.has(made_plan.stages[-1])
    with pytest.raises(StoreError, match="not complete"):
        source.answers(made_plan.stages[-1], made_plan.stages[-1].tasks[0].task)


def test_a_predictions_file_is_a_plain_table(tmp_path: Path, made_plan: Plan) -> None:
    stage = next(s for s in made_plan if s.task_names == ("ner",))
    answers = made_answers(stage, stage.tasks[0].task)
    write(tmp_path / "new" / "ner.parquet", answers)
    table = pq.read_table(tmp_path / "new" / "ner.parquet")
    assert table.column_names == ["id", "document", "gold", "prediction", "score"]
    assert table["id"].to_pylist() == answers.ids
    assert table["score"].to_pylist()[:2] == [[0.25], [0.25, 0.75]]


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
    store: Store, results: Path, made_plan: Plan, tmp_path: Path
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    first = [(results / name).read_bytes() for name in (GOLD_FILE, PREDICTIONS_FILE)]
    for source in (StoredAnswers(store), CompactAnswers(results)):
        write_compact(results, made_plan.stages, source)
        assert [(results / name).read_bytes() for name in (GOLD_FILE, PREDICTIONS_FILE)] == first
    stage = made_plan.stages[0]
    again = Store(tmp_path / "again")
    complete(again, stage)
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


@pytest.mark.parametrize("file", [GOLD_FILE, PREDICTIONS_FILE])
def test_damaged_compact_files_are_told(
    store: Store, results: Path, made_plan: Plan, file: str
) -> None:
    write_compact(results, made_plan.stages, StoredAnswers(store))
    content = (results / file).read_bytes()
    for damaged in (b"", content[:-9], b"not parquet at all"):
        (results / file).write_bytes(damaged)
        with pytest.raises(StoreError, match="cannot be read"):
            CompactAnswers(results)
