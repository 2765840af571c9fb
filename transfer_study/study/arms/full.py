"""All tasks together."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms.arm import TOGETHER, Arm
from transfer_study.study.builder import Reader
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    yield from read.mixture("full", read.names)


FULL = Arm(
    word="full",
    label="full",
    systems=_systems,
    mixes=("full",),
    options=TOGETHER,
    drawn="rings",
    how="with all others, {}",
    everyone=True,
)
