"""Pairs with an encoder a task, tied by a penalty."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms.arm import Arm
from transfer_study.study.builder import Reader
from transfer_study.study.pairs import pairs_of
from transfer_study.study.reading import Reading
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    for pair in pairs_of(read.build.study):
        yield from read.mixture("soft", pair, read.build.soft)


SOFT = Arm(
    word="soft",
    label="soft",
    systems=_systems,
    of_pairs=True,
    options=("mixing",),
    one_model=(Reading.FINETUNE,),  # before, there is an encoder a task
    drawn="edges",
    title="soft sharing",
    compared={
        Reading.REFINE: "trained beside A, their two encoders tied by a penalty, against B alone",
        Reading.FINETUNE: (
            "fine-tuned after training beside A, their two encoders tied by a penalty, against B "
            "alone"
        ),
    },
    how="beside {}, with tied encoders",
)
