"""Trials of recipes through Ray Tune, in the process in which Ray runs.

Its searcher draws recipes at random and tries each on every task (a grid of the tasks, over which
the drawn values stay). Models that guide a search, such as TPE, draw their first ten or so at
random too, which is most of what a budget here pays for. Its scheduler halves by dev scores.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from transfer_study.errors import ExecutionError
from transfer_study.execute.cluster.library import at_hand, open_library
from transfer_study.execute.cluster.machines import Machines
from transfer_study.execute.cluster.probe import Probe, Sign
from transfer_study.execute.cluster.ray_process import (
    StaysHere,
    Tell,
    check_resources,
    death,
    error_of,
    gpus_per_stage,
    living,
    serve,
    started,
    this_machine,
)
from transfer_study.execute.cluster.trial_job import Run, SearchJob, TrialEvent
from transfer_study.execute.cluster.trial_places import Over, TrialPlaces
from transfer_study.execute.program import Program
from transfer_study.execute.run_stage import is_of_machine
from transfer_study.store.open_store import open_store
from transfer_study.store.trials import read_trial
from transfer_study.study.search import Target
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

# The key of a trial's configuration beside those of the recipe; it comes first by the alphabet, so
# that a grid takes all runs of a recipe one after another.
_RUN = "_run"
_DRAW = 0  # the seed by which recipes are drawn: the same ones when a search goes on
# After a quarter of its epochs, and after a half, a trial goes on where it is among the better half
# of its task's. By shares of the schedule and not by epochs, for of two recipes the one with more
# epochs is behind at first: its rate still rises, or has hardly come down.
_PARTS, _FIRST_RUNG, _HALVED = 8, 2, 2
_COMPLETE = TrialEvent(is_="complete")


def main() -> None:
    """Run the search on standard input."""
    serve(_search)


def _search(given: str, tell: Tell, _suspended: threading.Event) -> None:
    job = SearchJob.model_validate_json(given)
    store = open_store(job.store)
    with started(job.resources, tell), store.scratch("ray") as scratch:
        gpus = gpus_per_stage(job.resources)
        cpus = job.resources.cpus_per_stage or max(run.cpus for run in job.runs)
        check_resources(cpus, gpus)
        probe = Probe(job.store, Sign.put(store, scratch), Program.here())
        library = open_library() if job.resources.address else None
        placed = TrialPlaces(job, Machines(partial(living, cpus, gpus)), {"CPU": cpus, "GPU": gpus})
        # Tune's own budget would wait for the epochs that run, however long these are.
        over = threading.Timer(max(job.until - time.time(), 0.0), tell, [_COMPLETE])
        over.daemon = True
        over.start()
        tune.Tuner(
            tune.with_resources(_trainable(probe, library, job.runs), placed.request(())),
            param_space=_space(job),
            tune_config=tune.TuneConfig(
                search_alg=BasicVariantGenerator(
                    points_to_evaluate=[job.own] if _own_apart(job) else [],
                    max_concurrent=job.resources.workers or 0,
                    constant_grid_search=True,
                    random_state=_DRAW,
                ),
                scheduler=_HalvingByTarget(job, placed),
                num_samples=1 + _own_apart(job) if job.whole else job.recipes,
                reuse_actors=True,  # importing torch takes seconds a process
            ),
            run_config=tune.RunConfig(
                name="trials",
                storage_path=str(scratch),
                failure_config=tune.FailureConfig(max_failures=-1),  # `TrialPlaces` says when
                callbacks=[_TrialCallback(tell, placed)],
                stop=Over(placed),
                verbose=0,
            ),
        ).fit()
    if placed.stopped is not None:
        raise ExecutionError(placed.stopped)
    tell(_COMPLETE)


def _space(job: SearchJob) -> dict[str, Any]:
    """What Tune draws from: of the whole space a grid, in which the study's own recipe is first."""
    of_recipe = {}
    for key, values in job.space.items():
        own = [value for value in values if value == job.own[key]]
        others = [value for value in values if value != job.own[key]]
        of_recipe[key] = tune.grid_search(own + others) if job.whole else tune.choice(own + others)
    return {**of_recipe, _RUN: tune.grid_search(list(range(len(job.runs))))}


def _own_apart(job: SearchJob) -> bool:
    """Whether the study's own recipe is to be tried before any that Tune draws."""
    return not job.whole or any(job.own[key] not in values for key, values in job.space.items())


