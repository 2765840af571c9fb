"""Stages through Ray Tune, whatever is ready, longest first, in the process in which Ray runs.

Tune's results are never read: the store is the truth, and a resumed run is a new run over what is
missing.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from transfer_study.errors import ExecutionError
from transfer_study.execute.cluster.machines import Machines
from transfer_study.execute.cluster.ray_process import (
    StaysHere,
    Tell,
    apart,
    check_resources,
    death,
    gpus_per_stage,
    living,
    serve,
    started,
    this_machine,
)
from transfer_study.execute.cluster.stage_job import Event, Job, Work
from transfer_study.execute.cluster.trackers import trackers
from transfer_study.execute.program import Program
from transfer_study.execute.resources import Resources
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.execute.schedule import Schedule
from transfer_study.execute.shared import Shared
from transfer_study.files import read_regular
from transfer_study.points import counted
from transfer_study.store.host import VARIABLE as HOST_NAMES
from transfer_study.store.leases import Leases, leasing
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune
from ray.tune.search import Searcher

_SECONDS_BETWEEN_REPORTS = 1.0
# So long a shared file system may show a folder as it was.
_ARRIVAL = 60.0
_ENDLESS = 1 << 40


def main() -> None:
    """Run the job on standard input."""
    serve(_run)


def _run(given: str, tell: Tell) -> None:
    job = Job.model_validate_json(given)
    store = Store(job.store)
    with started(job.resources), store.scratch("ray") as scratch, leasing(store) as leases:
        gpus = gpus_per_stage(job.resources)
        cpus = job.resources.cpus_per_stage or max(w.cpus for w in job.works)
        check_resources(cpus, gpus)
        sign = _Sign.put(scratch)
        machines = Machines(partial(living, cpus, gpus))
        searcher = _StageSearcher(job, tell, machines, leases)
        tune.Tuner(
            tune.with_resources(
                _trainable(_Worker(job.store, gpus, job.program, sign, job.host_names)),
                _requested(job.resources, gpus),
            ),
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


@dataclass(frozen=True)
class _Sign:
    """A file in the store, and what it says: who reads something else there sees another store."""

    path: Path
    text: str

    @classmethod
    def put(cls, folder: Path) -> _Sign:
        sign = cls(folder / "sign", uuid4().hex)
        sign.path.write_text(sign.text, encoding="utf-8")
        return sign

    def is_seen(self) -> bool:
        try:
            return read_regular(self.path, len(self.text)) == self.text.encode()
        except OSError:
            return False


@dataclass(frozen=True)
class _Worker:
    """What a worker is told once: where stages go, and how it must be to be given any."""

    root: Path
    gpus: float
    program: Program
    sign: _Sign
    host_names: bool

    def unfit(self) -> str | None:
        """Why this machine must run no stage, in words that begin with its name."""
        if not self.sign.is_seen():
            return f"does not see the store at {self.root}"
        return self.program.unlike(Program.here())


def _trainable(worker: _Worker) -> Callable[[dict[str, Any]], None]:
    def run_trial(config: dict[str, Any]) -> None:
        _run_trial(config, worker)

    return run_trial


def _requested(resources: Resources, gpus: float) -> Callable[[Mapping[str, Any]], Any]:
    def request(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
        cpus = resources.cpus_per_stage or config["cpus"]
        return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus}], **apart(config["avoided"]))

    return request


def _run_trial(config: dict[str, Any], worker: _Worker) -> None:
    """The work of one trial, in a worker. Errors are told, not raised: only a death is retried."""
    os.environ[HOST_NAMES] = "yes" if worker.host_names else "no"
    report = _Report()
    unfit = worker.unfit()
    if unfit is not None:
        report.end(unfit=unfit)
        return
    try:
        run_stage(
            Stage.model_validate_json(config["stage"]),
            Store(worker.root),
            keep_model=config["keep_model"],
            gpu_share=worker.gpus,
            on_epoch=report.epoch,
        )
    except StageFailed as failure:
        how = {"log": str(failure.log), "of_machine": failure.of_machine}
        report.end(error=str(failure), **how)
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
        self._say({**how, "machine": this_machine(), "done": True})

    def _say(self, more: dict[str, Any]) -> None:
        epochs, self._epochs = self._epochs, []
        tune.report({"epochs": epochs, **more})
        self._reported = time.monotonic()


class _StageSearcher(StaysHere, Searcher):  # type: ignore[misc]
    """Suggests what the schedule has ready; None while all must wait.

    `stopped` says why nothing can be run any more.
    """

    def __init__(self, job: Job, tell: Tell, machines: Machines, leases: Leases) -> None:
        super().__init__()
        self.running: dict[str, Work] = {}  # by trial
        self.trials: dict[str, Any] = {}  # those that run, as Tune has them
        self.stopped: str | None = None
        self._works = {work.id: work for work in job.works}
        self._stages: dict[str, Stage] = {}
        parents = {work.id: work.parents for work in job.works}
        self._schedule = Schedule(parents, fail_fast=job.fail_fast)
        self._leases = leases
        kept = {work.id for work in job.works if work.keep_model}
        self._shared = Shared(self._schedule, self._stage, kept, Store(job.store), leases)
        self._retries = job.resources.retries
        self._deaths: Counter[str] = Counter()  # of workers, by stage
        self._several = job.resources.address is not None
        self._machines = machines
        self._tell = tell

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
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
        if error or not result or "machine" not in result:
            self._died(work, _error_of(trial))
        else:
            self._heard(work, result)
        self._leases.give_back(self._stage(work.id))

    def _died(self, work: Work, error: str) -> None:
        """A worker ended without an answer: its stage is tried again, and so often at most.

        But a machine that is lost, or taken back by who lent it, is no fault of the stage's.
        """
        why, lost = death(error)
        self._deaths[work.id] += not (lost and self._several)
        if self._deaths[work.id] <= self._retries:
            self._put_back(work, why)
        else:
            message = f"{why}, {counted(self._deaths[work.id], 'time')} in all"
            # Nobody else was left to say so where what failed is looked up.
            log = self._shared.store.fail(self._stage(work.id), message)
            self._give_up(work, message, log)

    def _heard(self, work: Work, result: dict[str, Any]) -> None:
        machine = result["machine"]
        if "unfit" in result:
            self._refuse(work, machine, result["unfit"])
        elif "error" in result:
            self._failed(work, machine, result)
        elif self._has_arrived(work):
            self._machines.succeeded(machine)
            self._schedule.finish(work.id)
            self._tell(Event(is_="finished", stage=work.id))
        else:
            why = f"said that a stage is done, of which {self._shared.store.root} has nothing"
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

    def _give_up(self, work: Work, message: str, log: Path | None) -> None:
        self._schedule.give_up(work.id)
        self._tell(Event(is_="failed", stage=work.id, message=message, log=log))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a resumed run plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


def _error_of(trial: Any) -> str:
    """What Ray says of a trial that it lost, as Tune has written it down."""
    try:
        return Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    except (AttributeError, TypeError, OSError):  # there is no trial, or nothing was written
        return ""


class _Callback(StaysHere, tune.Callback):  # type: ignore[misc]
    """Tells what Tune hears from the workers."""

    def __init__(self, searcher: _StageSearcher, tell: Tell) -> None:
        self._running = searcher.running
        self._trials = searcher.trials
        self._tell = tell

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._trials[trial.trial_id] = trial
        self._tell(Event(is_="started", stage=self._running[trial.trial_id].id))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if trial.trial_id in self._running:
            stage = self._running[trial.trial_id].id
            for epoch in result.get("epochs", ()):
                self._tell(Event(is_="epoch", stage=stage, epoch=epoch))
