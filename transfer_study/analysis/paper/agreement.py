"""What a study says of the published scores and claims: it agrees, disagrees or cannot decide.

Three values, not two. A claim on every one of several edges holds where all bear it out and fails
where one contradicts it; a claim that some edge is a gain, or a loss, holds where one is and fails
where none is left that could be. As long as an edge that could tip it is open, a claim is open.
Scores are those of a model, so only the same encoder and the same set of tasks measure them; the
claims of Figure 2 are about tasks, so every encoder does. What was learned from a part of the data,
or scored on a part of the test set, speaks neither for nor against the paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from transfer_study.analysis.edges import Verdict, raw_edges
from transfer_study.analysis.effects.intervals import no_interval_of_scores
from transfer_study.analysis.effects.uncertainty import Interval, paired_t
from transfer_study.analysis.graph.views import at_size
from transfer_study.analysis.paper.systems import (
    SystemRow,
    at_largest,
    cut_splits,
    largest_sizes,
    mix_of,
    seed_values,
    system_rows,
)
from transfer_study.errors import StudyError
from transfer_study.metrics import score_span
from transfer_study.published import (
    SOURCE,
    Claim,
    ClaimedEffect,
    PublishedScore,
    claims,
    corpora,
    published_scores,
)
from transfer_study.study.arms import PAIRS
from transfer_study.study.frozen import Word
from transfer_study.study.plan import Plan
from transfer_study.study.reading import Reading
from transfer_study.study.study import Study

_POINT = 0.01
_ROUNDING = 0.0005  # the paper's scores have three decimals
_OPEN = (Verdict.UNDECIDED, Verdict.NOT_LEARNED, Verdict.FAILED, Verdict.NOT_RUN)
# Effects that some of the edges must show, and which verdicts these are.
_WANTED = {
    ClaimedEffect.CAN_IMPROVE: (Verdict.GAIN,),
    ClaimedEffect.MIXED: (Verdict.GAIN, Verdict.LOSS),
}


class Agreement(Word):
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
    outcome: Agreement
    reason: str


@dataclass(frozen=True, slots=True)
class HeldEdge:
    """An edge that a claim is about, as measured; `verdict` is None where the study lacks it.

    `doubt` says why it cannot speak for or against the paper's, empty where it can.
    """

    source: str
    target: str
    verdict: Verdict | None
    delta: float | None
    doubt: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it may turn out to be anything."""
        return self.verdict is None or self.verdict in _OPEN or bool(self.doubt)


