"""Tasks that live in the `datasets` library: on a hub, or in a local folder."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from transfer_study.data.files.faults import Faults
from transfer_study.data.files.from_tasksource import made_by_tasksource
from transfer_study.data.files.nested import Nested
from transfer_study.data.files.row_filter import RowFilter
from transfer_study.data.files.rows import Record, Value, missing_columns, parts_of, record_of
from transfer_study.data.files.tables import as_value
from transfer_study.errors import DataError, Problem
from transfer_study.study.characters import composed
from transfer_study.study.tasks.source import DatasetsSource, SplitName
from transfer_study.study.tasks.task import Task


def read_datasets(
    task: Task, source: DatasetsSource, split: SplitName, faults: Faults, kept: RowFilter
) -> Iterator[Record]:
    """The rows of a split; a class given by its number becomes its name.

    Raises DataError where the library or the data set is not there.
    """
    rows = _load(source, split)
    features = Nested({composed(column): rows.features[column] for column in rows.column_names})
    parts = parts_of(source.columns, features)
    needed = parts | kept.columns
    for message in missing_columns(needed, features):
        faults.add(message)
    if faults:
        return
    read = set(needed.values())
    rows = rows.select_columns([c for c in rows.column_names if _is_read(composed(c), read)])
    names = {name: _class_names(features[name]) for name in read}
    separators = ",\t" if rows.info.builder_name == "csv" else ""
    for number, content in enumerate(rows, start=1):
        row = Nested({composed(column): value for column, value in content.items()})
        fields = {name: _named(row[name], names[name]) for name in read}
        if not kept.has(fields, number, faults):
            continue
        if any(_may_be_rows(value, separators) for value in fields.values()):
            faults.add(
                "a text has line breaks and separators, as several rows of a CSV file have that"
                " were read as one for a bare quotation mark; read the file by `format: csv`, or"
                " save the data set as Parquet or JSON lines where that is right",
                number,
            )
            continue
        record = record_of(task, fields, parts, number, faults)
        if record:
            yield record


def _is_read(column: str, names: Collection[str]) -> bool:
    return any(name == column or name.startswith(f"{column}.") for name in names)


def _may_be_rows(value: Value, separators: str) -> bool:
    """Whether the library may have merged rows of CSV, as data/files/tables.py does not."""
    return isinstance(value, str) and "\n" in value and any(c in value for c in separators)


def _load(source: DatasetsSource, split: SplitName) -> Any:
    splits = _load_all(source)
    name = source.splits.get(split)
    if name not in splits:
        raise DataError(
            Problem(
                f"no split {name!r} for {split}; found: {', '.join(splits)}. Set `splits` in the"
                " source; without `dev` there, dev is carved from train.",
                source.name,
            )
        )
    return splits[name]


def _load_all(source: DatasetsSource) -> Any:
    """All splits of a data set, by its own names; one without splits is its train."""
    try:
        import datasets  # noqa: F401
    except ImportError:
        raise DataError(
            Problem(
                "this task needs the `datasets` library, which is not installed;"
                ' install it with: pip install "transfer-study[datasets]"',
                source.name,
            )
        ) from None
    try:
        if source.tasksource is not None:
            found = made_by_tasksource(source.tasksource, lambda: _raw(source))
        else:
            found = _raw(source)
    except DataError:
        raise
    except Exception as error:  # the library raises a dozen kinds, all about this name
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DataError(
            Problem(
                f"the data set cannot be loaded: {reason} Give the path of a local folder, or fetch"
                " it once while online with `transfer-study prefetch`.",
                source.name,
            )
        ) from error
    return found if isinstance(found, dict) else {"train": found}


def _raw(source: DatasetsSource) -> Any:
    """The data set as its authors have it; None where only tasksource knows its name."""
    import datasets

    folder = Path(source.name)
    if any((folder / mark).exists() for mark in ("dataset_dict.json", "state.json")):
        return datasets.load_from_disk(str(folder))
    if source.name == source.tasksource:
        return None
    return datasets.load_dataset(source.name, source.config, revision=source.revision)


def saved_rows(folder: Path) -> dict[str, list[dict[str, Value]]]:
    """The rows of a data set saved by `save_to_disk`, by its own names of splits."""
    found = _load_all(DatasetsSource(format="datasets", name=str(folder)))
    rows: dict[str, list[dict[str, Value]]] = {}
    for split, table in found.items():
        features = Nested(table.features)
        names = {column: _class_names(features[column]) for column in features}
        rows[split] = [
            {key: _named(row[key], names[key]) for key in names} for row in map(Nested, table)
        ]
    return rows


def _class_names(feature: Any) -> list[str] | None:
    """The names of a ClassLabel, alone or as the items of a list."""
    items = feature[0] if isinstance(feature, list) else getattr(feature, "feature", feature)
    names = getattr(items, "names", None)
    return list(names) if names is not None else None


def _named(value: Any, names: list[str] | None) -> Value:
    if names is None or isinstance(value, str):
        return as_value(value)
    if isinstance(value, list):
        return as_value([_named(item, names) for item in value])
    # Hidden labels are numbered -1.
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else None


def prefetch_dataset(source: DatasetsSource) -> None:
    """Bring a data set of a hub into the local cache; raises DataError where it cannot be had."""
    for split in source.splits:
        _load(source, split)
