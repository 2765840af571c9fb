"""What a study says of the published scores and claims: it agrees, disagrees or cannot decide.

Three values, not two: a claim over several edges holds where every edge bears it out, fails where
one contradicts it, and is open as long as an edge that could tip it is. Scores are those of a
model, so only the same encoder and the same set of tasks measure them; the claims of Figure 2 are
about tasks, so every encoder does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from transfer_study.analysis.deltas import Verdict
from transfer_study.analysis.intervals import no_interval_of_scores
from transfer_study.analysis.systems import Row, cut_splits, mix_of, seed_values, system_rows
from transfer_study.analysis.uncertainty import Interval, paired_t
from transfer_study.errors import StudyError
from transfer_study.metrics import score_span
from transfer_study.published import (
    SOURCE,
    Claim,
    Effect,
    PublishedScore,
    claims,
    corpora,
    published_scores,
)
from transfer_study.spec.frozen import Word
from transfer_study.spec.plan import Plan
from transfer_study.spec.study import Reading, Study

_POINT = 0.01
_ROUNDING = 0.0005  # the paper's scores have three decimals
_OPEN = (Verdict.UNDECIDED, Verdict.NOT_LEARNED, Verdict.FAILED, Verdict.NOT_RUN)


class Outcome(Word):
    """What the evidence says of something published."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    CANNOT_DECIDE = "cannot decide"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class HeldScore:
    """A published score held against the study's own; no interval where it has none."""

    protocol: str
    published: PublishedScore
    encoder: str
    interval: Interval | None
    n_seeds: int
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class HeldEdge:
    """An edge that a claim is about, as measured; `verdict` is None where the study lacks it."""

    source: str
    target: str
    verdict: Verdict | None
    delta: float | None


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A published claim held against the edges of one encoder."""

    protocol: str
    claim: Claim
    encoder: str
    edges: tuple[HeldEdge, ...]
    outcome: Outcome
    reason: str


def check_comparable(study: Study) -> None:
    """Raise StudyError for a study with none of the paper's tasks, or with several recipes."""
    names = [corpus.task for corpus in corpora()]
    found = [task.name for task in study.tasks]
    if set(found).isdisjoint(names):
        raise StudyError(
            f"the study {study.name} has none of the tasks of {SOURCE}: found "
            f"{', '.join(found)}; compare a study with at least one of {', '.join(names)}"
        )
    if study.variants:
        raise StudyError(
            f"the study {study.name} has several recipes, its variants "
            f"{', '.join(study.variants)}; {SOURCE} has one: compare a study without `variants`"
        )


def hold_scores(plan: Plan, scores: pd.DataFrame, failed: Collection[str]) -> list[HeldScore]:
    """Hold every published score against the mean of the same system over seeds.

    `plan` is under one protocol. A score agrees where the 95% t interval contains the published
    value; it is taken in the metric of the published one.
    """
    (protocol,) = plan.protocols
    rows = [row for row in system_rows(plan.study) if row.place]
    held = []
    for score in published_scores():
        measured, lacking = _measured(score, rows, plan)
        for row in measured:
            values = seed_values(scores, row, score.task, str(score.metric))
            interval = paired_t(values).within(1 - score_span(score.metric), 1)
            doubts = "; ".join(_doubts(score, row, plan, scores, failed))
            doubts = doubts or no_interval_of_scores(interval, len(values))
            outcome, reason = _weigh(score, interval, doubts)
            found = row.encoder, interval, len(values)
            held.append(HeldScore(protocol, score, *found, outcome, reason))
        if not measured:
            absent = score.encoder, None, 0, Outcome.NOT_MEASURED, lacking
            held.append(HeldScore(protocol, score, *absent))
    return held


def _measured(score: PublishedScore, rows: list[Row], plan: Plan) -> tuple[list[Row], str]:
    """The study's rows of a published score, or the first thing that the study lacks for it."""
    if score.task not in {task.name for task in plan.study.tasks}:
        return [], f"no task {score.task} in the study"
    rows = [row for row in rows if row.paper == score.encoder]
    if not rows:
        return [], f"no encoder {score.encoder} in the study"
    rows = [row for row in rows if row.system is score.system]
    if not rows:
        return [], f"no {score.system} in the study"
    rows = [row for row in rows if row.mix == mix_of(score)]
    return rows, f"the paper's model learned another set of {len(score.mix)} tasks"


