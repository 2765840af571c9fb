"""What pretraining does to each score: every system with it against the same one without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from transfer_study.analysis.deltas import EDGE, deltas
from transfer_study.analysis.judgement import Judgement
from transfer_study.analysis.replicates import TestSet
from transfer_study.spec.plan import Plan
from transfer_study.spec.pretraining import SUFFIX


def pretraining_comparisons(plan: Plan) -> pd.DataFrame:
    """One row a pretrained system: its stage, and that of the bare encoder it is held against.

    Columns as of `comparison_table`; the baseline of a system is the same arm, sources and seed.
    """
    bare = {
        (s.encoder + SUFFIX, s.reading, s.arm, s.sources, s.target, s.seed): s.stage
        for s in plan.systems
    }
    metric = {task.name: str(task.metric) for task in plan.study.tasks}
    rows = []
    for s in plan.systems:
        baseline = bare.get((s.encoder, s.reading, s.arm, s.sources, s.target, s.seed))
        if baseline is not None:
            edge = (s.encoder, s.source, s.target, str(s.arm), str(s.reading), metric[s.target])
            rows.append((*edge, "", s.seed, s.stage.id, baseline.id))
    return pd.DataFrame(rows, columns=[*EDGE, "seed", "stage", "baseline"])


def pretraining_table(
    plan: Plan, test_sets: Mapping[str, TestSet], failed: Collection[str]
) -> pd.DataFrame:
    """The gain by pretraining, one row a system; columns and verdicts as of `deltas`.

    `baseline` is the score of the bare encoder, `encoder` the name of the pretrained one. Empty
    where the study does not hold one against the other.
    """
    return deltas(pretraining_comparisons(plan), test_sets, Judgement.of(plan.study), failed)
