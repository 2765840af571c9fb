"""What tasks gain in a group: measured where it was trained, else predicted from pairs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.analysis.advice.evidence import Effect
from transfer_study.analysis.advice.partition import Worth, members
from transfer_study.analysis.advice.preference import By
from transfer_study.analysis.edges import Verdict
from transfer_study.study.arms import mixes

_LOST = -1.0  # what is counted, by lower ends, for a pair of which nothing is known


@dataclass(frozen=True)
class Gain:
    """What a task gains in its group over training alone, and where that is known from.

    `evidence` is the arm that was measured, `pairs` for a prediction, empty for a task alone;
    `unknown` counts the pairs behind a prediction of which nothing is known. NaN ends where there
    is no interval.
    """

    task: str
    expected: float
    low: float
    high: float
    evidence: str
    unknown: int = 0


class JointEffects:
    """The effects of a study as joint training sees them: pairs, and whole groups.

    `not_learned` are the tasks that no model to hold partners against has learned.
    """

    def __init__(self, names: Sequence[str], found: Mapping[str, Sequence[Effect]]) -> None:
        self.names = tuple(names)
        number = {name: n for n, name in enumerate(self.names)}
        self.joint: dict[tuple[int, int], Effect] = {}  # by group and task
        for target, of_target in found.items():
            for effect in of_target:
                if mixes(effect.arm) and effect.is_known:
                    group = sum(1 << number[name] for name in (target, *effect.partners))
                    # What was measured directly comes before what was derived.
                    self.joint.setdefault((group, number[target]), effect)
        self.not_learned = tuple(
            name
            for name in self.names
            if any(effect.verdict is Verdict.NOT_LEARNED for effect in found.get(name, ()))
        )
        self.prediction_error, self.n_checked = self._checked()

    def _checked(self) -> tuple[float, int]:
        """By how much the mean of pairs misses what larger groups were measured to gain."""
        errors = [
            effect.delta - float(np.mean([pair.delta for pair in pairs]))
            for (group, task), effect in self.joint.items()
            for pairs in [self._pairs(group, task)]
            if group.bit_count() > 2 and len(pairs) == group.bit_count() - 1
        ]
        return (float(np.sqrt(np.mean(np.square(errors)))) if errors else math.nan), len(errors)

    def _pairs(self, group: int, task: int) -> list[Effect]:
        asked = (self.joint.get((1 << task | 1 << o, task)) for o in members(group) if o != task)
        return [effect for effect in asked if effect is not None]

    def worth(self, by: By) -> Worth:
        """The effects as numbers to maximise."""

        def number(effect: Effect) -> float:
            value = effect.expected if by is By.EXPECTED else effect.low
            return _LOST if math.isnan(value) else value

        n = len(self.names)
        pairs = np.full((n, n), 0.0 if by is By.EXPECTED else _LOST)
        measured: dict[int, dict[int, float]] = {}
        for (group, task), effect in self.joint.items():
            if group.bit_count() == 2:
                (other,) = (o for o in members(group) if o != task)
                pairs[other, task] = number(effect)
            else:
                measured.setdefault(group, {})[task] = number(effect)
        return Worth(pairs, measured)

    def gain(self, group: int, task: int) -> Gain:
        """What a task gains in a group, by their numbers."""
        name = self.names[task]
        partners = group.bit_count() - 1
        if not partners:
            return Gain(name, 0.0, 0.0, 0.0, "")
        if effect := self.joint.get((group, task)):
            # The interval keeps its width, around what is expected.
            return _gain(name, effect.expected, effect.reach, effect.span, effect.arm)
        pairs = self._pairs(group, task)
        unknown = partners - len(pairs)
        expected = sum(pair.expected for pair in pairs) / partners
        if unknown:
            return Gain(name, expected, math.nan, math.nan, "pairs", unknown)
        # All pairs share the single task's runs, so that their errors add up; the prediction's own
        # error, where it could be checked, comes on top.
        own = 0.0 if math.isnan(self.prediction_error) else 2 * self.prediction_error
        reach = math.hypot(float(np.mean([pair.reach for pair in pairs])), own)
        return _gain(name, expected, reach, pairs[0].span, "pairs")


def _gain(task: str, expected: float, reach: float, span: float, evidence: str) -> Gain:
    """A gain with the ends of its interval, as far as the task's metric goes."""
    low, high = max(expected - reach, -span), min(expected + reach, span)
    return Gain(task, expected, low, high, evidence)
