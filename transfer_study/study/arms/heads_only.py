"""A head on the frozen encoder of a pair, against one on the encoder of the target alone.

That is the refinement of the target, in the fine-tune reading the bare encoder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from transfer_study.study.arms.arm import TOGETHER, Arm
from transfer_study.study.builder import Reader
from transfer_study.study.pairs import pairs_of
from transfer_study.study.reading import Reading
from transfer_study.study.system import System


def _systems(read: Reader) -> Iterator[System]:
    heads, refine = read.build.heads, read.build.refine
    pairs = list(pairs_of(read.build.study))
    baselines: dict[str, System] = {}
    for target in dict.fromkeys(name for pair in pairs for name in pair):
        refined = read.reading is Reading.REFINE
        stage = heads(target, refine(target)) if refined else heads(target)
        alone = read.system("heads-only", (), target, stage)
        baselines[target] = replace(alone, alone=True)
    yield from baselines.values()
    for pair in pairs:
        joint = refine(*pair)
        for source, target in (pair[::-1], pair):
            stage = heads(target, joint)
            yield read.system("heads-only", (source,), target, stage, baselines[target])


_COMPARED = "a head on the frozen encoder that A and B refined, against one on {} encoder"
HEADS_ONLY = Arm(
    word="heads-only",
    label="heads-only",
    systems=_systems,
    of_pairs=True,
    start_options=TOGETHER,
    section="heads",
    against="own",
    drawn="edges",
    title="heads only",
    compared={
        Reading.REFINE: _COMPARED.format("its own"),
        Reading.FINETUNE: _COMPARED.format("the bare"),
    },
)
