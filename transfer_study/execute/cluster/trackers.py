"""What TensorBoard, MLflow and Weights & Biases are told of stages: losses and dev scores by epoch.

Tune's own callbacks tell them. These want a result an epoch of a trial that people know by its
name, where a worker's reports hold several epochs (`stage_driver`); so they see a stand-in. None of
them may end a run: one that raises an error is told nothing more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transfer_study.execute.cluster.ray_process import StaysHere, Tell
from transfer_study.execute.cluster.stage_job import Event, Job, Work
from transfer_study.execute.tracking import Tracker
from transfer_study.store.open_store import open_store
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune
from ray.tune.logger import LoggerCallback

_TOLD = ("loss", "dev", "loss_weights")
_MOST_WAIT = 60  # seconds for what is not yet sent when the run ends
_PARAMETERS = ("epochs", "batch_size", "learning_rate", "optimizer", "mixing", "max_length")


def trackers(job: Job, running: Mapping[str, Work], tell: Tell) -> list[tune.Callback]:
    """The callbacks of the trackers of a job; `running` are the stages by trial."""
    return [_ByEpoch(tracker, job, running, tell) for tracker in job.log_to]


def _callback_of(tracker: Tracker, study: str, folder: Path) -> LoggerCallback:
    """Tune's own; what a tracker keeps on this machine is below the folder."""
    match tracker:
        case "tensorboard":
            from ray.tune.logger import TBXLoggerCallback

            return TBXLoggerCallback()
        case "mlflow":
            from ray.air.integrations.mlflow import MLflowLoggerCallback

            uri = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}"
            return MLflowLoggerCallback(tracking_uri=uri, experiment_name=study)
        case "wandb":
            from ray.air.integrations.wandb import WandbLoggerCallback

            project = os.environ.get("WANDB_PROJECT") or "transfer-study"
            return WandbLoggerCallback(project=project, group=study, upload_timeout=_MOST_WAIT)


@dataclass(eq=False)
class _Trial:
    """A trial as the callbacks see it: a stage by its label, and what of its recipe is compared."""

    trial_id: str
    label: str
    folder: Path
    config: dict[str, Any]
    experiment_dir_name: str

    def __str__(self) -> str:
        return self.label

    @property
    def evaluated_params(self) -> dict[str, Any]:
        return self.config

    @property
    def local_path(self) -> str:
        return str(self.folder)

    def init_local_path(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)


class _ByEpoch(StaysHere, tune.Callback):  # type: ignore[misc]
    """Tells one of Tune's callbacks of stages, epoch by epoch."""

    def __init__(self, name: Tracker, job: Job, running: Mapping[str, Work], tell: Tell) -> None:
        self._name = name
        self._running = running
        self._tell = tell
        self._study = job.study
        self._folder = open_store(job.store).logs / name
        self._trials: dict[str, _Trial] = {}
        self._callback: LoggerCallback | None = None
        self._attempt(self._make)

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._callback = _callback_of(self._name, self._study, self._folder)

    def _attempt(self, act: Callable[[], object]) -> None:
        """Do something that may fail, of which the run must know nothing but a sentence."""
        try:
            act()
        except Exception as error:
            self._callback = None
            said = str(error).strip().splitlines() or [""]
            why = f"{type(error).__name__}: {said[0]}"
            self._tell(Event(is_="warned", message=f"{self._name} is told nothing more ({why})"))

    def setup(self, **info: Any) -> None:
        if self._callback is not None:
            self._attempt(partial(self._callback.setup, **info))

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        if self._callback is not None:
            seen = self._trials[trial.trial_id] = self._seen(trial.trial_id)
            seen.init_local_path()
            self._attempt(partial(self._callback.log_trial_start, seen))

    def _seen(self, trial_id: str) -> _Trial:
        work = self._running[trial_id]
        stage = Stage.model_validate_json(work.stage)
        recipe = stage.recipe.model_dump(mode="json")
        config = {
            **{"stage": stage.name, "kind": str(stage.kind), "tasks": "+".join(stage.task_names)},
            **{"seed": stage.seed, **{key: recipe[key] for key in _PARAMETERS if key in recipe}},
        }
        folder = self._folder / self._study / work.label.replace("/", "-")
        return _Trial(trial_id, work.label, folder, config, self._study)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        seen = self._trials.get(trial.trial_id)
        for epoch in result.get("epochs", ()):
            if self._callback is not None and seen is not None:
                told = {
                    what: {task: value for task, value in epoch[what].items() if value is not None}
                    for what in _TOLD
                    if what in epoch
                }
                told["training_iteration"] = epoch["epoch"]
                act = partial(self._callback.log_trial_result, iteration, seen, told)
                self._attempt(act)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._end(trial, failed="finished" not in (trial.last_result or {}))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self._end(trial, failed=True)

    def _end(self, trial: Any, *, failed: bool) -> None:
        seen = self._trials.pop(trial.trial_id, None)
        if self._callback is not None and seen is not None:
            self._attempt(partial(self._callback.log_trial_end, seen, failed=failed))

    def on_experiment_end(self, trials: list[Any], **info: Any) -> None:
        if self._callback is not None:
            self._attempt(partial(self._callback.on_experiment_end, trials, **info))
