"""Stages through Ray Tune, whatever is ready, longest first, in the process in which Ray runs.

Tune's results are never read: the store is the truth, and a resumed run is a new run over what is
missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transfer_study.execute.job import Event, Job, Work
from transfer_study.execute.ray_process import (
    StaysHere,
    Tell,
    check_resources,
    gpus_per_stage,
    serve,
    started,
)
from transfer_study.execute.resources import Resources
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.execute.schedule import Schedule
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune
from ray.tune.search import Searcher

_SECONDS_BETWEEN_REPORTS = 1.0


def main() -> None:
    """Run the job on standard input."""
    serve(_run)


def _run(given: str, tell: Tell) -> None:
    job = Job.model_validate_json(given)
    with started(job.resources), Store(job.store).scratch("ray") as scratch:
        gpus = gpus_per_stage(job.resources)
        check_resources(job.resources.cpus_per_stage or max(w.cpus for w in job.works), gpus)
        searcher = _StageSearcher(job, tell)
        tune.Tuner(
            tune.with_resources(_trainable(job.store, gpus), _requested(job.resources, gpus)),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=len(job.works),
                max_concurrent_trials=job.resources.workers,
                reuse_actors=True,  # importing torch takes seconds a process
            ),
            run_config=tune.RunConfig(
                name="stages",
                storage_path=str(scratch),
                failure_config=tune.FailureConfig(max_failures=job.resources.retries),
                callbacks=[_Callback(searcher, tell)],
                verbose=0,
            ),
        ).fit()


def _trainable(root: Path, gpus: float) -> Callable[[dict[str, Any]], None]:
    def run_trial(config: dict[str, Any]) -> None:
        _run_trial(config, root, gpus)

    return run_trial


def _requested(resources: Resources, gpus: float) -> Callable[[Mapping[str, Any]], Any]:
    def request(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
        cpus = resources.cpus_per_stage or config["cpus"]
        return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus}])

    return request


def _run_trial(config: dict[str, Any], root: Path, gpus: float) -> None:
    """The work of one trial, in a worker. Errors are told, not raised: only a death is retried."""
    stage, report = Stage.model_validate_json(config["stage"]), _Report()
    try:
        run_stage(
            stage,
            Store(root),
            keep_model=config["keep_model"],
            gpu_share=gpus,
            on_epoch=report.epoch,
        )
    except StageFailed as failure:
        report.end(error=str(failure), log=str(failure.log))
    else:
        report.end(finished=True)


class _Report:
    """What a worker reports to Tune, for whose answer it waits each time: rarely, epochs together.

    Tune would ask a trial that does not say itself that it is done for one more result.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, Any]] = []
        self._reported = time.monotonic()

    def epoch(self, epoch: dict[str, Any]) -> None:
        self._epochs.append(epoch)
        if time.monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._say({})

    def end(self, **how: Any) -> None:
        self._say({**how, "done": True})

    def _say(self, more: dict[str, Any]) -> None:
        epochs, self._epochs = self._epochs, []
        tune.report({"epochs": epochs, **more})
        self._reported = time.monotonic()


class _StageSearcher(StaysHere, Searcher):  # type: ignore[misc]
    """Suggests what the schedule has ready; None while all must wait."""

    def __init__(self, job: Job, tell: Tell) -> None:
        super().__init__()
        self.running: dict[str, Work] = {}  # by trial
        self._works = {work.id: work for work in job.works}
        parents = {work.id: work.parents for work in job.works}
        self._schedule = Schedule(parents, fail_fast=job.fail_fast)
        self._tell = tell

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        ready = self._schedule.ready
        if not ready:
            return None if self._schedule.waiting else Searcher.FINISHED
        self._schedule.begin(ready[0])
        work = self.running[trial_id] = self._works[ready[0]]
        return work.model_dump(include={"stage", "keep_model", "cpus"})

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        stage = self.running.pop(trial_id).id
        if not error and result and result.get("finished"):
            self._schedule.finish(stage)
            self._tell(Event(is_="finished", stage=stage))
            return
        if not error and result and "error" in result:
            message, log = result["error"], Path(result["log"])
        else:
            message = "its worker process died each time it was tried (out of memory, or killed)"
            log = None
        self._schedule.give_up(stage)
        self._tell(Event(is_="failed", stage=stage, message=message, log=log))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a resumed run plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


class _Callback(StaysHere, tune.Callback):  # type: ignore[misc]
    """Tells what Tune hears from the workers."""

    def __init__(self, searcher: _StageSearcher, tell: Tell) -> None:
        self._running = searcher.running
        self._tell = tell

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._tell(Event(is_="started", stage=self._running[trial.trial_id].id))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if trial.trial_id in self._running:
            stage = self._running[trial.trial_id].id
            for epoch in result.get("epochs", ()):
                self._tell(Event(is_="epoch", stage=stage, epoch=epoch))
