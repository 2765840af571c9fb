"""Tasks that live in the `datasets` library: on a hub, or in a local folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transfer_study.data.faults import Faults
from transfer_study.data.records import Record, Value, missing_columns, parts_of, record_of
from transfer_study.data.tables import as_value
from transfer_study.errors import DataError, Problem
from transfer_study.spec.task import DatasetsSource, Task


def read_datasets(
    task: Task, source: DatasetsSource, split: str, faults: Faults
) -> Iterator[Record]:
    """The rows of a split; a class given by its number becomes its name.

    Raises DataError where the library or the data set is not there.
    """
    rows = _load(source, split)
    parts = parts_of(source.columns, rows.column_names)
    for message in missing_columns(parts, rows.column_names):
        faults.add(message)
    if faults:
        return
    rows = rows.select_columns(list(dict.fromkeys(parts.values())))
    names = {column: _class_names(feature) for column, feature in rows.features.items()}
    for number, row in enumerate(rows, start=1):
        fields = {column: _named(value, names[column]) for column, value in row.items()}
        record = record_of(task, fields, parts, number, faults)
        if record:
            yield record


def _load(source: DatasetsSource, split: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise DataError(
            Problem(
                "this task needs the `datasets` library, which is not installed;"
                ' install it with: pip install "transfer-study[datasets]"',
                source.name,
            )
        ) from None
    folder = Path(source.name)
    try:
        if any((folder / mark).exists() for mark in ("dataset_dict.json", "state.json")):
            found = datasets.load_from_disk(str(folder))
        else:
            found = datasets.load_dataset(source.name, source.config, revision=source.revision)
    except Exception as error:  # the library raises a dozen kinds, all about this name
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DataError(
            Problem(
                f"the data set cannot be loaded: {reason} Give the path of a local folder, or fetch"
                " it once while online with `transfer-study prefetch`.",
                source.name,
            )
        ) from error
    name = dict(source.splits).get(split)  # type: ignore[call-overload]
    splits = found if isinstance(found, dict) else {"train": found}
    if name not in splits:
        raise DataError(
            Problem(
                f"no split {name!r} for {split}; found: {', '.join(splits)}. Set `splits` in the"
                " source; without `dev` there, dev is carved from train.",
                source.name,
            )
        )
    return splits[name]


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
