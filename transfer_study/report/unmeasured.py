"""What a report estimates of the pairs that a study has not measured."""

from __future__ import annotations

import pandas as pd

from transfer_study.analysis.effects.scores import Scored
from transfer_study.errors import StudyError
from transfer_study.predict.unmeasured import predicted_edges
from transfer_study.report.beside import Beside
from transfer_study.study.plan import Plan


def predicted_of(
    plan: Plan, scored: Scored, edges: pd.DataFrame, beside: Beside
) -> tuple[pd.DataFrame | None, str | None]:
    """What is expected of the pairs that were not measured, or why nothing is.

    Asked for, it raises StudyError where nothing can be said.
    """
    margin = plan.study.margin
    if beside.predict:
        return predicted_edges(edges, scored.alone, margin), None
    if not plan.unmeasured or beside.so_far is not None:
        return None, None
    try:
        return predicted_edges(edges, scored.alone, margin), None
    except StudyError as error:
        return None, f"pairs that were not measured are not estimated: {error}"