def _trainable(
    probe: Probe, library: str | None, runs: tuple[Run, ...]
) -> Callable[[dict[str, Any]], None]:
    def run_one(config: dict[str, Any]) -> None:
        values = dict(config)
        run = runs[values.pop(_RUN)]
        own = Stage.model_validate_json(run.stage)
        target = Target("", (own,), frozenset(run.fixed))
        _run_trial(target.tried(own, values), probe, library)

    return run_one


class _Elsewhere(Exception):  # noqa: N818  (a request, not a fault of the program)
    """A trial is to be tried on another machine."""


def _run_trial(stage: Stage, probe: Probe, library: str | None) -> None:
    """The work of one trial, in a worker; one that is recorded tells its scores again.

    So that the scheduler knows them. Errors are told, and raised where another machine may do.
    """

    def report(epoch: int, dev: float) -> None:
        part = _PARTS * epoch // stage.recipe.epochs
        tune.report({"epoch": epoch, "part": part, "dev": dev})

    unfit = probe.unfit()
    if unfit is not None:
        tune.report({"unfit": unfit, "machine": this_machine()})
        raise _Elsewhere(unfit)
    store = open_store(probe.store)
    known = read_trial(store, stage)
    if known is not None:
        for epoch, dev in enumerate(known.dev, start=1):
            report(epoch, dev)
        return
    from transfer_study.execute.run_trial import run_trial

    try:
        run_trial(at_hand(stage, library), store, report)
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        if is_of_machine(error):
            tune.report({"lacks": said, "machine": this_machine()})
            raise _Elsewhere(said) from None
        tune.report({"error": said})


class _HalvingByTarget(StaysHere, FIFOScheduler):  # type: ignore[misc]
    """Asynchronous successive halving (Li et al., 2020) among the trials of each target.

    Scores of different tasks are not to be compared.
    """

    def __init__(self, job: SearchJob, placed: TrialPlaces) -> None:
        super().__init__()
        self._placed = placed
        self._target = [run.target for run in job.runs]
        self._of: dict[int, ASHAScheduler] = defaultdict(
            lambda: ASHAScheduler(
                time_attr="part",
                metric="dev",
                mode="max",
                max_t=_PARTS,
                grace_period=_FIRST_RUNG,
                reduction_factor=_HALVED,
            )
        )

    def _among(self, trial: Any) -> ASHAScheduler:
        return self._of[self._target[trial.config[_RUN]]]

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self._among(trial).on_trial_add(tune_controller, trial)
        if trial.trial_id in self._placed.failed:
            tune_controller.stop_trial(trial)
        elif not self._placed.knows(trial):
            self._placed.place(trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> Any:
        return self._among(trial).on_trial_result(tune_controller, trial, result)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Tune will add it again, for another machine, or to be ended there for good."""
        self._placed.hear_error(trial)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        self._among(trial).on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        self._among(trial).on_trial_remove(tune_controller, trial)


class _TrialCallback(StaysHere, tune.Callback):  # type: ignore[misc]
    """Tells what Tune hears from the workers."""

    def __init__(self, tell: Tell, placed: TrialPlaces) -> None:
        self._tell = tell
        self._placed = placed
        self._failed: set[str] = set()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._begin(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        self._placed.hear(trial, result)
        if "error" in result:
            self._fail(trial, result["error"])
        elif "dev" in result:
            self._tell(
                TrialEvent(
                    is_="epoch",
                    trial=trial.trial_id,
                    epoch=result["epoch"],
                    dev=result["dev"],
                )
            )

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if trial.trial_id in self._placed.failed:
            self._fail(trial, self._placed.failed[trial.trial_id])
        elif trial.trial_id not in self._failed:
            self._tell(TrialEvent(is_="ended", trial=trial.trial_id))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._fail(trial, death(error_of(trial))[0])

    def _begin(self, trial: Any) -> None:
        values = {key: value for key, value in trial.config.items() if key != _RUN}
        run = trial.config[_RUN]
        self._tell(TrialEvent(is_="began", trial=trial.trial_id, run=run, values=values))

    def _fail(self, trial: Any, message: str) -> None:
        if trial.trial_id not in self._failed:
            self._failed.add(trial.trial_id)
            self._begin(trial)  # its worker may have died before; what has begun is begun once
            self._tell(TrialEvent(is_="failed", trial=trial.trial_id, message=message))
