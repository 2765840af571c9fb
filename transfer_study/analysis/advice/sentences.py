"""Advice in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from transfer_study.analysis.advice.evidence import Effect, listed
from transfer_study.analysis.advice.settle import chance, examples_to_settle, seeds_to_settle
from transfer_study.analysis.doubt.power import FUTILE
from transfer_study.analysis.effects.intervals import ALIKE, ONE_DOCUMENT, ONE_SEED, why_no_interval
from transfer_study.points import interval, points
from transfer_study.study.arms import SINGLE, arm_of
from transfer_study.study.looks import Looks

_LEAST_SEEDS = 3  # a spread over two says next to nothing


def how(effect: Effect) -> str:
    """The way to train a task, as a phrase to stand after it."""
    arm = arm_of(effect.arm)
    how_ = "with {}" if arm is None else arm.how
    return how_.format(listed(effect.partners) if effect.partners else "")


def advice(task: str, best: Effect, ways: int) -> str:
    """What to do where the evidence is enough, the best of so many ways."""
    if best.arm == SINGLE.label:
        return f"Train {task} alone: none of the {ways} other ways that were tried is a gain."
    return (
        f"Train {task} {how(best)}: {_measured(best)} over training it alone, of which "
        f"{points(best.expected, signed=True)} are to be expected, the best of {ways} being lucky "
        "as well."
    )


def unlearned(task: str) -> str:
    """What to do for a task that no model has learned."""
    return (
        f"{task} was not learned: the models that its partners are held against score no better "
        "than a constant answer, so nothing can be said of them. First make it learn by itself: "
        "more epochs, another learning rate or more training data."
    )


def settling(undecided: Sequence[Effect], looks: Looks | None = None) -> str:
    """What would settle the most promising of the undecided effects; `looks` are the study's."""
    if not undecided:
        return "No way to train it with others was run with all seeds; run the study first."
    open_ = _most_promising(undecided)
    said = f"The most promising is {how(open_)}: {_measured(open_)}."
    if lacking := {
        ONE_SEED: f"One seed decides nothing; run {_LEAST_SEEDS} or more.",
        ONE_DOCUMENT: "With one test document no number of seeds decides it: test on several, or "
        "correct what the source says of documents.",
        ALIKE: "What never differed has no interval: a larger test set could tell.",
    }.get(_lacking(open_)):
        return f"{said} {lacking}"
    if looks is not None:
        come = looks.done < len(looks.counts)
        return f"{said} {'More looks are to come' if come else 'All looks are done'}."
    if open_.n_seeds < _LEAST_SEEDS:
        return f"{said} Two seeds say little of how runs vary; run {_LEAST_SEEDS} or more."
    return f"{said} {_chance(open_)}"


def _chance(open_: Effect) -> str:
    """How likely seeds are to decide an effect, or what else would."""
    seeds = seeds_to_settle(open_)
    likely = chance(open_, seeds)
    said = f"With {seeds} seeds it is decided with a chance of {likely:.0%}"
    if likely >= FUTILE:
        return f"{said}."
    times = examples_to_settle(open_, seeds)
    if times < math.inf:
        larger = chance(open_, seeds, times)
        return f"{said} only, and of {larger:.0%} with a test set {times:g} times as large besides."
    return f"{said} only, which a larger test set would hardly change."


def evidence_words(undecided: Sequence[Effect], looks: Looks | None = None) -> list[str] | None:
    """With what words to run the study so as to get the evidence that is missing.

    None where no affordable number of seeds gives it with a chance that is worth it.
    """
    if not undecided:
        return []
    open_ = _most_promising(undecided)
    if _lacking(open_) in (ONE_DOCUMENT, ALIKE):
        return None
    if looks is not None:  # they are fixed
        return looks.options if looks.done < len(looks.counts) else None
    if open_.n_seeds < _LEAST_SEEDS:
        return ["--set", f"seeds={_LEAST_SEEDS}"]
    seeds = seeds_to_settle(open_)
    if chance(open_, seeds) < FUTILE:
        return None
    return ["--until-decided", "--max-seeds", str(seeds)]


def _most_promising(undecided: Sequence[Effect]) -> Effect:
    # Where so little is known that all expectations are drawn to zero, what was measured decides.
    return max(undecided, key=lambda effect: (effect.expected, effect.delta))


def _lacking(effect: Effect) -> str:
    """Why the effect has no interval, empty where it has one."""
    if not math.isnan(effect.low):
        return ""
    return why_no_interval(effect.n_seeds, effect.n_documents, effect.seed_sd, effect.example_error)


def _measured(effect: Effect) -> str:
    said = f"{points(effect.delta, signed=True)} points"
    if lacking := _lacking(effect):
        return f"{said} ({lacking})"
    return f"{said} {interval(effect.low, effect.high, signed=True)}"
