"""What pretraining does to each score: every system with it against the same one without it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pandas as pd

from transfer_study.analysis.edges import COLUMNS
from transfer_study.analysis.effects.axes import with_axes
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.study.looks import Edge
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.pretraining import started_name

_KEY = [name for name, column in COLUMNS.items() if column.key]


def pretraining_comparisons(plan: Plan) -> pd.DataFrame:
    """One row a pretrained system: its stage, and that of the bare encoder it is held against.

    Columns as of `comparison_table`; the baseline of a system is the same one, of the same seed.
    """
    bare = {(_pretrained(s.edge), s.seed): s.stage for s in plan.systems}
    metric = {task.name: str(task.metric) for task in plan.study.tasks}
    rows = []
    for s in plan.systems:
        if (baseline := bare.get((s.edge, s.seed))) is not None:
            about = {name: getattr(s, name) for name in _KEY if name not in ("metric", "over")}
            about |= {"metric": metric[s.target], "over": "", "reading": str(s.reading)}
            rows.append({**about, "seed": s.seed, "stage": s.stage.id, "baseline": baseline.id})
    columns = [*_KEY, "seed", "stage", "baseline"]
    return with_axes(plan, pd.DataFrame(rows, columns=columns), "target")


def _pretrained(edge: Edge) -> Edge:
    return edge.model_copy(update={"encoder": started_name(edge.encoder, pretrained=True)})


def pretraining_table(
    plan: Plan, test_sets: Mapping[str, TestSet], failed: Collection[str]
) -> pd.DataFrame:
    """The gain by pretraining, one row a system; columns and verdicts as of `deltas`.

    `baseline` is the score of the bare encoder, `encoder` the name of the pretrained one. Empty
    where the study does not hold one against the other.
    """
    return deltas(pretraining_comparisons(plan), test_sets, Judgement.of(plan.study), failed)
