"""A stage in a worker of Ray's, wherever that runs, and what it reports of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from transfer_study.execute.cluster.library import at_hand
from transfer_study.execute.cluster.probe import Probe
from transfer_study.execute.cluster.ray_process import this_machine
from transfer_study.execute.run_stage import StageFailed, run_stage
from transfer_study.execute.suspend import Keeping, Suspended
from transfer_study.store.open_store import open_store
from transfer_study.store.runs.host import VARIABLE as HOST_NAMES
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
from ray import tune

_SECONDS_BETWEEN_REPORTS = 1.0


@dataclass(frozen=True)
class Worker:
    """What a worker is told once: how its machine must be, and its share of a GPU.

    `library` brings what the machine lacks, None where it is the only one.
    """

    probe: Probe
    gpus: float
    library: str | None
    keep_minutes: float
    host_names: bool


def trainable(worker: Worker) -> Callable[[dict[str, Any]], None]:
    """What Tune calls in a worker for each stage."""

    def run_trial(config: dict[str, Any]) -> None:
        _run_trial(config, worker)

    return run_trial


def _run_trial(config: dict[str, Any], worker: Worker) -> None:
    """The work of one trial. Errors are told, not raised: only a death is retried."""
    os.environ[HOST_NAMES] = "yes" if worker.host_names else "no"
    report = Reporter()
    unfit = worker.probe.unfit()
    if unfit is not None:
        report.end(unfit=unfit)
        return
    store = open_store(worker.probe.store)
    asked = _Rarely(partial(worker.probe.sign.is_suspended, store))
    try:
        run_stage(
            at_hand(Stage.model_validate_json(config["stage"]), worker.library),
            store,
            keep_model=config["keep_model"],
            gpu_share=worker.gpus,
            on_epoch=report.epoch,
            keeping=Keeping(worker.keep_minutes, asked),
        )
    except Suspended:
        report.end(suspended=True)
    except StageFailed as failure:
        how = {"log": str(failure.log), "of_machine": failure.of_machine}
        report.end(error=str(failure), **how)
    else:
        report.end(finished=True)


class _Rarely:
    """A question that is asked at most once a second, and not again after a yes."""

    def __init__(self, question: Callable[[], bool]) -> None:
        self._question = question
        self._asked = time.monotonic()
        self._answer = False

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._answer and now - self._asked >= _SECONDS_BETWEEN_REPORTS:
            self._asked, self._answer = now, self._question()
        return self._answer


class Reporter:
    """What a worker reports to Tune, for whose answer it waits each time: rarely, epochs together.

    Tune would ask a trial that does not say itself that it is done for one more result.
    """

    def __init__(self) -> None:
        self._epochs: list[dict[str, Any]] = []
        self._reported = time.monotonic()

    def epoch(self, epoch: dict[str, Any]) -> None:
        """An epoch is over."""
        self._epochs.append(epoch)
        if time.monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._say({})

    def end(self, **how: Any) -> None:
        """The trial is over, in this way and on this machine."""
        self._say({**how, "machine": this_machine(), "done": True})

    def _say(self, more: dict[str, Any]) -> None:
        epochs, self._epochs = self._epochs, []
        tune.report({"epochs": epochs, **more})
        self._reported = time.monotonic()
