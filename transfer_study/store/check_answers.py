"""Whether answers are those of a stage: the one check of whatever file holds any.

A plan holds the hash of the ids, documents and gold labels of each split
(`SplitFingerprint.gold`), against which they are held. Another seed has the same gold, so that a
file also says of which stage, task and split it is. Ids and documents are no part of a stage's
identity: where they are others than when it was run, they are taken from the data, whose texts and
labels are. Nothing here can tell a store in which somebody who may write to it made everything fit
together anew, checksums and names included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transfer_study.data.splits import load_planned_once
from transfer_study.errors import StudyError
from transfer_study.study.fingerprint import SplitFingerprint, gold_hash
from transfer_study.study.stage import StageTask
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.source import SplitName
from transfer_study.study.tasks.task import Task

# Ids, documents and gold labels of a split.
Gold = tuple[Sequence[str], Sequence[str], list[Label]]


class Misfit(Exception):  # noqa: N818  (it is told as a StoreError by whoever knows the file)
    """Why a file is not what it is said to be, as the end of a sentence that begins with it."""


def read_table(content: bytes, schema: pa.Schema, said: Mapping[str, str]) -> pa.Table:
    """The table of a parquet file of these very columns, nothing missing; raises Misfit.

    `said` is what its metadata must say of it.
    """
    try:
        # Files are small and many: threads would cost more than they save.
        table = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise Misfit(f"is no readable parquet file ({_first_line(error)})") from None
    if table.schema.remove_metadata() != schema:
        found = ", ".join(f"{field.name} ({field.type})" for field in table.schema)
        raise Misfit(f"has other columns or types than were written; found {found or 'none'}")
    for name in schema.names:
        column = table[name]
        inner = pc.list_flatten(column).null_count if pa.types.is_list(column.type) else 0
        if column.null_count + inner:
            raise Misfit(f"has {column.null_count + inner} nulls in its column {name}")
    metadata = {
        key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()
    }
    for key, value in said.items():
        if metadata.get(key) != value:
            raise Misfit(f"is of the {key} {metadata.get(key)!r}, not {value!r}")
    return table


def check_gold(
    member: StageTask,
    split: SplitName,
    ids: Sequence[str],
    documents: Sequence[str],
    texts: Sequence[str],
) -> Gold:
    """Ids, documents and the gold labels that these texts stand for, all as planned.

    Raises Misfit where labels are not, or where others are and the data cannot be read for them.
    """
    task = member.task
    planned: SplitFingerprint = getattr(member.data, split)
    if len(ids) != planned.n:
        raise Misfit(
            f"has {len(ids)} rows for {task.origin}, where there were {planned.n} examples"
        )
    try:
        gold = [task.kind.from_text(text) for text in texts]
    except ValueError as error:
        raise Misfit(f"has gold labels of {task.origin} that cannot be read ({error})") from None
    if gold_hash(ids, documents, gold) == planned.gold:
        return ids, documents, gold
    misfit = (
        f"has ids, documents or gold labels of {task.origin} that are not those of the data "
        "with which it was planned, in their order"
    )
    try:
        examples = load_planned_once(member).split(split)
    except StudyError as error:
        raise Misfit(f"{misfit} (they cannot be read now: {error.problems[0]})") from None
    if [example.label for example in examples] != gold:
        raise Misfit(misfit)
    return [e.id for e in examples], [e.document for e in examples], gold


class GoldCheck:
    """`check_gold` for many files: columns that several hold alike are checked once."""

    def __init__(self) -> None:
        self._checked: dict[tuple[str, str], tuple[pa.Table, Gold]] = {}

    def __call__(self, member: StageTask, split: SplitName, columns: pa.Table) -> Gold:
        """What the columns of ids, documents and gold labels say; raises Misfit likewise."""
        planned: SplitFingerprint = getattr(member.data, split)
        key = str(member.task.kind), planned.gold
        before = self._checked.get(key)
        if before is None or not before[0].equals(columns):
            said = (columns[name].to_pylist() for name in columns.column_names)
            before = self._checked[key] = columns, check_gold(member, split, *said)
        return before[1]


def is_planned(
    member: StageTask,
    split: SplitName,
    ids: Sequence[str],
    documents: Sequence[str],
    texts: Sequence[str],
) -> bool:
    """Whether these ids, documents and gold labels as text are those of a task's data."""
    try:
        gold = [member.task.kind.from_text(text) for text in texts]
    except ValueError:
        return False
    planned: SplitFingerprint = getattr(member.data, split)
    return gold_hash(ids, documents, gold) == planned.gold


def check_predicted(
    task: Task, ids: Sequence[str], gold: Sequence[Label], texts: Sequence[str]
) -> list[Label]:
    """The labels that these texts stand for; raises Misfit unless the task may answer all so."""
    if len(texts) != len(gold):
        raise Misfit(f"has {len(texts)} answers for {task.name}, not {len(gold)}")
    outputs = frozenset(task.outputs)
    known: dict[tuple[Label, str], Label] = {}
    for name, true, text in zip(ids, gold, texts, strict=True):
        if (true, text) in known:
            continue
        try:
            label = task.kind.from_text(text)
        except ValueError:
            label = None
        if label is None or not task.kind.may_answer(task, outputs, true, label):
            raise Misfit(f"answers {text[:60]!r} for {name!r}, which {task.name} cannot")
        known[true, text] = label
    return [known[pair] for pair in zip(gold, texts, strict=True)]


def check_scores(task: Task, gold: Sequence[Label], scores: pa.ChunkedArray) -> None:
    """Raise Misfit unless there is a finite score an output, or a word where words are tagged."""
    lengths = pc.list_value_length(scores).to_pylist()
    rows = {*zip(gold, lengths, strict=True)}
    if not all(task.kind.scores_fit(task, label, n) for label, n in rows):
        raise Misfit(f"has another number of scores than {task.name} has outputs")
    if not pc.all(pc.is_finite(pc.list_flatten(scores)), min_count=0).as_py():
        raise Misfit("has scores that are no finite numbers")


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
