"""The rows of a table of scores: their fields as names, numbers and arms."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

import numpy as np
import pandas as pd

from transfer_study.files import parse_json
from transfer_study.judge.arm_labels import asked_of, label_of, reading_of, said_label
from transfer_study.judge.mistakes import Mistakes
from transfer_study.judge.score_file import ScoreText
from transfer_study.study.characters import composed, fault_of_name
from transfer_study.study.joined import joined

ENCODER, METRIC = "model", "score"  # what a single one is called that no column names
_JOINS = "+,;"  # what may stand between sources
_DERIVED = "~"
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"(-?\d{1,18})(\.0*)?", re.ASCII)
_MODEL = ["encoder", "source", "target", "arm", "reading"]
S = TypeVar("S", bound=Hashable)
T = TypeVar("T")


def rows_of(text: ScoreText, arm: str, mistakes: Mistakes) -> tuple[pd.DataFrame, bool]:
    """The rows whose names, seed and arm are sound, and whether these are all.

    Columns: encoder, source (in order, joined by `+`), target, metric, seed, value (NaN for what
    is no number), arm (a label, `arm` for a model of which nothing is said), reading (empty for a
    baseline of all readings), n_test and constant (NaN where they are not given), line.
    """

    def each(role: str, read: Callable[[str], T], unsaid: str = "") -> list[T | None]:
        fields = text.fields.get(role, [unsaid] * len(text.lines))
        return _known(fields, read, text.lines, mistakes)

    rows = pd.DataFrame(
        {
            "encoder": each("encoder", lambda name: name_of("encoder", name), ENCODER),
            "source": each("source", sources_of),
            "target": each("target", lambda name: task_name("target", name)),
            "metric": each("metric", lambda name: name_of("metric", name), METRIC),
            "seed": each("seed", seed_of),
            "value": each("value", lambda value: _finite("value", value)),
            "arm": each("arm", lambda said: said_label(said) if said else ""),
            "reading": each("reading", str),
            "n_test": each("n_test", lambda n: _count(n) if n else math.nan),
            "constant": each("constant", lambda v: _finite("constant", v) if v else math.nan),
            "line": text.lines,
        },
        dtype=object,
    )
    numbers = ["value", "n_test", "constant"]
    sound = rows[rows.drop(columns=numbers).notna().all(axis=1)]
    sound = _with_arms(sound, arm, mistakes).reset_index(drop=True)
    kinds = {"seed": int, "line": int, **dict.fromkeys(numbers, float)}
    return sound.astype(kinds), len(sound) == len(rows)


def _with_arms(rows: pd.DataFrame, arm: str, mistakes: Mistakes) -> pd.DataFrame:
    """The rows whose arm and reading fit their sources, which are joined."""
    learned: dict[str, set[str]] = {}
    models = [*rows[_MODEL].itertuples(index=False, name=None)]
    for encoder, sources, target, *_ in models:
        learned.setdefault(encoder, set()).update((*sources, target))

    def place(model: tuple[str, tuple[str, ...], str, str, str]) -> tuple[str, str]:
        encoder, sources, target, said, reading = model
        label = label_of(said or asked_of(arm, sources), sources, target, learned[encoder])
        return label, reading_of(reading, label)

    placed = _known(models, place, rows["line"], mistakes)
    rows = rows[np.array([one is not None for one in placed], dtype=bool)]
    found = [one for one in placed if one is not None]
    columns = {
        "arm": [label for label, _ in found],
        "reading": [reading for _, reading in found],
        "source": [*map(joined, rows["source"])],
    }
    # Not as pandas' own texts, over which one goes slowly.
    kept = {n: pd.Series(c, index=rows.index, dtype=object) for n, c in columns.items()}
    return rows.assign(**kept)


def _known(
    given: Iterable[S], read: Callable[[S], T], lines: Iterable[int], mistakes: Mistakes
) -> list[T | None]:
    """Each as it is read; None for what raises a ValueError, which is a mistake of its lines."""
    known: dict[S, T | None] = {}
    wrong: dict[S, str] = {}
    found = []
    for one, line in zip(given, lines, strict=True):
        if one not in known:
            try:
                known[one] = read(one)
            except ValueError as error:
                known[one], wrong[one] = None, str(error)
        if one in wrong:
            mistakes.add(wrong[one], line)
        found.append(known[one])
    return found


def name_of(role: str, name: str) -> str:
    """The name as it is; raises ValueError for what is none."""
    if not name:
        raise ValueError(f"the {role} is empty; name it")
    if fault := fault_of_name(name):
        raise ValueError(f"the {role} {name!r} has {fault}")
    return name


def task_name(role: str, name: str) -> str:
    """The name of one task as it is; raises ValueError for what cannot be."""
    if found := next((c for c in _JOINS + _DERIVED if c in name_of(role, name)), None):
        meaning = "derives one task from another" if found == _DERIVED else "joins sources"
        raise ValueError(
            f"the {role} {name!r} has {found!r}, which {meaning}; give the task another name"
        )
    return name


def sources_of(text: str) -> tuple[str, ...]:
    """The sources that a field names, in order; several are joined, or a JSON list.

    Raises ValueError for what names none.
    """
    if not text:
        return ()
    listed = _listed(text) if text.startswith("[") else re.split(f"[{_JOINS}]", text)
    names = [composed(name.strip()) for name in listed]
    if "" in names:
        raise ValueError(
            f"the source {text!r} has an empty name; name a task before and after each of "
            f"{' '.join(_JOINS)}"
        )
    names = [task_name("source", name) for name in names]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"the source {text!r} names {twice[0]!r} twice; name it once")
    return tuple(sorted(names))


def _listed(text: str) -> list[str]:
    """The texts of a JSON list; raises ValueError for anything else."""
    try:
        names = parse_json(text)
    except ValueError:
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f'the source {text!r} is no list of names; write it as a+b, or in JSON as ["a", "b"]'
        )
    return names


def _finite(role: str, text: str) -> float:
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        comma = " with a decimal point" if re.fullmatch(r"[-+]?\d+,\d+", text) else ""
        row = "" if role == "constant" else ", or leave the row out"
        raise ValueError(f"the {role} {text!r} is no finite number; write one{comma}{row}")
    return value


def seed_of(text: str) -> int:
    """The whole number that a field has; raises ValueError for any other."""
    whole = _WHOLE.fullmatch(text)
    if not whole:
        raise ValueError(
            f"the seed {text!r} is no whole number; number the runs of a model 1, 2, 3, and its "
            "baseline's alike"
        )
    return int(whole[1])


def _count(text: str) -> float:
    whole = _WHOLE.fullmatch(text)
    if not whole or int(whole[1]) < 1:
        raise ValueError(
            f"the number of test examples {text!r} is no whole number of at least 1; mend it, or "
            "leave it empty"
        )
    return float(whole[1])
