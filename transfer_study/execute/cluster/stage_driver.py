"""Stages through Ray Tune, whatever is ready, longest first, in the process in which Ray runs.

Tune's results are never read: the store is the truth, and a resumed run is a new run over what is
missing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from transfer_study.errors import ExecutionError
from transfer_study.execute.cluster.library import open_library
from transfer_study.execute.cluster.machines import Machines
from transfer_study.execute.cluster.probe import Probe, Sign, ask_workers_to_stop
from transfer_study.execute.cluster.ray_process import (
    StaysHere,
    Tell,
    apart,
    check_resources,
    death,
    error_of,
    gpus_per_stage,
    kill,
    living,
    machine_of,
    serve,
    started,
)
from transfer_study.execute.cluster.silence import Silences
from transfer_study.execute.cluster.stage_job import Event, Job, Work
from transfer_study.execute.cluster.stage_worker import Worker, trainable
from transfer_study.execute.cluster.trackers import trackers
from transfer_study.execute.resources import Resources
from transfer_study.execute.schedule import Schedule
from transfer_study.execute.shared import Shared
from transfer_study.points import counted
from transfer_study.store.open_store import open_store
from transfer_study.store.runs.leases import Leases, leasing
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune
from ray.tune.search import Searcher

# So long a shared file system may show a folder as it was.
_ARRIVAL = 60.0
_ENDLESS = 1 << 40
_SECONDS_BETWEEN_LOOKS = 1.0


def main() -> None:
    """Run the job on standard input."""
    serve(_run)


def _run(given: str, tell: Tell, suspended: threading.Event) -> None:
    job = Job.model_validate_json(given)
    store = open_store(job.store)
    with started(job.resources, tell), store.scratch("ray") as scratch, leasing(store) as leases:
        gpus = gpus_per_stage(job.resources)
        cpus = job.resources.cpus_per_stage or max(w.cpus for w in job.works)
        check_resources(cpus, gpus)
        probe = Probe(job.store, Sign.put(store, scratch), job.program)
        library = open_library() if job.resources.address else None
        worker = Worker(probe, gpus, library, job.keep_minutes, job.host_names)
        pass_on = (suspended, store, scratch)
        threading.Thread(target=ask_workers_to_stop, args=pass_on, daemon=True).start()
        machines = Machines(partial(living, cpus, gpus))
        searcher = _StageSearcher(job, tell, machines, leases, suspended)
        tune.Tuner(
            tune.with_resources(trainable(worker), _requested(job.resources, gpus)),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=_ENDLESS,  # the searcher says when all is done
                max_concurrent_trials=job.resources.workers,
                reuse_actors=True,  # importing torch takes seconds a process
            ),
            run_config=tune.RunConfig(
                name="stages",
                storage_path=str(scratch),
                callbacks=[_Callback(searcher, tell), *trackers(job, searcher.running, tell)],
                verbose=0,
            ),
        ).fit()
    if searcher.stopped is not None:
        raise ExecutionError(searcher.stopped)


def _requested(resources: Resources, gpus: float) -> Callable[[Mapping[str, Any]], Any]:
    def request(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
        cpus = resources.cpus_per_stage or config["cpus"]
        return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus}], **apart(config["avoided"]))

    return request


class _StageSearcher(StaysHere, Searcher):  # type: ignore[misc]
    """Suggests what the schedule has ready; None while all must wait.

    `stopped` says why nothing can be run any more.
    """

    def __init__(
        self,
        job: Job,
        tell: Tell,
        machines: Machines,
        leases: Leases,
        suspended: threading.Event,
    ) -> None:
        super().__init__()
        self._suspended = suspended
        self.running: dict[str, Work] = {}  # by trial
        self.trials: dict[str, Any] = {}  # those that run, as Tune has them
        self.stopped: str | None = None
        self._works = {work.id: work for work in job.works}
        self._stages: dict[str, Stage] = {}
        parents = {work.id: work.parents for work in job.works}
        self._schedule = Schedule(parents, fail_fast=job.fail_fast)
        self._leases = leases
        kept = {work.id for work in job.works if work.keep_model}
        self._shared = Shared(self._schedule, self._stage, kept, open_store(job.store), leases)
        self._retries = job.resources.retries
        self._deaths: Counter[str] = Counter()  # of workers, by stage
        self._several = job.resources.address is not None
        self._machines = machines
        costs = {work.id: work.cost for work in job.works}
        self.silences = Silences(costs, job.resources.hang_after, in_seconds=job.in_seconds)
        self._silent: dict[str, str] = {}  # by trial, the machine on which it was ended
        self._tell = tell

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._suspended.is_set():
            self._schedule.stop()
        taken = self._shared.take()
        for found in self._shared.found():
            self._tell(Event(is_="finished", stage=found))
        if taken is None:  # what runs may have to run again
            if not self.running and (awaited := self._shared.awaited()):
                self._tell(Event(is_="waiting", count=awaited))
            return None if self._schedule.left else Searcher.FINISHED
        work = self.running[trial_id] = self._works[taken]
        asked = work.model_dump(include={"stage", "keep_model", "cpus"})
        return {**asked, "avoided": self._machines.avoided(work.id)}

    def _stage(self, identity: str) -> Stage:
        if identity not in self._stages:
            self._stages[identity] = Stage.model_validate_json(self._works[identity].stage)
        return self._stages[identity]

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        work = self.running.pop(trial_id)
        trial = self.trials.pop(trial_id, None)
        silent = self._silent.pop(trial_id, None)
        if silent is not None and error:
            self._hung(work, silent)
        elif error or not result or "machine" not in result:
            self._died(work, error_of(trial))
        else:
            self._heard(work, result)
        self.silences.leave(work.id)
        self._leases.give_back(self._stage(work.id))

    def end_silent(self) -> None:
        """End the workers of stages that hang, which then have ended with an error."""
        hanging = set(self.silences.hanging())
        for trial_id, work in self.running.items():
            trial = self.trials.get(trial_id)
            if work.id in hanging and trial is not None:
                actor = trial.temporary_state.ray_actor
                self._silent[trial_id] = machine_of(actor)
                kill(actor)

    def _hung(self, work: Work, machine: str) -> None:
        """A stage was ended for its silence: a fault of its machine, or at the most of so many."""
        longest = timedelta(seconds=round(self.silences.ended(work.id)))
        why = f"it gave no sign of life for {longest} (h:mm:ss) on {self._machines.name(machine)}"
        elsewhere = self._machines.failed(machine, work.id)
        self._deaths[work.id] += 1
        if self._deaths[work.id] > self._retries:
            times = counted(self._deaths[work.id], "time")
            self._lose(work, f"{why}, and ended early {times} in all")
            return
        self._put_back(work, why)
        if elsewhere and self._machines.unreliable(machine):
            self._refuse(None, machine, "failed twice in a row (a stage hung)")

    def _died(self, work: Work, error: str) -> None:
        """A worker ended without an answer: its stage is tried again, and so often at most.

        But a machine that is lost, or taken back by who lent it, is no fault of the stage's.
        """
        why, lost = death(error)
        self._deaths[work.id] += not (lost and self._several)
        if self._deaths[work.id] <= self._retries:
            self._put_back(work, why)
        else:
            self._lose(work, f"{why}, {counted(self._deaths[work.id], 'time')} in all")

    def _heard(self, work: Work, result: dict[str, Any]) -> None:
        machine = result["machine"]
        if "suspended" in result:
            self._schedule.give_up(work.id)
            self._tell(Event(is_="suspended", stage=work.id))
        elif "unfit" in result:
            self._refuse(work, machine, result["unfit"])
        elif "error" in result:
            self._failed(work, machine, result)
        elif self._has_arrived(work):
            self._machines.succeeded(machine)
            self.silences.finish(work.id)
            self._schedule.finish(work.id)
            self._tell(Event(is_="finished", stage=work.id))
        else:
            why = f"said that a stage is done, of which {self._shared.store.place} has nothing"
            self._refuse(work, machine, why)

    def _has_arrived(self, work: Work) -> bool:
        """Whether the store has what a worker says it committed, which may take a moment there."""
        until = time.monotonic() + _ARRIVAL
        while not self._shared.is_committed(work.id):
            if time.monotonic() > until:
                return False
            time.sleep(0.2)
            self._shared.store.look_again()
        return True

    def _failed(self, work: Work, machine: str, result: dict[str, Any]) -> None:
        message, log = result["error"], Path(result["log"])
        if result["of_machine"] and self._machines.failed(machine, work.id):
            self._put_back(work, f"it failed on {self._machines.name(machine)} ({message})")
            if self._machines.unreliable(machine):
                self._refuse(None, machine, f"failed twice in a row ({message})")
            return
        where = f"on {self._machines.name(machine)}: " if self._several else ""
        self._give_up(work, where + message, log)

    def _refuse(self, work: Work | None, machine: str, why: str) -> None:
        """Give a machine no more stages; what it had goes to another, or nothing can be run."""
        if self._machines.refuse(machine, why):
            self._tell(Event(is_="refused", message=self._machines.refused[machine]))
        if self._machines.left:
            if work is not None:
                self._put_back(work, f"{self._machines.name(machine)} was refused")
            return
        reasons = "; ".join(self._machines.refused.values())
        self.stopped = f"no machine is left that can run the stages: {reasons}"
        if work is not None:
            self._schedule.give_up(work.id)
        self._schedule.stop()

    def _put_back(self, work: Work, why: str) -> None:
        if self._schedule.put_back(work.id):
            self._tell(Event(is_="returned", stage=work.id, message=why))
        else:
            self._give_up(work, why, None)

    def _lose(self, work: Work, message: str) -> None:
        """A stage failed whose worker is gone: nobody else can say so where failures are kept."""
        self._give_up(work, message, self._shared.store.fail(self._stage(work.id), message))

    def _give_up(self, work: Work, message: str, log: Path | None) -> None:
        self._schedule.give_up(work.id)
        self._tell(Event(is_="failed", stage=work.id, message=message, log=log))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a resumed run plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


class _Callback(StaysHere, tune.Callback):  # type: ignore[misc]
    """Tells what Tune hears from the workers, and ends those that are silent for too long."""

    def __init__(self, searcher: _StageSearcher, tell: Tell) -> None:
        self._searcher = searcher
        self._tell = tell
        self._looked = 0.0

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        stage = self._searcher.running[trial.trial_id].id
        self._searcher.trials[trial.trial_id] = trial
        self._searcher.silences.begin(stage)
        self._tell(Event(is_="started", stage=stage))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if trial.trial_id in self._searcher.running:
            stage = self._searcher.running[trial.trial_id].id
            self._searcher.silences.sign(stage)
            for epoch in result.get("epochs", ()):
                self._tell(Event(is_="epoch", stage=stage, epoch=epoch))

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if time.monotonic() - self._looked > _SECONDS_BETWEEN_LOOKS:
            self._looked = time.monotonic()
            self._searcher.end_silent()
