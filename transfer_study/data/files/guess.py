"""The tasks that a folder's files seem to be, as a study file would have them.

A folder that holds files for train and test, by their usual names, is a task, and so is a file with
a column that tells them apart. What is guessed is
then tried: every file is read whole, as a study would, and what cannot be read is no task.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from transfer_study.data.files.document_patterns import propose_pattern
from transfer_study.data.files.guess_columns import Guessed, NoGuessError
from transfer_study.data.files.guess_files import Files, guess_dataset, guess_file, guess_files
from transfer_study.data.files.readers import SPLIT_NAMES, SUFFIXES
from transfer_study.data.measurable import check_measurable
from transfer_study.data.splits import TaskData, load
from transfer_study.errors import DataError, Problem, StudyError
from transfer_study.study.tasks.blue import BLUE
from transfer_study.study.tasks.task import Task

_DEPTH = 3
_ROWS = (".tsv", ".csv", ".jsonl")
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
            guesses.append(_of_folder(root, folder, files, guesses))
        else:
            guesses += _of_single_files(root, folder, guesses)
    if not guesses:
        raise DataError(
            Problem(
                "no folder in it holds a file for train, and no file has a column of splits; name "
                "files train, dev and test (.tsv, .csv, .jsonl, .conll or .pubtator), one folder "
                "a task",
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


def _name(found: str, others: Sequence[Guess]) -> str:
    plain = re.sub(r"[^\w-]+", "-", found).strip("-_") or "task"
    taken = {guess.name for guess in others}
    names = itertools.chain([plain], (f"{plain}-{n}" for n in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _of_folder(root: Path, folder: Path, files: Files, others: Sequence[Guess]) -> Guess:
    guess = Guess(folder, _name(folder.resolve().name, others))
    place = folder.relative_to(root).as_posix()
    if files and "test" not in files:
        found = ", ".join(path.name for path in files.values())
        guess.fault = f"no file is named for test; found {found}"
        return guess
    carved = {"carve_dev": 0.1} if files and "dev" not in files else {}
    if guess.name in BLUE and files:
        usual = BLUE[guess.name]
        built_in = {**usual, **carved, "source": {**usual["source"], "folder": place}}
        if _fault(guess, {**built_in, "name": guess.name}, root) is None:
            guess.task = {"name": guess.name, **carved, "source": {"folder": place}}
            guess.why = {"name": "a built-in task, by the folder's name; its files are in its form"}
            return guess
    try:
        guessed = guess_files(files) if files else guess_dataset(folder)
        guessed.why["carve_dev"] = "no file is named for dev: a share of train's"
        _take(guess, guessed, {"folder": place} if files else {"name": place}, root, carved)
    except NoGuessError as error:
        guess.fault = str(error)
    except StudyError as error:
        guess.fault = _first(error)
    return guess


def _of_single_files(root: Path, folder: Path, others: Sequence[Guess]) -> Iterator[Guess]:
    """The files that a column divides into splits; others are nothing that is known here."""
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in _ROWS):
        guess = Guess(path, _name(path.stem, others))
        try:
            guessed = guess_file(path)
        except (NoGuessError, StudyError):
            continue
        if guessed is not None:
            _take(guess, guessed, {"file": path.relative_to(root).as_posix()}, root, {})
            yield guess


def _take(
    guess: Guess, guessed: Guessed, place: dict[str, str], root: Path, more: dict[str, float]
) -> None:
    """Make a task of what was guessed, and try it."""
    source = {"format": guessed.source.pop("format"), **place, **guessed.source}
    guess.task = {"name": guess.name, **guessed.task, **more, "source": source}
    guess.why = guessed.why
    guess.fault = _fault(guess, guess.task, root)


def _fault(guess: Guess, task: Mapping[str, Any], root: Path) -> str | None:
    """What is wrong with a task as it was guessed; documents that its ids tell are added to it."""
    source = dict(task["source"])
    where = next(key for key in ("folder", "file", "name") if key in source)
    source[where] = str(root / source[where])
    try:
        made = Task.model_validate({**task, "source": source})
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
