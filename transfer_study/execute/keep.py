"""What a run leaves: its results and, where a child wants them, its weights.

A stage whose weights are wanted later is run again. On one type of processor, with one set of
library versions, it is the same run to the byte. On others it begins with differences of rounding,
which learning may enlarge. The run *agrees* with the committed one where it chose the same epochs
and gives every test answer within `TOLERANCE`; of pretraining, every loss of held-out texts.

A run that does not agree is another attempt at the same stage: of the same recipe and seed, and as
good as the first, but not the one whose scores are told. Committed bytes never change, so the first
attempt's results stay. The weights of the other are kept with all that this attempt says and
answers (`again/` in their folder), children start from them, and their provenance names the attempt
and how much of it was alike.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from transfer_study.execute.answers import write_answers
from transfer_study.learn.models.model import save_body, save_heads
from transfer_study.learn.models.soft import Learner, handed_on
from transfer_study.learn.train import Learned
from transfer_study.store.alike import is_alike
from transfer_study.store.chosen import history
from transfer_study.store.predictions import StoredAnswers, epoch_split
from transfer_study.store.storage.file_system import FileSystem, make_folders
from transfer_study.store.store import AGAIN, STAGE, Store
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.stage import Stage

# How far a probability, or a share of a value or loss, may be off between two processors.
TOLERANCE = {Precision.FLOAT32: 1e-3, Precision.BFLOAT16: 2e-2}


@dataclass(frozen=True)
class Attempt:
    """What one run of a stage has come to, and with what, where and at what cost.

    `alike` is by task the share of test answers like those of the run that was first; empty where
    this one was, or agrees with it.
    """

    stage: Stage
    model: Learner
    learned: Learned
    provenance: dict[str, Any]
    alike: dict[str, float] = field(default_factory=dict)


def keep(attempt: Attempt, store: Store, *, keep_model: bool) -> Attempt:
    """Commit what was learned, and the weights where a child wants them.

    Returns the attempt with how far it is alike.
    """
    stage = attempt.stage
    with store.attempt(stage) as folder:
        write_attempt(store.disk, folder, attempt)
        first = store.commit(stage, folder)
    if not first:
        attempt = replace(attempt, alike=_compare(stage, store, attempt.learned))
    if keep_model:
        with store.attempt(stage) as weights:
            for folder, part in handed_on(attempt.model, weights).items():
                save_body(part, folder)
                if len(part.heads):
                    save_heads(part, folder)
            write_again(store.disk, weights, attempt)
            store.commit_model(stage, weights)
    return attempt


def write_again(disk: FileSystem, folder: Path, attempt: Attempt) -> None:
    """Beside a model, what its run says and answers where that is not what was committed."""
    if attempt.alike:
        write_attempt(disk, folder / AGAIN, attempt)


def write_attempt(disk: FileSystem, folder: Path, attempt: Attempt) -> None:
    """Write all that a run says and answers, weights excepted, as a stage's folder has it."""
    stage, learned = attempt.stage, attempt.learned
    make_folders(disk, folder)
    for (name, split), answers in learned.predictions.items():
        write_answers(disk, folder, stage, name, split, answers)
    for (name, epoch), answers in learned.every_epoch.items():
        write_answers(disk, folder, stage, name, epoch_split(epoch), answers)
    lines = "".join(json.dumps(epoch) + "\n" for epoch in learned.history)
    disk.write(folder / "history.jsonl", lines.encode())
    ended_early = len(learned.history) < stage.recipe.epochs
    record = {
        "id": stage.id,
        "family": stage.family,
        "pre_image": stage.pre_image,
        "encoder": stage.encoder.name,
        "domains": {member.task.name: member.task.domain for member in stage.tasks},
        "selected_epoch": learned.selected,
        "handed_on_epoch": learned.handed_on,
        **({"ended_after": len(learned.history)} if ended_early else {}),
        "provenance": attempt.provenance,
        **({"alike": attempt.alike} if attempt.alike else {}),
    }
    disk.write(folder / STAGE, (json.dumps(record, indent=1) + "\n").encode())


def _compare(stage: Stage, store: Store, learned: Learned) -> dict[str, float]:
    """By task the share of answers like the committed ones; empty where the two runs agree."""
    tolerance = TOLERANCE[stage.recipe.precision]
    committed = store.record(stage)
    shares = {}
    for member in stage.tasks:
        task, now = member.task, learned.predictions[member.task.name, "test"]
        before = StoredAnswers(store).answers(stage, task)
        same = [
            is_alike(task, label, scores, before, n, tolerance)
            for n, (label, scores) in enumerate(zip(now.labels, now.scores, strict=True))
        ]
        shares[task.name] = float(np.mean(same))
    if stage.masked_texts is not None:
        for name in learned.history[0]["dev"]:
            was = np.array([epoch.dev[name] for epoch in history(store, stage)])
            losses = np.array([epoch["dev"][name] for epoch in learned.history])
            n = min(len(was), len(losses))  # with patience one run may have ended before the other
            like = np.abs(losses[:n] - was[:n]) <= tolerance * was[:n]
            shares[name] = float(like.sum() / max(len(was), len(losses)))
    chosen = (learned.selected, learned.handed_on)
    same_epochs = chosen == (committed.selected_epoch, committed.handed_on_epoch)
    return {} if same_epochs and min(shares.values()) == 1 else shares
