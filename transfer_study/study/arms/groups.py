"""Sets of tasks that a study names, each learned together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from transfer_study.study.arms.arm import TOGETHER, Arm
from transfer_study.study.builder import Reader
from transfer_study.study.system import System

if TYPE_CHECKING:
    from transfer_study.study.study import Study


def _sets(study: Study) -> Mapping[str, tuple[str, ...]]:
    return study.groups


def _systems(read: Reader) -> Iterator[System]:
    for name, members in read.build.study.groups.items():
        yield from read.mixture(group_label(name), tuple(n for n in read.names if n in members))


def group_label(name: str) -> str:
    """What a named group is called in tables."""
    return f"{GROUPS.label}:{name}"


def group_of(label: str) -> str | None:
    """The group that a label of tables names; None for any other arm."""
    arm, _, name = label.partition(":")
    return name if arm == GROUPS.label and name else None


GROUPS = Arm(
    word="groups",
    label="group",
    systems=_systems,
    sets=_sets,
    mixes=("group",),
    options=TOGETHER,
    drawn="rings",
    title="group",
    note="The group, {}, is trained at once, against each of them alone. ",
)
