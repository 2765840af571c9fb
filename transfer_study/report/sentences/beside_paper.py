"""The paper's effects of the full mix beside a study's own, as a table for the report."""

from __future__ import annotations

import pandas as pd

from transfer_study.analysis.paper.effects import HeldEffect, hold_effects
from transfer_study.points import interval, points
from transfer_study.published import CAUTION, SOURCE
from transfer_study.study.plan import Plan

NOTE = (
    f"The effects of one model for all of these tasks that {SOURCE} published, in points, beside "
    f"those of this study, with adjusted intervals. The paper's are of {CAUTION}. Encoder, sizes "
    "of data and recipe may be others here: what agrees or not is the direction (gain, loss, or no "
    "change beyond the margin), not the size."
)


def published_table(plan: Plan, deltas: pd.DataFrame) -> pd.DataFrame | None:
    """A row for a published effect and an edge; None where the paper has none of these tasks."""
    rows = [_row(held) for held in hold_effects(plan.study, deltas)]
    if not rows:
        return None
    table = pd.DataFrame(rows)
    # What is alike in all rows is said by the report already.
    alike = [name for name in ("encoder", "reading", "variant") if table[name].nunique() == 1]
    return table.drop(columns=alike)


def _row(held: HeldEffect) -> dict[str, str]:
    alone, joint = held.published.alone, held.published.joint
    return {
        "task": joint.task,
        "encoder": held.encoder,
        "reading": str(held.reading),
        "variant": held.variant,
        "paper": joint.encoder,
        "alone": points(alone.value),
        "together": points(joint.value),
        "effect": points(held.published.value, signed=True),
        "here": points(held.delta, signed=True),
        "interval": interval(held.low, held.high, signed=True),
        "outcome": f"{held.outcome}: {held.doubt}" if held.doubt else str(held.outcome),
    }
