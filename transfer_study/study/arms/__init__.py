"""The arms and controls of studies, one file an arm, in the order of tables."""

from transfer_study.study.arms.arm import (
    TOGETHER,
    Arm,
    arm_of,
    is_against_single,
    is_edge,
    mixes,
    source_text,
)
from transfer_study.study.arms.controls import MATCHED, PLACEBO, SELF, Control
from transfer_study.study.arms.distil import DISTIL
from transfer_study.study.arms.full import FULL
from transfer_study.study.arms.groups import GROUPS, group_label
from transfer_study.study.arms.heads_only import HEADS_ONLY
from transfer_study.study.arms.leave_one_out import LEAVE_ONE_OUT, WITHOUT
from transfer_study.study.arms.pairs import PAIRS
from transfer_study.study.arms.sequential import SEQUENTIAL
from transfer_study.study.arms.single import CONTROL, SINGLE
from transfer_study.study.arms.soft import SOFT

USUAL_ARMS = ("single", "full", "pairs")  # those of a study that says none

Arm.add(SINGLE, PAIRS, FULL, GROUPS, SEQUENTIAL, LEAVE_ONE_OUT, HEADS_ONLY, SOFT, DISTIL)
Control.add(PLACEBO, SELF, MATCHED)

__all__ = [
    "CONTROL",
    "DISTIL",
    "FULL",
    "GROUPS",
    "HEADS_ONLY",
    "LEAVE_ONE_OUT",
    "PAIRS",
    "SEQUENTIAL",
    "SINGLE",
    "SOFT",
    "TOGETHER",
    "USUAL_ARMS",
    "WITHOUT",
    "Arm",
    "Control",
    "arm_of",
    "group_label",
    "is_against_single",
    "is_edge",
    "mixes",
    "source_text",
]
