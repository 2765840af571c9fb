"""Stages through Ray Tune: a Searcher of ours hands out whatever is ready, longest first.

The only module that imports Ray. Tune's results are never read: the store is the truth, and a
resumed run is a new run over what is missing.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transfer_study.errors import ExecutionError
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.records.store import Store
from transfer_study.spec.plan import Plan
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


def run_on_ray(
    plan: Plan,
    store: Store,
    progress: Progress,
    resources: Resources,
    *,
    cost: Callable[[Stage], float] | None,
    fail_fast: bool = False,
) -> None:
    """Run the stages of a plan on Ray; a failed stage holds back only its children.

    The longest by this cost are first, without one those that are first in the plan.
    """
    with _ray(resources):
        gpus = _gpus_per_stage(resources)
        _check_resources(plan, resources, gpus)
        parents = plan.parents()
        searcher = _StageSearcher(plan, cost, progress, fail_fast)

        def trainable(config: dict[str, Any]) -> None:
            _run_trial(config, store.root)

        def requested(config: Mapping[str, Any]) -> tune.PlacementGroupFactory:
            cpus = resources.cpus_per_stage or config["cpus"]
            return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus}])

        searcher.configs = {
            stage.id: {
                "stage": stage.model_dump_json(),
                "keep_model": stage.id in parents,
                "cpus": stage.recipe.cpu_threads,
            }
            for stage in plan
        }
        with store.scratch("ray") as scratch:
            tune.Tuner(
                tune.with_resources(trainable, requested),
                tune_config=tune.TuneConfig(
                    search_alg=searcher,
                    num_samples=len(plan),
                    max_concurrent_trials=resources.workers,
                    reuse_actors=True,  # importing torch takes seconds a process
                ),
                run_config=tune.RunConfig(
                    name="stages",
                    storage_path=str(scratch),
                    failure_config=tune.FailureConfig(max_failures=resources.retries),
                    callbacks=[_Events(searcher, progress)],
                    verbose=0,
                ),
            ).fit()


def _run_trial(config: dict[str, Any], root: Path) -> None:
    """The work of one trial, in a worker. Errors are told, not raised: only a death is retried."""
    stage = Stage.model_validate_json(config["stage"])
    try:
        run_stage(
            stage,
            Store(root),
            keep_model=config["keep_model"],
            on_epoch=lambda epoch: tune.report({"epoch": epoch}),
        )
    except StageFailed as failure:
        tune.report({"error": str(failure), "log": str(failure.log)})
    else:
        tune.report({"finished": True})


class _StageSearcher(Searcher):  # type: ignore[misc]
    """Suggests the first stage whose parents are done; None while all must wait."""

    def __init__(
        self,
        plan: Plan,
        cost: Callable[[Stage], float] | None,
        progress: Progress,
        fail_fast: bool,
    ) -> None:
        super().__init__()
        self.configs: dict[str, dict[str, Any]] = {}
        self.running: dict[str, Stage] = {}  # by trial
        self._progress = progress
        self._fail_fast = fail_fast
        self._waiting = _longest_first(plan, cost) if cost else list(plan)
        self._open = {stage.id for stage in plan}  # not yet done: their children wait

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        for stage in self._waiting:
            if not any(parent.id in self._open for parent in stage.parents):
                self._waiting.remove(stage)
                self.running[trial_id] = stage
                return self.configs[stage.id]
        return None if self._waiting else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        stage = self.running.pop(trial_id)
        if not error and result and result.get("finished"):
            self._open.discard(stage.id)
            self._progress.finished(stage)
            return
        if not error and result and "error" in result:
            self._progress.failed(stage, result["error"], Path(result["log"]))
        else:
            self._progress.failed(
                stage,
                "its worker process died each time it was tried (out of memory, or killed)",
                None,
            )
        self._hold_back({stage.id})

    def _hold_back(self, lost: set[str]) -> None:
        if self._fail_fast:
            self._waiting.clear()
        for stage in sorted(self._waiting, key=lambda s: len(s.parents)):
            if any(parent.id in lost for parent in stage.parents):
                lost.add(stage.id)
                self._waiting.remove(stage)
                self._progress.held_back(stage)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a resumed run plans anew from the store."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing, likewise."""


class _Events(tune.Callback):  # type: ignore[misc]
    """Passes what Tune hears from the workers on to the progress view."""

    def __init__(self, searcher: _StageSearcher, progress: Progress) -> None:
        self._searcher = searcher
        self._progress = progress

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._progress.started(self._searcher.running[trial.trial_id])

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        if "epoch" in result and trial.trial_id in self._searcher.running:
            self._progress.epoch(self._searcher.running[trial.trial_id], result["epoch"])


def _longest_first(plan: Plan, cost: Callable[[Stage], float]) -> list[Stage]:
    """Stages by the longest path that begins with them, so that no long chain starts last."""
    longest: dict[str, float] = {}
    after: dict[str, float] = {}
    for stage in reversed(plan.stages):
        longest[stage.id] = cost(stage) + after.get(stage.id, 0.0)
        for parent in stage.parents:
            after[parent.id] = max(after.get(parent.id, 0.0), longest[stage.id])
    return sorted(plan.stages, key=lambda stage: -longest[stage.id])


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


def _check_resources(plan: Plan, resources: Resources, gpus: float) -> None:
    """Refuse what no node could ever give: Ray would wait for it for ever."""
    cpus = resources.cpus_per_stage or max(stage.recipe.cpu_threads for stage in plan)
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
