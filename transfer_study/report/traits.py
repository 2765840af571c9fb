"""The traits of a study's test examples: from its data, or as an earlier report kept them.

Numbers by example, no ids and no texts, so that who has the predictions but not the corpora gets
the same tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from transfer_study.analysis.meaning.answered import UNSEEN, WORDS, overlap
from transfer_study.analysis.meaning.table import MOST
from transfer_study.data.splits import TaskData, load_planned_once
from transfer_study.data.traits import lengths, overlaps, unseen_mentions
from transfer_study.errors import DataError
from transfer_study.metrics.rows import Floats
from transfer_study.report.tables.kept_table import read_kept
from transfer_study.study.arms import Control
from transfer_study.study.frozen import content_hash
from transfer_study.study.plan import Plan
from transfer_study.study.stage import StageTask

TRAITS_FILE = "traits.parquet"
Traits = Mapping[str, Mapping[str, Floats]]  # by target and trait
_KEY = ["task", "trait", "of"]


def traits_of(plan: Plan, results: Path) -> Traits:
    """The traits of the test examples of all targets that are compared with something.

    What is known of these very data is read from the results folder; the rest is found in the data
    where they are at hand, and is not there where they are not.
    """
    file = results / TRAITS_FILE
    kept = _read(file) if file.exists() else {}
    members = _members(plan)
    found: dict[str, dict[str, Floats]] = {}
    for target, trait, partners in _wanted(plan, members):
        values = kept.get((target, trait, _of(members, target, trait, partners)))
        values = _find(members, target, trait, partners) if values is None else values
        if values is not None:
            found.setdefault(target, {})[trait] = values
    return found


def keep_traits(plan: Plan, traits: Traits, results: Path) -> None:
    """Keep the traits in the results folder."""
    members = _members(plan)
    rows = [
        (target, trait, _of(members, target, trait, partners), traits[target][trait])
        for target, trait, partners in _wanted(plan, members)
        if trait in traits.get(target, {})
    ]
    if rows:
        table = pd.DataFrame(rows, columns=[*_KEY, "values"])
        table.to_parquet(results / TRAITS_FILE, index=False)


def _read(file: Path) -> dict[tuple[str, str, str], Floats]:
    table = read_kept(file)
    keys = table[_KEY].itertuples(index=False, name=None)
    return {key: np.asarray(v, np.float64) for key, v in zip(keys, table["values"], strict=True)}


def _members(plan: Plan) -> dict[str, StageTask]:
    """Each task with its data, of several sizes the largest."""
    members: dict[str, StageTask] = {}
    for stage in plan:
        for member in stage.tasks:
            if member.task.transform is None:
                known = members.setdefault(member.task.name, member)
                if member.data.train.n > known.data.train.n:
                    members[member.task.name] = member
    return members


def _wanted(
    plan: Plan, members: Mapping[str, StageTask]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Targets, traits and the partners that these are of."""
    compared = [s for s in plan.systems if s.baseline is not None and s.arm not in Control.known]
    for target in dict.fromkeys(system.target for system in compared):
        yield target, WORDS, ()
        if members[target].task.kind.words:
            yield target, UNSEEN, ()
    ends = dict.fromkeys((s.target, s.source, s.sources) for s in compared)
    # Of more edges than are looked into, the words of each would be compared for nothing.
    for target, source, partners in ends if len(ends) <= MOST else ():
        yield target, overlap(source), partners


def _of(
    members: Mapping[str, StageTask], target: str, trait: str, partners: tuple[str, ...]
) -> str:
    """What names the data that a trait is of."""
    own = members[target].data
    train = [own.train.sha256] if trait == UNSEEN else []
    return content_hash(
        [own.test.sha256, *train, *(members[p].data.train.sha256 for p in partners)]
    )


def _find(
    members: Mapping[str, StageTask], target: str, trait: str, partners: tuple[str, ...]
) -> Floats | None:
    try:
        data = load_planned_once(members[target])
        others: list[TaskData] = [load_planned_once(members[partner]) for partner in partners]
    except (DataError, OSError):
        return None
    if trait == WORDS:
        return lengths(data)
    return unseen_mentions(data) if trait == UNSEEN else overlaps(data, others)
