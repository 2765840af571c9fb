"""Reading a split of a task, whatever its format, with every fault of its file reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from transfer_study.data.files.conll import read_conll
from transfer_study.data.files.faults import Faults
from transfer_study.data.files.hub import read_datasets
from transfer_study.data.files.plain_text import read_text
from transfer_study.data.files.pubtator import read_pubtator
from transfer_study.data.files.row_filter import RowFilter
from transfer_study.data.files.rows import Record, examples_of
from transfer_study.data.files.tables import read_jsonl, read_table, table_rows
from transfer_study.errors import DataError, Problem
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.source import DatasetsSource, FileSource, SplitName, SyntheticSource
from transfer_study.study.tasks.task import Task

# What else a folder may call its splits: BLUE itself says devel.tsv and Training.tsv.
SPLIT_NAMES = {
    "train": ("train", "training"),
    "dev": ("dev", "devel", "development", "valid", "validation", "val"),
    "test": ("test", "testing"),
}
SUFFIXES = {
    "tsv": (".tsv", ".txt"),
    "csv": (".csv",),
    "jsonl": (".jsonl", ".json"),
    "conll": (".tsv", ".conll", ".conllu", ".txt", ".bio", ".iob", ".iob2"),
    "pubtator": (".pubtator", ".txt"),
}


def read_split(task: Task, split: SplitName) -> list[Example]:
    """The examples of a split in the order of its file, without carving and limits.

    Raises DataError with every malformed row; what is empty or missing is an error too.
    """
    return read_counted(task, split)[0]


def read_counted(task: Task, split: SplitName) -> tuple[list[Example], Mapping[str, int]]:
    """The same, and how much of the source was not read, by what is said of it; raises alike."""
    source = task.source
    if isinstance(source, SyntheticSource):
        from transfer_study.data.synthetic import generate

        return list(generate(task, split)), {}
    kept = RowFilter(source, split)
    records: Iterable[Record]
    if isinstance(source, DatasetsSource):
        faults = Faults(f"{source.name} ({split})", unit="row")
        records = read_datasets(task, source, split, faults, kept)
        examples = examples_of(task, split, source, records, faults)
    else:
        path = split_file(source, split)
        text = read_text(path)
        if not text.strip():
            raise DataError(Problem("the file is empty", str(path)))
        faults = Faults(str(path))
        records = _records(task, source, split, text, faults, kept)
        examples = examples_of(task, split, source, records, faults)
    if not faults and not examples:
        faults.add(f"there are no examples for {split}")
    if faults:
        raise DataError(*faults.problems)
    return examples, kept.left_out


def split_file(source: FileSource, split: SplitName) -> Path:
    """The file of a split; in a folder, another usual name of the split is found too."""
    path = source.path(split)
    if path is None:
        raise DataError(f"`files` names no file for {split}; add `{split}: PATH`")
    if source.folder is None or path.exists() or not source.folder.is_dir():
        return path
    names, suffixes = SPLIT_NAMES[split], SUFFIXES[source.format]
    inside = sorted(p for p in source.folder.iterdir() if not p.name.startswith("."))
    found = [p for p in inside if p.stem.lower() in names and p.suffix.lower() in suffixes]
    if len(found) == 1:
        return found[0]
    held = ", ".join(p.name for p in found or inside) or "nothing"
    what = f"{'several files' if found else 'no file'} for {split}, the folder has {held}"
    carve = ", or set `carve_dev: 0.1` to take dev from train" if split == "dev" else ""
    raise DataError(Problem(f"{what}; name it {path.name}{carve}", str(source.folder)))


def _records(
    task: Task,
    source: FileSource,
    split: SplitName,
    text: str,
    faults: Faults,
    kept: RowFilter,
) -> Iterable[Record]:
    if source.format not in task.kind.formats:
        *several, last = task.kind.formats
        formats = f"{', '.join(several)} or {last}"
        faults.add(f"a {task.kind} task is not read from {source.format}; use {formats}")
        return []
    if source.format == "conll":
        return read_conll(source.columns, text, split, faults)
    if source.format == "pubtator":
        return read_pubtator(task, text, faults, kept.left_out)
    if source.format == "jsonl":
        return read_jsonl(task, source.columns, text, faults, kept)
    delimiter = source.delimiter or ("\t" if source.format == "tsv" else ",")
    header = source.header_of(split)
    rows = table_rows(text, delimiter, faults)
    return read_table(task, source.columns, rows, faults, kept, header)
