"""What a study's answers say: scores, and the effects that they show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from transfer_study.analysis.effects.looks import judged_deltas
from transfer_study.analysis.effects.scores import Scored, score_systems
from transfer_study.store.predictions import AnswerSource
from transfer_study.study.plan import Plan


@dataclass(frozen=True)
class Ran:
    """A plan, what its stages answered, and the ids of those that were tried in vain."""

    plan: Plan
    source: AnswerSource
    failed: Collection[str] = ()

    def under(self, protocol: str) -> Ran:
        """What follows one protocol, as a study of its own."""
        return Ran(self.plan.under(protocol), self.source, self.failed)


def tables(
    plan: Plan, source: AnswerSource, failed: Collection[str]
) -> tuple[Scored, pd.DataFrame]:
    """The scores and the deltas of a study; `failed` are ids of stages that were tried in vain.

    Of a study with looks, the deltas are each edge's at the look that decided it.
    """
    scored = score_systems(plan, source)
    return scored, judged_deltas(plan, scored.test_sets, failed)
