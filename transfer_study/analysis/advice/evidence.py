"""What a table of edges says of each way to train a task: the effects that advice weighs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import SIZE, Verdict, raw_edges, repeated
from transfer_study.analysis.effects.deltas import verdict_of
from transfer_study.analysis.effects.uncertainty import Interval
from transfer_study.metrics import score_span
from transfer_study.study.arms import FULL, LEAVE_ONE_OUT, SINGLE, WITHOUT, is_against_single
from transfer_study.study.joined import apart
from transfer_study.study.margin import Margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one way to train a task adds to its score over training it alone; fractions of 1.

    `partners` are the other tasks of the model, `low` to `high` the adjusted interval at confidence
    1 - `level`, NaN where there is none that says anything. `expected` is `delta` drawn towards
    zero (see `shrunk`). `seed_sd`, `score_sd`, the degrees of freedom `lent` to them by other
    models there, `example_error` and `n_documents` are what it takes to say what would settle it;
    no effect is larger than `span`.
    """

    arm: str
    partners: tuple[str, ...]
    delta: float
    low: float
    high: float
    level: float
    expected: float
    seed_sd: float
    score_sd: float
    lent: float
    example_error: float
    n_seeds: int
    n_baseline_seeds: int
    n_documents: int
    span: float
    margin: float
    verdict: Verdict

    @property
    def reach(self) -> float:
        """Half the width of the adjusted interval, but for what is cut off as impossible."""
        return max(self.high - self.delta, self.delta - self.low)

    @property
    def error(self) -> float:
        """The standard error of `delta`."""
        seeds = self.seed_sd / math.sqrt(self.n_seeds) if self.n_seeds else math.nan
        return math.hypot(seeds, self.example_error)

    @property
    def is_known(self) -> bool:
        """Whether it was run with all seeds, against a model that has learned."""
        return self.verdict not in (Verdict.FAILED, Verdict.NOT_RUN, Verdict.NOT_LEARNED)


ALONE = Effect(
    arm=SINGLE.label,
    partners=(),
    delta=0.0,
    low=0.0,
    high=0.0,
    level=1.0,
    expected=0.0,
    seed_sd=0.0,
    score_sd=0.0,
    lent=0.0,
    example_error=0.0,
    n_seeds=0,
    n_baseline_seeds=0,
    n_documents=0,
    span=0.0,
    margin=0.0,
    verdict=Verdict.EQUIVALENT,
)


def effects(edges: pd.DataFrame, margin: Margin) -> dict[str, list[Effect]]:
    """The effects on each target, in the order of the table: edges of one encoder and reading.

    The mixes without one task count as far as the full mix tells their distance from the single
    task. Heads on a frozen encoder are held against such heads alone, so they have no place here.
    """
    found: dict[str, list[Effect]] = {}
    left_out: dict[str, list[Effect]] = {}
    raw = raw_edges(edges)
    raw = raw[~repeated(raw)]
    for row in raw.to_dict("records"):
        arm, target = str(row["arm"]), str(row["target"])
        if is_against_single(arm):
            found.setdefault(target, []).append(_effect(row, margin))
        elif arm == LEAVE_ONE_OUT.label:
            left_out.setdefault(target, []).append(_effect(row, margin))
    for target, rows in left_out.items():
        full = next((e for e in found.get(target, ()) if e.arm == FULL.label), None)
        if full is not None:
            found[target] += [_without(full, one) for one in rows]
    return shrunk(found)


def _effect(row: dict[Any, Any], margin: Margin) -> Effect:
    delta, n_seeds = float(row["delta"]), int(row["n_seeds"])
    return Effect(
        arm=str(row["arm"]),
        partners=apart(str(row["source"])),
        delta=delta,
        low=float(row["adjusted_low"]),
        high=float(row["adjusted_high"]),
        level=float(row["level"]),
        expected=delta,
        seed_sd=float(row["seed_sd"]),
        score_sd=float(row["score_sd"]),
        lent=max(float(row["seed_freedom"]) - (n_seeds - 1), 0.0),
        example_error=float(row["example_error"]),
        n_seeds=n_seeds,
        n_baseline_seeds=int(row["n_baseline_seeds"]),
        n_documents=int(row["n_documents"]),
        span=score_span(str(row["metric"])),
        margin=margin.of(float(row["baseline"])),
        verdict=Verdict(str(row["verdict"])),
    )


def _without(full: Effect, left_out: Effect) -> Effect:
    """The mix of all but one task, from the full mix and what that one task adds to it.

    The errors of the two are added, which is enough however they depend on each other.
    """
    delta = full.delta - left_out.delta
    reach = full.reach + left_out.reach
    low, high = max(delta - reach, -full.span), min(delta + reach, full.span)
    interval = Interval(delta, low, high, math.nan)
    absent = [e.verdict for e in (full, left_out) if not e.is_known]
    return replace(
        full,
        arm=WITHOUT,
        partners=tuple(p for p in full.partners if p not in left_out.partners),
        delta=delta,
        low=interval.low,
        high=interval.high,
        expected=delta,
        seed_sd=full.seed_sd + left_out.seed_sd,
        lent=min(full.lent, left_out.lent),
        n_baseline_seeds=full.n_seeds,  # the mixes without one have no further seeds
        example_error=full.example_error + left_out.example_error,
        verdict=absent[0] if absent else verdict_of(interval, full.margin),
    )


def shrunk(found: dict[str, list[Effect]]) -> dict[str, list[Effect]]:
    """The effects with their expectation, since the best of many is good by luck as well.

    Effects are taken to scatter around zero with a variance t², each measured with its own error e:
    the expectation of one is delta * t² / (t² + e²). t² is estimated from all of them, as the mean
    of delta² - e² (at least 0). With one seed nothing tells luck from effect: the measured value
    stands.
    """
    known = [
        e
        for of_target in found.values()
        for e in of_target
        if e.is_known and not math.isnan(e.error)
    ]
    spread = max(float(np.mean([e.delta**2 - e.error**2 for e in known])), 0.0) if known else 0.0
    return {
        target: [_towards_zero(e, spread) for e in of_target] for target, of_target in found.items()
    }


def _towards_zero(effect: Effect, spread: float) -> Effect:
    total = spread + effect.error**2
    return replace(effect, expected=effect.delta * spread / total) if total > 0 else effect


def by_system(edges: pd.DataFrame) -> list[tuple[tuple[str, str, str], pd.DataFrame]]:
    """The edges of each encoder, reading and variant of the recipe, empty where there is none."""
    keyed = edges if "variant" in edges else edges.assign(variant="")
    grouped = keyed.groupby(["encoder", "reading", "variant"], sort=False)
    return [((str(e), str(r), str(v)), rows) for (e, r, v), rows in grouped]


def sizes_of(edges: pd.DataFrame) -> dict[str, int]:
    """The training size of each target of several, where there are edges of one size a target."""
    if SIZE not in edges:
        return {}
    sized = edges[edges[SIZE].notna()]
    return {str(t): int(n) for t, n in zip(sized["target"], sized[SIZE], strict=True)}


def listed(names: Sequence[str]) -> str:
    """Names as one lists them in a sentence."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
