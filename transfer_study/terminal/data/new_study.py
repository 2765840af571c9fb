"""A new study file with comments: of the built-in tasks, or of what a folder seems to hold."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from transfer_study.data.files.guess import Guess, guess_tasks
from transfer_study.errors import DataError, InvalidStudy, Problem
from transfer_study.points import counted
from transfer_study.study.characters import shown
from transfer_study.study.tasks.kinds import KINDS
from transfer_study.terminal.console import warn

_WIDTH = 96
_BUILT_IN = """\
# Made-up tasks, so that the file runs as it is. A task of your own:
#   - name: adverse-events
#     kind: classification            # multilabel | regression | tagging | multiple_choice
#     domain: biomedical
#     labels: [ADE, none]             # the classes, or the entity types of tagging
#     metric: accuracy
#     source:
#       format: tsv                   # tsv | csv | jsonl | conll | datasets
#       folder: ade                   # holds train.tsv, dev.tsv and test.tsv
#       columns: {id: index, text: sentence, label: label}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 200, dev: 100, test: 200}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 200, dev: 100, test: 200}
"""
_HEAD = """\
# A study of transfer-study: which of these tasks help each other, and which hurt?
#   transfer-study tasks {file}    checks the data and shows what is in them
#   transfer-study plan {file}     says what will run, and how long it takes
#   transfer-study run {file}
# Every key is explained by `transfer-study keys`.
name: {name}
# What all models start from: a hub id such as bert-base-uncased (fetched once by `transfer-study
# prefetch`), a folder, or `tiny`, a small BERT that knows nothing, to see that all works.
encoder: tiny
"""
_TAIL = """\

arms: {arms}  # each task alone{joint}
readings: [refine]  # after joint training; finetune: fine-tuned from there
seeds: 3  # of one alone nothing is decided; more make intervals narrower
margin: 0.01  # smaller effects, in the metric, do not matter to you

# What the joint models and the single ones learn by: many small updates at a low rate, for with
# few examples their number is what keeps runs from scattering over seeds. A real encoder wants
# 5.0e-5 or less; `transfer-study tune` searches.
refine:
  epochs: 20
  batch_size: 16
  learning_rate: 2.5e-4
"""


def write_new_study(path: Path, folder: Path | None) -> None:
    """Write a study file, and say what was guessed from the folder and what was left out.

    Raises InvalidStudy where the file exists, DataError where the folder gives no task.
    """
    if os.path.lexists(path):
        raise InvalidStudy(
            Problem("found a file there, which is never overwritten; give another name", str(path))
        )
    guesses = [] if folder is None else guess_tasks(folder)
    sound = [guess for guess in guesses if guess.fault is None]
    if guesses and not sound:
        raise DataError(*(Problem(str(guess.fault), str(guess.folder)) for guess in guesses))
    text = _study(path, folder, guesses)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    warn([f"{shown(str(g.folder))} is left out: {shown(str(g.fault))}" for g in guesses if g.fault])
    tasks = counted(len(sound), "task") if sound else "two made-up tasks"
    print(f"{path}: {tasks}; read its comments, then: transfer-study tasks {path}")


def _study(path: Path, folder: Path | None, guesses: Sequence[Guess]) -> str:
    stem = re.sub(r"[^\w-]+", "-", path.stem).strip("-_") or "study"
    several = folder is None or sum(guess.fault is None for guess in guesses) > 1
    lines = [_HEAD.format(file=path.name, name=_flow(stem))]
    if folder is None:
        lines.append(f"\n{_BUILT_IN}")
    else:
        root = os.path.relpath(folder.resolve(), path.resolve().parent)
        lines += (
            f"data: {_flow(Path(root).as_posix())}  # where the tasks' files are\n",
            "\n# Guessed from the files, with the reasons. The `domain` is yours to say.\ntasks:\n",
            *(line for guess in guesses for line in _task(guess)),
        )
    arms = "[single, full, pairs]" if several else "[single]"
    joint = ", all together, two at a time" if several else ""
    return "".join((*lines, _TAIL.format(arms=arms, joint=joint)))


def _task(guess: Guess) -> Iterator[str]:
    if guess.fault is not None:
        said = " ".join(shown(guess.fault).split())
        yield f"  # left out: {guess.folder.name}: {said}\n"
        return
    task = dict(guess.task)
    source = task.pop("source")
    yield _line("  - name", task.pop("name"), guess.why.get("name"))
    for key, value in task.items():
        yield _line(f"    {key}", value, guess.why.get(key))
        if key == "kind":
            yield "    domain: general\n"
    if "kind" in task and "metric" not in task:
        first, *others = KINDS[task["kind"]].metrics
        yield _line("    metric", first, f"or {', '.join(others)}" if others else None)
    yield "    source:\n"
    for key, value in source.items():
        yield _line(f"      {key}", value, guess.why.get(f"source.{key}"))


def _line(key: str, value: Any, why: str | None) -> str:
    """A key with its value, and the reason at its end, or above where both are too long."""
    line = f"{key}: {_flow(value)}"
    if why is None:
        return f"{line}\n"
    why = " ".join(shown(why).split())
    if len(line) + len(why) < _WIDTH:
        return f"{line}  # {why}\n"
    return f"{' ' * (len(key) - len(key.lstrip()))}# {why}\n{line}\n"


def _flow(value: Any) -> str:
    """A value on one line of YAML."""
    plain = str(value) if isinstance(value, str) else value
    text = yaml.safe_dump(
        plain, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.removesuffix("\n").removesuffix("\n...")
