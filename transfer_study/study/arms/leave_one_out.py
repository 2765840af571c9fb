"""The mix of all tasks against the mix of all but one: the worth of that one to the others."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms.arm import TOGETHER, Arm
from transfer_study.study.builder import Reader
from transfer_study.study.reading import Reading
from transfer_study.study.system import System

WITHOUT = "without"  # the label of the mix of all but one


def _systems(read: Reader) -> Iterator[System]:
    for target in read.names:
        others = tuple(n for n in read.names if n != target)
        everything = read.joint(target, *others)
        for left_out in others:
            rest = tuple(n for n in others if n != left_out)
            without = read.system(WITHOUT, rest, target, read.joint(target, *rest))
            yield without
            yield read.system("leave-one-out", (left_out,), target, everything, without)


LEAVE_ONE_OUT = Arm(
    word="leave-one-out",
    label="leave-one-out",
    systems=_systems,
    least_tasks=3,
    against="others",
    mixes=(WITHOUT,),
    options=TOGETHER,
    drawn="edges",
    title="leave-one-out",
    number="score",
    compared={
        Reading.REFINE: "trained with all tasks, against all tasks but A",
        Reading.FINETUNE: (
            "fine-tuned after joint training with all tasks, against all tasks but A"
        ),
    },
    note="The score of a task is its score with all tasks. ",
)
