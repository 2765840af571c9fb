"""A search for a recipe through Ray, as the process that started it sees it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from transfer_study.execute.cluster.driver_process import driven, ended_early
from transfer_study.execute.cluster.trial_job import Run, SearchJob, TrialEvent
from transfer_study.execute.resources import Resources
from transfer_study.store.runs.held import hold
from transfer_study.store.store import Store
from transfer_study.store.trials import Trial, keep_trial, read_trial
from transfer_study.study.search import RecipeSearch, Target, Values
from transfer_study.study.stage import Stage


class Watching:
    """The events of a search, told in the process that started it; by itself tells nobody."""

    def began(self, trial: Trial) -> None:
        """A trial begins."""

    def epoch(self, trial: Trial) -> None:
        """A trial has finished an epoch."""

    def ended(self, trial: Trial) -> None:
        """A trial is over."""


def search(
    asked: RecipeSearch, store: Store, resources: Resources, watching: Watching
) -> list[Trial]:
    """Try recipes, the study's own first and others as they are drawn, on every target.

    Trials that ended are recorded in the store, and known to a search that comes later. Raises
    ExecutionError where Ray cannot run them.
    """
    targets = asked.targets
    runs = [(n, stage) for n, target in enumerate(targets) for stage in target.stages]
    job = SearchJob(
        store=store.place,
        resources=resources,
        runs=tuple(
            Run(
                target=n,
                stage=stage.model_dump_json(),
                fixed=tuple(sorted(targets[n].fixed)),
                cpus=stage.recipe.cpu_threads,
            )
            for n, stage in runs
        ),
        own=asked.own,
        space=asked.space,
        recipes=asked.recipes,
        whole=asked.whole,
        until=time.time() + asked.seconds,
    )
    known = _Trials(targets, runs, store, watching)
    complete = False
    with (
        hold(store, [one for _, stage in runs for one in (stage, *stage.parents)]),
        driven("trial_driver", job, TrialEvent) as driver,
    ):
        for event in driver.events:
            if event.is_ == "complete":
                complete = True
                break
            known.hear(event)
    if not complete:
        raise ended_early(store)
    known.cut()
    return known.trials


class _Trials:
    """The trials by what is heard of them; one that was drawn a second time counts once."""

    def __init__(
        self,
        targets: Sequence[Target],
        runs: Sequence[tuple[int, Stage]],
        store: Store,
        watching: Watching,
    ) -> None:
        self.trials: list[Trial] = []
        self._targets = targets
        self._runs = runs
        self._store = store
        self._watching = watching
        self._recipes: list[Values] = []
        self._heard: dict[str, tuple[Trial, Stage, float]] = {}  # by Tune's names; when it began
        self._begun: set[tuple[int, int]] = set()

    def hear(self, event: TrialEvent) -> None:
        """Take note of an event of a trial."""
        if event.is_ == "began":
            self._begin(event)
        elif event.trial in self._heard:
            trial, stage, since = self._heard[event.trial]
            trial.seconds = time.monotonic() - since
            if event.is_ == "epoch":
                self._epoch(trial, event)
            else:
                del self._heard[event.trial]
                self._end(trial, stage, event)

    def cut(self) -> None:
        """The budget is at its end, and whatever runs is not."""
        for trial, *_ in self._heard.values():
            trial.state = "cut"

    def _begin(self, event: TrialEvent) -> None:
        if event.values not in self._recipes:
            self._recipes.append(event.values)
        recipe = 1 + self._recipes.index(event.values)
        if (recipe, event.run) in self._begun:
            return
        self._begun.add((recipe, event.run))
        target, own = self._runs[event.run]
        stage = self._targets[target].tried(own, event.values)
        trial = Trial(recipe, event.values, target, own.seed, stage.recipe.epochs)
        self.trials.append(trial)
        self._heard[event.trial] = trial, stage, time.monotonic()
        self._watching.began(trial)

    def _epoch(self, trial: Trial, event: TrialEvent) -> None:
        if event.epoch == len(trial.dev) + 1:  # the last is told again as a function returns
            trial.dev.append(event.dev)
            self._watching.epoch(trial)

    def _end(self, trial: Trial, stage: Stage, event: TrialEvent) -> None:
        known = read_trial(self._store, stage)
        if known is not None:  # it only told its scores again, if it was let
            trial.dev, trial.seconds, trial.known = [*known.dev], known.seconds, True
        trial.state = "complete" if _is_complete(trial, stage) else "stopped"
        if event.is_ == "failed":
            trial.state, trial.message = "failed", event.message
        elif known is None:
            keep_trial(self._store, stage, trial)
        self._watching.ended(trial)


def _is_complete(trial: Trial, stage: Stage) -> bool:
    """Whether a trial went on to its own end, which its patience may have set."""
    if not trial.dev:
        return False
    best = 1 + trial.dev.index(max(trial.dev))
    return stage.recipe.is_over(len(trial.dev), best)