@dataclass(frozen=True, slots=True)
class HeldClaim:
    """A published claim held against the edges of one encoder."""

    protocol: str
    claim: Claim
    encoder: str
    edges: tuple[HeldEdge, ...]
    outcome: Agreement
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
    value; it is taken in the metric of the published one. Of several training sizes the largest
    counts.
    """
    scores = at_largest(plan.study, scores)
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
            absent = score.encoder, None, 0, Agreement.NOT_MEASURED, lacking
            held.append(HeldScore(protocol, score, *absent))
    return held


def _measured(
    score: PublishedScore, rows: list[SystemRow], plan: Plan
) -> tuple[list[SystemRow], str]:
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
    score: PublishedScore, row: SystemRow, plan: Plan, scores: pd.DataFrame, failed: Collection[str]
) -> Iterator[str]:
    """Why the measured score cannot speak for or against the published one."""
    stages = {
        system.stage.id
        for system in plan.systems
        if (system.encoder, (system.reading, system.arm), system.target)
        == (row.encoder, row.place, score.task)
        and system.size in (None, largest_sizes(plan.study).get(score.task))
    }
    if row.pretrained:
        yield "the encoder was pretrained further than the paper's"
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
    if cut := _cut(plan)[score.task]:
        yield f"limits leave a part of {' and '.join(cut)}"


def _cut(plan: Plan) -> dict[str, list[str]]:
    """By task, its training and test data of which limits leave a part."""
    splits: dict[str, list[str]] = {task.name: [] for task in plan.study.tasks}
    for task, split in cut_splits(plan):
        if split != "dev":
            splits[task].append(split)
    return splits


def _weigh(score: PublishedScore, interval: Interval, doubts: str) -> tuple[Agreement, str]:
    low, high = interval.low - _ROUNDING, interval.high + _ROUNDING
    inside = low <= score.value <= high
    where = f"the published value lies {'inside' if inside else 'outside'} the interval"
    if doubts:
        return Agreement.CANNOT_DECIDE, f"{doubts}; {where}" if low <= high else doubts
    return (Agreement.AGREES if inside else Agreement.DISAGREES), where


def hold_claims(plan: Plan, deltas: pd.DataFrame) -> list[HeldClaim]:
    """Hold every claim on Figure 2 against the pairs of each encoder, in the refine reading.

    `plan` is under one protocol. Of several training sizes of a target the largest counts.
    """
    (protocol,) = plan.protocols
    deltas, cut = at_size(deltas, None), _cut(plan)
    pairs = deltas[(deltas["arm"] == PAIRS.label) & (deltas["reading"] == str(Reading.REFINE))]
    pairs = raw_edges(pairs)
    return [
        _hold_claim(protocol, claim, encoder, pairs[pairs["encoder"] == encoder], cut)
        for encoder, *_ in plan.study.starting_points
        for claim in claims()
    ]


def _hold_claim(
    protocol: str,
    claim: Claim,
    encoder: str,
    pairs: pd.DataFrame,
    cut: Mapping[str, Sequence[str]],
) -> HeldClaim:
    measured = {(row["source"], row["target"]): row for row in pairs.to_dict("records")}
    edges = tuple(
        HeldEdge(*ends, Verdict(row["verdict"]), float(row["delta"]), _doubt(*ends, cut))
        if (row := measured.get(ends))
        else HeldEdge(*ends, None, None)
        for ends in claim.edges
    )
    outcome = claim_outcome(claim.effect, edges)
    counts = Counter(str(e.verdict or Agreement.NOT_MEASURED).replace("_", " ") for e in edges)
    reason = ", ".join(f"{count} {word}" for word, count in counts.items())
    if doubts := [edge.doubt for edge in edges if edge.doubt]:
        of_all = "" if len(doubts) == len(edges) else f"{len(doubts)} of {len(edges)} edges: "
        reason += f"; {of_all}limits leave a part of the data"
    return HeldClaim(protocol, claim, encoder, edges, outcome, reason)


def _doubt(source: str, target: str, cut: Mapping[str, Sequence[str]]) -> str:
    """Which limits make an edge another than the paper's."""
    learned = [name for name in (source, target) if "train" in cut[name]]
    parts = [f"train of {' and '.join(learned)}"] if learned else []
    parts += [f"test of {target}"] if "test" in cut[target] else []
    return f"limits leave a part of {' and of '.join(parts)}" if parts else ""


def claim_outcome(effect: ClaimedEffect, edges: Sequence[HeldEdge]) -> Agreement:
    """What edges say together of a claim on them."""
    if all(edge.verdict is None for edge in edges):
        return Agreement.NOT_MEASURED
    if effect in _WANTED:
        return _among(edges, _WANTED[effect])
    outcomes = [edge_outcome(effect, edge) for edge in edges]
    if Agreement.DISAGREES in outcomes:
        return Agreement.DISAGREES
    return Agreement.AGREES if {*outcomes} == {Agreement.AGREES} else Agreement.CANNOT_DECIDE


def edge_outcome(effect: ClaimedEffect, edge: HeldEdge) -> Agreement:
    """What one edge says of an effect that is claimed of it, not of some among several."""
    if edge.verdict is None:
        return Agreement.NOT_MEASURED
    if edge.is_open:
        return Agreement.CANNOT_DECIDE
    gain = edge.verdict is Verdict.GAIN
    small = edge.delta is not None and edge.delta < _POINT
    holds = {
        ClaimedEffect.IMPROVES: gain,
        ClaimedEffect.NOT_IMPROVES: not gain,
        # A task that others harm can barely be improved either.
        ClaimedEffect.BARELY: not gain or small,
    }[effect]
    return Agreement.AGREES if holds else Agreement.DISAGREES


def _among(edges: Sequence[HeldEdge], wanted: Sequence[Verdict]) -> Agreement:
    """These verdicts are wanted; every open edge may still turn out to be one of them."""
    found = {edge.verdict for edge in edges if not edge.is_open}
    lacking = len({*wanted} - found)
    if lacking == 0:
        return Agreement.AGREES
    still_open = sum(edge.is_open for edge in edges)
    return Agreement.CANNOT_DECIDE if lacking <= still_open else Agreement.DISAGREES
