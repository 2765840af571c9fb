"""All tasks together, taught by the models of the tasks alone."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms.arm import TOGETHER, Arm
from transfer_study.study.builder import Reader
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    yield from read.mixture("distil", read.names, read.build.distil)


DISTIL = Arm(
    word="distil",
    label="distil",
    systems=_systems,
    options=TOGETHER,
    drawn="rings",
    title="distilled",
    note="A ring is all tasks at once, taught by the single-task models, against B alone. ",
    how="with {}, taught by the single tasks' models",
    everyone=True,
)
