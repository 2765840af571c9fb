"""What a study may take, what it has taken, and what each of its pairs would."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from transfer_study.errors import StudyError
from transfer_study.execute.cost import SecondsEstimate, work
from transfer_study.session.places import Places
from transfer_study.session.stored import missing
from transfer_study.store.open_store import open_store
from transfer_study.store.store import Store
from transfer_study.study.choice import Pair, PairChoice, pair_of
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage


@dataclass(frozen=True)
class Budget:
    """What a study may take: seconds of its stages, or a share of what all of them would take.

    Of both, the less.
    """

    seconds: float | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        """Raise StudyError for a share that is none."""
        if self.share is not None and not 0 < self.share < 1:
            raise StudyError(
                f"--budget-share: found {self.share:g}; give a share of what all pairs would take, "
                "above 0 and below 1, such as 0.2"
            )

    @property
    def options(self) -> tuple[str, ...]:
        """The words of a command line that ask for it."""
        seconds = () if self.seconds is None else ("--budget", f"{self.seconds:.0f}s")
        share = () if self.share is None else ("--budget-share", f"{self.share:g}")
        return ("--predict", *seconds, *share)


@dataclass(frozen=True)
class Account:
    """What a study has taken and may take, and what a stage costs.

    In seconds, or while no stage like these was `measured` in examples read.
    """

    most: float
    spent: float
    cost: Callable[[Stage], float]
    measured: bool

    @property
    def left(self) -> float:
        """What may be spent still."""
        return self.most - self.spent


def account_of(first: Plan, part: Plan, budget: Budget, places: Places) -> Account:
    """What the stages of a part of a study have taken, whenever they were run, and may take."""
    store = open_store(places.store)
    estimate = SecondsEstimate(first, store)
    measured = bool(estimate.measured)
    cost = estimate.seconds if measured else work
    done = {stage.id for stage in part} - {stage.id for stage in missing(part, store)}
    spent = sum(
        store.record(stage).provenance.wall_seconds
        if measured and store.is_done(stage)
        else cost(stage)
        for stage in part
        if stage.id in done
    )
    limits = [] if budget.seconds is None or not measured else [budget.seconds]
    limits += [] if budget.share is None else [budget.share * sum(map(cost, first))]
    return Account(min(limits, default=math.inf), spent, cost, measured)


def pair_stages(first: Plan) -> dict[Pair, list[Stage]]:
    """The stages that are run for each pair, but for those that the study needs without it."""
    seen = {stage.id for stage in first.chosen(PairChoice(options=()))}
    found: dict[Pair, dict[str, Stage]] = {}
    for system in first.systems:
        if (pair := pair_of(system)) is not None:
            own = found.setdefault(pair, {})
            own |= {stage.id: stage for stage in system.stages() if stage.id not in seen}
    return {pair: list(stages.values()) for pair, stages in found.items()}


def pair_costs(first: Plan, cost: Callable[[Stage], float], store: Store) -> dict[Pair, float]:
    """What is still to be spent on each pair."""
    todo = {stage.id for stage in missing(first, store)}
    return {
        pair: sum(cost(stage) for stage in stages if stage.id in todo)
        for pair, stages in pair_stages(first).items()
    }
