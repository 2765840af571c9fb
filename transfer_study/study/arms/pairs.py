"""Every two tasks together, and the controls that the study holds them against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from transfer_study.study.arms.arm import TOGETHER, Arm
from transfer_study.study.builder import Reader
from transfer_study.study.pairs import pairs_of
from transfer_study.study.reading import Reading
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    controls: list[System] = []
    for pair in pairs_of(read.build.study):
        for system in read.mixture("pair", pair):
            own = tuple(control.system(read, system) for control in read.build.study.controls)
            controls += own
            yield replace(system, controls=own)
    # One of the target alone is the same whatever the partner.
    for control in {(c.arm, c.source, c.target): c for c in controls}.values():
        baseline = control.baseline
        if baseline is not None and baseline.arm == control.arm:
            yield baseline
        yield control


PAIRS = Arm(
    word="pairs",
    label="pair",
    systems=_systems,
    of_pairs=True,
    mixes=("pair",),
    options=TOGETHER,
    drawn="edges",
    compared={
        Reading.REFINE: "trained jointly with A, against the same recipe on B alone",
        Reading.FINETUNE: ("fine-tuned after joint training with A, against fine-tuning B alone"),
    },
)
