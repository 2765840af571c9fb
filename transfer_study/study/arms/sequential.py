"""One task of a pair, then the other: a matter of fine-tuning alone."""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.arms.arm import Arm
from transfer_study.study.builder import Reader
from transfer_study.study.pairs import pairs_of
from transfer_study.study.reading import Reading
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    if read.reading is not Reading.FINETUNE:
        return
    finetune = read.build.finetune
    for pair in pairs_of(read.build.study):
        for source, target in (pair[::-1], pair):
            stage = finetune(target, finetune(source))
            yield read.system("sequential", (source,), target, stage, read.alone(target))


SEQUENTIAL = Arm(
    word="sequential",
    label="sequential",
    systems=_systems,
    readings=(Reading.FINETUNE,),
    of_pairs=True,
    drawn="edges",
    title="sequential",
    compared={Reading.FINETUNE: "fine-tuned after fine-tuning on A, against fine-tuning B alone"},
    how="after {}",
)
