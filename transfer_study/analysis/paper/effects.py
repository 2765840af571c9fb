"""The effects of the full mix that the original study published, beside a study's own.

Only a mix of the same tasks is held against it. Encoder, data and recipe are mostly others, so that
what agrees is the direction: a gain, a loss, or no change beyond the study's margin.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from transfer_study.analysis.edges import DECIDED, VARIANT, Verdict, raw_edges
from transfer_study.analysis.graph.views import at_size
from transfer_study.analysis.paper.agreement import Agreement
from transfer_study.published import PublishedScore, SystemKind, published_encoder, published_scores
from transfer_study.study.arms import FULL
from transfer_study.study.margin import Margin
from transfer_study.study.reading import Reading
from transfer_study.study.study import Study

_SYSTEM = {Reading.REFINE: SystemKind.REFINEMENT, Reading.FINETUNE: SystemKind.FINE_TUNE}


@dataclass(frozen=True, slots=True)
class PublishedEffect:
    """What the paper's mix of tasks did to one of them, by its tables."""

    alone: PublishedScore
    joint: PublishedScore

    @property
    def value(self) -> float:
        """The joint model's score less that of the task alone, both of three decimals."""
        return round(self.joint.value - self.alone.value, 3)

    @property
    def is_of_one_metric(self) -> bool:
        """Whether both scores are in the same metric, so that their difference is an effect."""
        return self.joint.metric == self.alone.metric

    def expected(self, margin: Margin) -> Verdict:
        """What a study would find of this effect if it were the true one."""
        size = margin.of(self.alone.value)
        if abs(self.value) <= size:
            return Verdict.EQUIVALENT
        return Verdict.GAIN if self.value > 0 else Verdict.LOSS


@dataclass(frozen=True, slots=True)
class HeldEffect:
    """A published effect beside an edge of the full mix; `doubt` says why they do not compare."""

    published: PublishedEffect
    encoder: str
    reading: Reading
    variant: str
    delta: float
    low: float
    high: float
    outcome: Agreement
    doubt: str


def published_effects(system: SystemKind, tasks: frozenset[str]) -> Iterator[PublishedEffect]:
    """The paper's effects of learning just these tasks together, of every encoder that has them."""
    scores = published_scores()
    alone = {(s.encoder, s.task): s for s in scores if s.system is SystemKind.SINGLE}
    for score in scores:
        own = alone.get((score.encoder, score.task))
        if score.system is system and score.mix == tasks and own is not None:
            yield PublishedEffect(own, score)


def hold_effects(study: Study, deltas: pd.DataFrame) -> list[HeldEffect]:
    """Hold the full mix of a study against the paper's of the same tasks; empty where it has none.

    An encoder of the paper's is held against its own effects, any other against those of all.
    """
    if FULL not in study.arms:
        return []
    paper = {encoder.name: published_encoder(encoder) for encoder in study.encoders}
    tasks = frozenset(task.name for task in study.tasks)
    full = at_size(deltas, None)
    full = raw_edges(full[full["arm"] == FULL.label])
    return [
        _held(effect, row, study.margin)
        for row in full.to_dict("records")
        for effect in published_effects(_SYSTEM[Reading(row["reading"])], tasks)
        if effect.joint.task == row["target"]
        and paper.get(row["encoder"]) in (None, effect.joint.encoder)
    ]


def _held(effect: PublishedEffect, row: Mapping[Hashable, Any], margin: Margin) -> HeldEffect:
    verdict = Verdict(row["verdict"])
    doubt = ""
    if not effect.is_of_one_metric:
        doubt = f"the paper's scores are {effect.joint.metric} beside {effect.alone.metric}"
    if doubt or verdict not in DECIDED:
        outcome = Agreement.CANNOT_DECIDE
    else:
        agrees = verdict is effect.expected(margin)
        outcome = Agreement.AGREES if agrees else Agreement.DISAGREES
    return HeldEffect(
        effect,
        encoder=str(row["encoder"]),
        reading=Reading(row["reading"]),
        variant=str(row.get(VARIANT, "")),
        delta=float(row["delta"]),
        low=float(row["adjusted_low"]),
        high=float(row["adjusted_high"]),
        outcome=outcome,
        doubt=doubt,
    )
