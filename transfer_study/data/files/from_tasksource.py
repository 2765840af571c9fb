"""Data sets in the form that the `tasksource` package gives them, by its one name for each task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transfer_study.errors import DataError, Problem
from transfer_study.study.spelling import did_you_mean


def made_by_tasksource(name: str, raw: Callable[[], Any]) -> Any:
    """The splits that tasksource makes of a raw data set, or where that is None of the hub's.

    Nothing is kept beside the raw data set. Raises DataError where the package or the task is
    not there, and what `datasets` raises.
    """
    try:
        from tasksource.access import list_tasks, load_preprocessing
    except ImportError:
        raise DataError(
            Problem(
                "this task needs the `tasksource` package, which is not installed;"
                ' install it with: pip install "transfer-study[tasksource]"',
                name,
            )
        ) from None
    import datasets

    try:
        preprocessing = load_preprocessing(id=name)
    except KeyError:
        raise DataError(
            Problem(f"tasksource has no such task{did_you_mean(name, list_tasks().id)}", name)
        ) from None
    caching = datasets.is_caching_enabled()
    datasets.disable_caching()  # it would write into the folder of the raw data set
    try:
        found = raw()
        return preprocessing.load() if found is None else preprocessing(found)
    finally:
        if caching:
            datasets.enable_caching()
