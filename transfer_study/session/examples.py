"""Which test examples an edge changes: what runs together answer otherwise than runs alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transfer_study.data.splits import TaskData, load_planned_once
from transfer_study.errors import DataError, StudyError
from transfer_study.metrics.rows import Floats
from transfer_study.session.places import Places
from transfer_study.session.stored import answer_source
from transfer_study.store.label_text import label_to_text
from transfer_study.study.looks import Edge
from transfer_study.study.plan import Plan
from transfer_study.study.spelling import choices
from transfer_study.study.system import System
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds.tagging import mentions


@dataclass(frozen=True)
class EdgeRequest:
    """An edge by its ends, and by as much else as tells it from others; sources joined by `+`."""

    source: str
    target: str
    arm: str | None = None
    encoder: str | None = None
    reading: str | None = None
    variant: str | None = None
    size: int | None = None

    def of(self, plan_: Plan) -> list[System]:
        """The runs of the one edge that is meant; raises StudyError where there is none or more."""
        compared = [system for system in plan_.systems if system.baseline is not None]
        targets = list(dict.fromkeys(system.target for system in compared))
        if self.target not in targets:
            raise StudyError(f"found the target {self.target!r}; {choices(self.target, targets)}")
        those = [system for system in compared if system.target == self.target]
        sources = list(dict.fromkeys(system.source for system in those))
        if self.source not in sources:
            raise StudyError(
                f"found the source {self.source!r} of {self.target}; "
                f"{choices(self.source, sources)}"
            )
        those = [system for system in those if system.source == self.source]
        for name in ("arm", "encoder", "reading", "variant", "size"):
            asked = getattr(self, name)
            known = list(dict.fromkeys(getattr(system, name) for system in those))
            if asked is None and len(known) > 1:
                listed = ", ".join(map(str, known))
                raise StudyError(
                    f"{self.source} on {self.target} stands in several edges; say which with "
                    f"--{name}, one of {listed}"
                )
            if asked is not None and asked not in known:
                allowed = choices(str(asked), map(str, known))
                raise StudyError(f"--{name}: found {str(asked)!r}; {allowed}")
            those = [system for system in those if asked in (None, getattr(system, name))]
        return those


def changed_examples(
    plan_: Plan, places: Places, asked: EdgeRequest, *, texts: bool = False
) -> tuple[Edge, int, pd.DataFrame]:
    """The edge, how many seeds it has, and its test examples by how often answers change.

    One row an example of which runs alone and together are not right equally often: `id`,
    `document`, `gold`, the most frequent answer `alone` and `together`, the shares of seeds that
    are right, `right_alone` and `right_together`, and, where asked for, its `text`. Of numbers,
    whose answers always differ, the shares are of answers nearer to gold than the other arm's.
    Raises StudyError where nothing was run, and DataError where texts are not at hand.
    """
    source = answer_source(plan_, places)
    runs = [
        (system, system.baseline)
        for system in asked.of(plan_)
        if system.baseline is not None
        and source.has(system.stage)
        and source.has(system.baseline.stage)
    ]
    if not runs:
        raise StudyError(f"no run of {asked.source} on {asked.target} is there yet; run the study")
    first = runs[0][0]
    known = source.answers(first.stage, first.task)
    arms = [
        [source.answers(one.stage, one.task).predicted for one in arm]
        for arm in zip(*runs, strict=True)
    ]
    together, alone = arms
    right = _right(known.gold, together, alone), _right(known.gold, alone, together)
    data = _data(first, known.ids) if texts else None
    tagged = first.task.kind.words
    words = None
    if tagged:
        words = [e.text for e in data.test] if data else [()] * len(known.ids)
    table = pd.DataFrame(
        {
            "id": known.ids,
            "document": known.documents,
            "gold": _told(known.gold, words),
            "alone": _told(_usual(alone), words),
            "together": _told(_usual(together), words),
            "right_alone": right[1],
            "right_together": right[0],
        }
    )
    if data is not None:
        texts_of = first.task.kind.texts
        table["text"] = [(" " if tagged else " | ").join(texts_of(e)) for e in data.test]
    change = (table["right_together"] - table["right_alone"]).abs()
    order = change[change > 0].sort_values(ascending=False, kind="stable").index
    return first.edge, len(runs), table.loc[order].reset_index(drop=True)


def _data(run: System, ids: Sequence[str]) -> TaskData:
    data = load_planned_once(next(m for m in run.stage.tasks if m.task.name == run.task.name))
    if [example.id for example in data.test] != list(ids):
        raise DataError(f"the test examples of {run.target} are not those that were answered")
    return data


def _right(
    gold: Sequence[Label], answers: Sequence[Sequence[Label]], others: Sequence[Sequence[Label]]
) -> Floats:
    """The share of runs that are right of each example; of numbers, nearer than the other arm."""
    if isinstance(gold[0], float):
        apart = np.abs(np.array(answers, dtype=float) - np.array(gold, dtype=float))
        theirs = np.abs(np.array(others, dtype=float) - np.array(gold, dtype=float))
        nearer: Floats = (apart < theirs).mean(axis=0)
        return nearer
    shares: Floats = np.mean(
        [[a == g for a, g in zip(of, gold, strict=True)] for of in answers], axis=0
    )
    return shares


def _usual(answers: Sequence[Sequence[Label]]) -> list[Label]:
    return [Counter(of_run).most_common(1)[0][0] for of_run in zip(*answers, strict=True)]


def _told(labels: Sequence[Label], words: Sequence[Sequence[str]] | None) -> list[str]:
    """Labels as people read them; of tags the mentions, by their words or places."""
    if words is None:
        return list(map(label_to_text, labels))
    said = zip(labels, words, strict=True)
    return ["; ".join(_mentions(tags, of)) for tags, of in said if isinstance(tags, tuple)]


def _mentions(tags: tuple[str, ...], words: Sequence[str]) -> Iterator[str]:
    for name, first, end in mentions(tags):
        places = f"word {end}" if end == first + 1 else f"words {first + 1} to {end}"
        yield f"{' '.join(words[first:end]) or places} ({name})"