def _doubts(
    score: PublishedScore, row: Row, plan: Plan, scores: pd.DataFrame, failed: Collection[str]
) -> Iterator[str]:
    """Why the measured score cannot speak for or against the published one."""
    stages = {
        system.stage.id
        for system in plan.systems
        if (system.encoder, (system.reading, system.arm), system.target)
        == (row.encoder, row.place, score.task)
    }
    absent = stages - {*scores["stage"]}
    if absent:
        tried = absent & {*failed}
        count, how = (len(tried), "failed") if tried else (len(absent), "not run")
        yield f"{count} of {len(stages)} seeds {how}"
    elif len(stages) == 1:
        yield "one seed has no interval"
    metrics = {*scores.loc[scores["task"] == score.task, "metric"]}
    if metrics and str(score.metric) not in metrics:
        yield f"the study does not measure {score.metric}"
    cut = [split for task, split in cut_splits(plan) if task == score.task and split != "dev"]
    if cut:
        yield f"limits leave a part of {' and '.join(cut)}"


def _weigh(score: PublishedScore, interval: Interval, doubts: str) -> tuple[Outcome, str]:
    low, high = interval.low - _ROUNDING, interval.high + _ROUNDING
    inside = low <= score.value <= high
    where = f"the published value lies {'inside' if inside else 'outside'} the interval"
    if doubts:
        return Outcome.CANNOT_DECIDE, f"{doubts}; {where}" if low <= high else doubts
    return (Outcome.AGREES if inside else Outcome.DISAGREES), where


def hold_claims(plan: Plan, deltas: pd.DataFrame) -> list[HeldClaim]:
    """Hold every claim on Figure 2 against the pairs of each encoder, in the refine reading.

    `plan` is under one protocol.
    """
    (protocol,) = plan.protocols
    pairs = deltas[(deltas["arm"] == "pair") & (deltas["reading"] == str(Reading.REFINE))]
    pairs = pairs[pairs["over"] == ""]
    return [
        _hold_claim(protocol, claim, encoder.name, pairs[pairs["encoder"] == encoder.name])
        for encoder in plan.study.encoders
        for claim in claims()
    ]


def _hold_claim(protocol: str, claim: Claim, encoder: str, pairs: pd.DataFrame) -> HeldClaim:
    measured = {(row["source"], row["target"]): row for row in pairs.to_dict("records")}
    edges = tuple(
        HeldEdge(*ends, Verdict(row["verdict"]), float(row["delta"]))
        if (row := measured.get(ends))
        else HeldEdge(*ends, None, None)
        for ends in claim.edges
    )
    outcome = claim_outcome(claim.effect, edges)
    counts = Counter(str(e.verdict or Outcome.NOT_MEASURED).replace("_", " ") for e in edges)
    reason = ", ".join(f"{count} {word}" for word, count in counts.items())
    return HeldClaim(protocol, claim, encoder, edges, outcome, reason)


def claim_outcome(effect: Effect, edges: Sequence[HeldEdge]) -> Outcome:
    """What edges say together of a claim on all of them."""
    if all(edge.verdict is None for edge in edges):
        return Outcome.NOT_MEASURED
    if effect is Effect.MIXED:
        return _mixed(edges)
    outcomes = [edge_outcome(effect, edge) for edge in edges]
    if Outcome.DISAGREES in outcomes:
        return Outcome.DISAGREES
    return Outcome.AGREES if {*outcomes} == {Outcome.AGREES} else Outcome.CANNOT_DECIDE


def edge_outcome(effect: Effect, edge: HeldEdge) -> Outcome:
    """What one edge says of an effect that is claimed of it; `mixed` is none of a single edge."""
    if edge.verdict is None:
        return Outcome.NOT_MEASURED
    if edge.verdict in _OPEN:
        return Outcome.CANNOT_DECIDE
    gain = edge.verdict is Verdict.GAIN
    small = edge.delta is not None and edge.delta < _POINT
    holds = {
        Effect.IMPROVES: gain,
        Effect.NOT_IMPROVES: not gain,
        Effect.BARELY: edge.verdict is Verdict.EQUIVALENT or (gain and small),
    }[effect]
    return Outcome.AGREES if holds else Outcome.DISAGREES


def _mixed(edges: Sequence[HeldEdge]) -> Outcome:
    """A gain and a loss are wanted; every open edge may still turn out to be one of them."""
    verdicts = [edge.verdict for edge in edges]
    wanted = sum(verdict not in verdicts for verdict in (Verdict.GAIN, Verdict.LOSS))
    if wanted == 0:
        return Outcome.AGREES
    still_open = sum(verdict is None or verdict in _OPEN for verdict in verdicts)
    return Outcome.CANNOT_DECIDE if wanted <= still_open else Outcome.DISAGREES
