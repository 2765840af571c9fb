"""The tasks that a folder's files seem to be, as a study file would have them.

A folder that holds files for train and test, by their usual names, is a task. What is guessed is
then tried: every file is read whole, as a study would, and what cannot be read is no task.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from transfer_study.data.document_patterns import propose_pattern
from transfer_study.data.guess_columns import NoGuessError
from transfer_study.data.guess_files import Files, guess_dataset, guess_files
from transfer_study.data.measurable import check_measurable
from transfer_study.data.readers import SPLIT_NAMES, SUFFIXES
from transfer_study.data.splits import TaskData, load
from transfer_study.errors import DataError, Problem, StudyError
from transfer_study.spec.blue import BLUE
from transfer_study.spec.task import METRICS_OF_KIND, Task

_DEPTH = 3
_DATASET = "dataset_dict.json"


@dataclass
class Guess:
    """A task as written in a study file, or what speaks against it.

    `why` has the reason of each guess by its key, those of the source as `source.KEY`.
    """

    folder: Path
    name: str
    task: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    fault: str | None = None


def guess_tasks(root: Path) -> list[Guess]:
    """A guess for every folder in `root`, itself included, that holds splits or parts of them.

    Raises DataError where there is none.
    """
    if not root.is_dir():
        raise DataError(Problem("there is no such folder; check the path", str(root)))
    guesses: list[Guess] = []
    for folder in _folders(root, _DEPTH):
        files = _splits(folder)
        if files or (folder / _DATASET).exists():
            guess = Guess(folder, _name(folder, {other.name for other in guesses}))
            _fill(guess, root, files)
            guesses.append(guess)
    if not guesses:
        raise DataError(
            Problem(
                "no folder in it holds a file for train; name files train, dev and test (.tsv, "
                ".csv, .jsonl or .conll), one folder a task",
                str(root),
            )
        )
    return guesses


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    yield folder
    if depth and not (folder / _DATASET).exists():
        for inner in sorted(folder.iterdir()):
            if inner.is_dir() and not inner.name.startswith((".", "_")):
                yield from _folders(inner, depth - 1)


def _splits(folder: Path) -> dict[str, Path]:
    """The files of a folder that are named for splits, all with the suffix of train's."""
    suffixes = {suffix for several in SUFFIXES.values() for suffix in several}
    found: dict[str, Path] = {}
    for split, names in SPLIT_NAMES.items():
        for path in sorted(folder.iterdir()):
            usual = path.stem.lower() in names and path.suffix.lower() in suffixes
            if usual and path.is_file() and path.suffix == found.get("train", path).suffix:
                found.setdefault(split, path)
    return found if "train" in found else {}


def _name(folder: Path, taken: set[str]) -> str:
    plain = re.sub(r"[^\w-]+", "-", folder.resolve().name).strip("-_") or "task"
    number = 2
    name = plain
    while name in taken:
        name, number = f"{plain}-{number}", number + 1
    return name


def _fill(guess: Guess, root: Path, files: Files) -> None:
    """Guess the task, or note what speaks against it."""
    place = guess.folder.relative_to(root).as_posix()
    if files and "test" not in files:
        found = ", ".join(path.name for path in files.values())
        guess.fault = f"no file is named for test; found {found}"
        return
    carved = {"carve_dev": 0.1} if files and "dev" not in files else {}
    if guess.name in BLUE and files:
        built_in = BLUE[guess.name]
        source = {**built_in["source"], "folder": place}
        if (
            _fault(guess, {**built_in, "name": guess.name, **carved, "source": source}, root)
            is None
        ):
            guess.task = {"name": guess.name, **carved, "source": {"folder": place}}
            guess.why = {"name": "a built-in task, by the folder's name; its files are in its form"}
            return
    try:
        guessed = guess_files(files) if files else guess_dataset(guess.folder)
    except NoGuessError as error:
        guess.fault = str(error)
        return
    except StudyError as error:
        guess.fault = _first(error)
        return
    where = {"folder": place} if files else {"name": place}
    source = {"format": guessed.source.pop("format"), **where, **guessed.source}
    guess.task = {"name": guess.name, **guessed.task, **carved, "source": source}
    guess.why = {"carve_dev": "no file is named for dev: a share of train's", **guessed.why}
    guess.fault = _fault(guess, guess.task, root)


def _fault(guess: Guess, task: Mapping[str, Any], root: Path) -> str | None:
    """What is wrong with a task as it was guessed; documents that its ids tell are added to it."""
    source = dict(task["source"])
    where = "folder" if "folder" in source else "name"
    source[where] = str(root / source[where])
    metric = task.get("metric") or METRICS_OF_KIND[task["kind"]][0]
    try:
        made = Task.model_validate({**task, "source": source, "metric": metric})
        data = load(made)
        check_measurable(data)
    except ValidationError as error:
        return str(error.errors(include_url=False)[0]["msg"])
    except StudyError as error:
        return _first(error)
    if task is guess.task:
        _guess_documents(guess, data)
    return None


def _guess_documents(guess: Guess, data: TaskData) -> None:
    found = propose_pattern(data)
    if found is not None:
        guess.task["source"]["document_pattern"] = found.pattern
        guess.why["source.document_pattern"] = (
            f"ids share beginnings, {found.documents} of {found.rows} rows, as in one document"
        )


def _first(error: StudyError) -> str:
    more = len(error.problems) - 1
    return f"{error.problems[0]}{f' (and {more} more)' if more else ''}"
