"""Each task alone."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms.arm import Arm
from transfer_study.study.builder import Reader
from transfer_study.study.reading import Reading
from transfer_study.study.system import System

CONTROL = "control"  # fine-tuned from its own refinement: what longer training does


def _systems(read: Reader) -> Iterator[System]:
    for target in read.names:
        yield read.alone(target)
        if read.reading is Reading.FINETUNE:
            yield read.system(CONTROL, (), target, read.joint(target))


SINGLE = Arm(
    word="single", label="single", systems=_systems, least_tasks=1, against=None, how="alone"
)
