"""What a study says of the published scores and claims, for reading and for other programs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import Any

from transfer_study.analysis.paper.agreement import Agreement, HeldClaim, HeldEdge, HeldScore
from transfer_study.points import counted, interval, points, verdict_text
from transfer_study.published import (
    ANY,
    CAUTION,
    SOURCE,
    ClaimedEffect,
    known_encoders,
    published_encoder,
)
from transfer_study.study.study import Study
from transfer_study.terminal.console import print_json, stdout

_HEADING = {
    Agreement.AGREES: "Agreements",
    Agreement.DISAGREES: "Disagreements",
    Agreement.CANNOT_DECIDE: "What the evidence cannot decide",
    Agreement.NOT_MEASURED: "Not measured",
}
_STYLE = {
    Agreement.AGREES: "green",
    Agreement.DISAGREES: "red",
    Agreement.CANNOT_DECIDE: "bold",
    Agreement.NOT_MEASURED: "bright_black",
}
_SAID = {
    ClaimedEffect.IMPROVES: "improves",
    ClaimedEffect.CAN_IMPROVE: "improves",
    ClaimedEffect.NOT_IMPROVES: "does not improve",
    ClaimedEffect.BARELY: "barely improves",
    ClaimedEffect.MIXED: "helps or harms",
}


def print_agreement(study: Study, scores: list[HeldScore], claims: list[HeldClaim]) -> None:
    """Print agreements, disagreements, what cannot be decided, and what was not measured."""
    for protocol in dict.fromkeys(held.protocol for held in scores):
        _print_protocol(
            study,
            protocol,
            [held for held in scores if held.protocol == protocol],
            [held for held in claims if held.protocol == protocol],
        )


def _print_protocol(
    study: Study, protocol: str, scores: list[HeldScore], claims: list[HeldClaim]
) -> None:
    console = stdout()

    def say(words: str, style: str = "") -> None:
        console.print(words, style=style, soft_wrap=True)

    say(f"{study.name}, {protocol} protocol, against {SOURCE}", "bold")
    say(f"Published scores: {CAUTION}.", "dim")
    for encoder in study.encoders:
        if published_encoder(encoder) is None:
            say(
                f"The paper has no scores of the encoder {encoder.name}, only of "
                f"{', '.join(sorted({*known_encoders().values()}))}; one of these that lies in a "
                "folder is known by its `name`.",
                "dim",
            )
    for outcome, heading in _HEADING.items():
        of_scores = [held for held in scores if held.outcome is outcome]
        of_claims = [held for held in claims if held.outcome is outcome]
        counts = f"{counted(len(of_claims), 'claim')}, {counted(len(of_scores), 'score')}"
        say(f"\n{heading}: {counts}", _STYLE[outcome])
        if outcome is Agreement.NOT_MEASURED:
            lacking = Counter(held.reason for held in of_scores)
            for held in of_claims:
                say(f"  {_claim(held)}")
            for reason, count in lacking.items():
                say(f"  {counted(count, 'score')}: {reason}")
            continue
        for held in of_claims:
            say(f"  {_claim(held)}: {held.reason}")
            for edge in held.edges:
                say(f"    {_edge(edge)}", "dim")
        for score in of_scores:
            say(f"  {_score(score)}: {score.reason}")
            for note in score.published.notes:
                say(f"    note: {note}", "dim")


def _claim(held: HeldClaim) -> str:
    claim = held.claim
    others = "another task" if claim.effect is ClaimedEffect.CAN_IMPROVE else "every other task"
    source, target = (others if n == ANY else n for n in (claim.source, claim.target))
    return (
        f"{source} {_SAID[claim.effect]} {target} "
        f'({claim.domain}, {held.encoder}; "{claim.wording}")'
    )


def _edge(edge: HeldEdge) -> str:
    words = f"{edge.source} → {edge.target}: "
    if edge.verdict is None or edge.delta is None:
        return f"{words}{Agreement.NOT_MEASURED}"
    change = "" if math.isnan(edge.delta) else f" ({points(edge.delta, signed=True)})"
    doubt = f"; {edge.doubt}" if edge.doubt else ""
    return f"{words}{verdict_text(edge.verdict)}{change}{doubt}"


def _score(held: HeldScore) -> str:
    published, found = held.published, held.interval
    assert found is not None
    reach = "" if math.isnan(found.low) else f" {interval(found.low, found.high)}"
    tables = " and ".join(f"Table {number}" for number in published.tables)
    return (
        f"{held.encoder}, {published.system}, {published.task} ({published.metric}): measured "
        f"{points(found.mean)}{reach} ({counted(held.n_seeds, 'seed')}), "
        f"published {points(published.value)} ({tables})"
    )


def agreement_as_json(study: Study, scores: list[HeldScore], claims: list[HeldClaim]) -> None:
    """Print the same as one JSON object; values are fractions of 1, unknown ones null."""
    content: dict[str, Any] = {
        "study": study.name,
        "source": SOURCE,
        "counts": {
            "claims": {o: sum(held.outcome is o for held in claims) for o in Agreement},
            "scores": {o: sum(held.outcome is o for held in scores) for o in Agreement},
        },
        "claims": [
            {
                "protocol": held.protocol,
                **asdict(held.claim),
                "encoder": held.encoder,
                "outcome": held.outcome,
                "reason": held.reason,
                "edges": list(map(asdict, held.edges)),
            }
            for held in claims
        ],
        "scores": [_score_content(held) for held in scores],
    }
    print_json(content)


def _score_content(held: HeldScore) -> dict[str, Any]:
    published = asdict(held.published)
    numbers = ("mean", "low", "high")
    return {
        "protocol": held.protocol,
        **published,
        "encoder": held.encoder,
        "mix": sorted(held.published.mix),
        "published": published.pop("value"),
        **{key: getattr(held.interval, key, None) for key in numbers},
        "n_seeds": held.n_seeds,
        "outcome": held.outcome,
        "reason": held.reason,
    }
