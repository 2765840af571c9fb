"""Looks told as they are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from transfer_study.analysis.doubt.power import FUTILE
from transfer_study.analysis.effects.uncertainty import ALPHA
from transfer_study.points import counted
from transfer_study.study.looks import Looks
from transfer_study.terminal.progress import duration

if TYPE_CHECKING:
    from transfer_study.session.forecast import LooksForecast
    from transfer_study.session.until_decided import Look


def schedule_line(looks: Looks) -> str:
    """When edges will be judged, said before the first stage runs."""
    k = len(looks.counts)
    if k == 1:
        return f"One look, at {looks.listed()} seeds."
    return (
        f"{k} looks, at {looks.listed()} seeds, at {100 * ALPHA:g}% over all of them; seeds are "
        f"added to edges alone that are undecided and have a chance of {100 * FUTILE:g}% or more."
    )


def look_line(look: Look, looks: Looks) -> str:
    """What one look found, what it took so far, and what comes."""
    counts = dict(look.verdicts)
    undecided = counts.pop("undecided", 0)
    others = {word: counts.pop(word, 0) for word in ("not_learned", "failed", "not_run")}
    parts = [
        f"Look {look.number} of {len(looks.counts)}, {look.n_seeds} seeds: "
        f"{sum(counts.values())} decided, {undecided} undecided",
        *(f"{count} {word.replace('_', ' ')}" for word, count in others.items() if count),
    ]
    if look.stopped:
        parts.append(
            f"{look.stopped} of the undecided without more seeds, which have a chance of less than "
            f"{100 * FUTILE:g}%"
        )
    said = f"{', '.join(parts)}; {duration(look.seconds)} of training so far"
    if look.next_seeds is None or look.next_seconds is None:
        return f"{said}."
    return f"{said}; next {look.next_seeds} seeds for them, about {duration(look.next_seconds)}."


def forecast_line(found: LooksForecast) -> str:
    """How many stages looks will take, and how long."""
    if not found.most[0]:
        return "No look has anything to run."

    def text(part: tuple[float, float | None]) -> str:
        stages, seconds = part
        took = "" if seconds is None else f", {duration(seconds)}"
        return f"{counted(round(stages), 'stage')}{took}"

    expected = (
        ""
        if found.expected is None
        else f", about {text(found.expected)} by the noise and the effects that are known so far"
    )
    unknown = " Time is unknown until a stage of this study was measured."
    return (
        f"To run: {text(found.coming)} at the look to come, at most {text(found.most)} for all "
        f"looks{expected}; on one worker.{unknown if found.most[1] is None else ''}"
    )
