"""The process in which Ray runs: stages through Ray Tune, whatever is ready, longest first.

The only module that imports Ray. It reads a job from standard input and writes events to standard
output, one line each; what Ray prints goes to standard error. Tune's results are never read: the
store is the truth, and a resumed run is a new run over what is missing.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transfer_study.errors import ExecutionError
from transfer_study.execute.job import Event, Job, Work
from transfer_study.execute.process_session import end_session
from transfer_study.execute.resources import Resources
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.records.store import Store
from transfer_study.spec.stage import Stage

# Read by Ray when it is imported or started: no reports home, no output of its own.
os.environ.update(
    {
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_DEDUP_LOGS": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "TOKENIZERS_PARALLELISM": "false",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Tune's own state is never restored
        "TUNE_WARN_THRESHOLD_S": "100000",
    }
)

# A cluster asks for the token that Ray keeps for its user; a driver sends it only when told to.
if (Path.home() / ".ray" / "auth_token").is_file():
    os.environ.setdefault("RAY_AUTH_MODE", "token")

import ray
from ray import tune
from ray.tune.search import Searcher

Tell = Callable[[Event], None]


def main() -> None:
    """Run the job on standard input, as the leader of a session that ends with this process."""
    job = Job.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as events:
        os.dup2(2, 1)  # whatever prints is kept from the events

        def tell(event: Event) -> None:
            events.write(event.model_dump_json() + "\n")

        try:
            _run(job, tell)
        except ExecutionError as error:
            tell(Event(is_="impossible", message=str(error)))
        else:
            tell(Event(is_="complete"))


def _end_with_parent() -> None:
    """Where the process that gave the job is gone, by whatever signal, leave nothing running."""
    os.read(0, 1)  # nothing more is ever written: returns at the end of the pipe
    end_session(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


def _run(job: Job, tell: Tell) -> None:
    with _ray(job.resources), Store(job.store).scratch("ray") as scratch:
        gpus = _gpus_per_stage(job.resources)
        _check_resources(job, gpus)
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
    stage = Stage.model_validate_json(config["stage"])
    try:
        run_stage(
            stage,
            Store(root),
            keep_model=config["keep_model"],
            gpu_share=gpus,
            on_epoch=lambda epoch: tune.report({"epoch": epoch}),
        )
    except StageFailed as failure:
        tune.report({"error": str(failure), "log": str(failure.log)})
    else:
        tune.report({"finished": True})


class _StaysHere:
    """Of all that it is given Tune pickles a copy, to restore a run; here that is but a name.

    A run is never restored from it, and what an object of ours holds need not be picklable.
    """

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (type(self).__name__,)


class _StageSearcher(_StaysHere, Searcher):  # type: ignore[misc]
    """Suggests the first stage whose parents are done; None while all must wait."""

    def __init__(self, job: Job, tell: Tell) -> None:
        super().__init__()
        self.running: dict[str, Work] = {}  # by trial
        self._tell = tell
        self._fail_fast = job.fail_fast
        self._waiting = list(job.works)
        self._open = {work.id for work in job.works}  # not yet done: their children wait

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        for work in self._waiting:
            if not self._open.intersection(work.parents):
                self._waiting.remove(work)
                self.running[trial_id] = work
                return work.model_dump(include={"stage", "keep_model", "cpus"})
        return None if self._waiting else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        identity = self.running.pop(trial_id).id
        if not error and result and result.get("finished"):
            self._open.discard(identity)
            self._tell(Event(is_="finished", stage=identity))
            return
        if not error and result and "error" in result:
            message, log = result["error"], Path(result["log"])
        else:
            message = "its worker process died each time it was tried (out of memory, or killed)"
            log = None
        self._tell(Event(is_="failed", stage=identity, message=message, log=log))
        self._hold_back({identity})

    def _hold_back(self, lost: set[str]) -> None:
        if self._fail_fast:
            self._waiting.clear()
        for work in sorted(self._waiting, key=lambda w: len(w.parents)):
            if lost.intersection(work.parents):
                lost.add(work.id)
                self._waiting.remove(work)
                self._tell(Event(is_="held_back", stage=work.id))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a resumed run plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


class _Callback(_StaysHere, tune.Callback):  # type: ignore[misc]
    """Tells what Tune hears from the workers."""

    def __init__(self, searcher: _StageSearcher, tell: Tell) -> None:
        self._running = searcher.running
        self._tell = tell

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._tell(Event(is_="started", stage=self._running[trial.trial_id].id))

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result and trial.trial_id in self._running:
            work = self._running[trial.trial_id]
            self._tell(Event(is_="epoch", stage=work.id, epoch=result["epoch"]))


@contextmanager
def _ray(resources: Resources) -> Iterator[None]:
    try:
        _knock(resources.address)
        ray.init(
            address=resources.address or "local",  # never a cluster that happens to run here
            include_dashboard=None if resources.address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        place = f"the cluster at {resources.address}" if resources.address else "Ray"
        raise ExecutionError(
            f"{place} cannot be reached ({error}); check the address with `ray status`, and its "
            "authentication (RAY_AUTH_MODE and ~/.ray/auth_token)"
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Raise OSError where nothing listens: Ray itself would try for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def _gpus_per_stage(resources: Resources) -> float:
    if resources.gpus_per_stage is not None:
        return resources.gpus_per_stage
    return 1.0 if ray.cluster_resources().get("GPU", 0) > 0 else 0.0


def _check_resources(job: Job, gpus: float) -> None:
    """Refuse what no node could ever give: Ray would wait for it for ever."""
    cpus = job.resources.cpus_per_stage or max(work.cpus for work in job.works)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
        return
    have = "; ".join(f"{n.get('CPU', 0):g} CPUs, {n.get('GPU', 0):g} GPUs" for n in nodes)
    raise ExecutionError(
        f"a stage asks for {cpus:g} CPUs and {gpus:g} GPUs, and no machine has as many "
        f"(found: {have}); lower --cpus-per-stage, --gpus-per-stage or the recipe's cpu_threads"
    )


def describe_cluster(address: str | None) -> dict[str, str]:
    """Ray's version and, where an address is given, the machines found there."""
    found = {"version": ray.__version__, "address": address or "none; Ray starts on this machine"}
    if address:
        try:
            with _ray(Resources(address=address)):
                for name, amount in sorted(ray.cluster_resources().items()):
                    if name in ("CPU", "GPU", "memory"):
                        found[name] = f"{amount:g}"
        except ExecutionError as error:
            found["problem"] = str(error)
    return found
