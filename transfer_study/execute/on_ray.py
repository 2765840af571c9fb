"""Stages through Ray, which lives in a process of its own.

    this process  ── a job ──▶  transfer_study.execute.ray_driver  ──▶  Ray, its workers
                  ◀─ events ──

So nothing of this process, such as the view on a terminal, is within reach of what Tune pickles,
and nothing that Ray prints is within reach of the terminal: it goes to `ray.log` in the store. The
driver leads a session, which all processes that it starts share. The signals of a terminal, and of
`timeout`, do not go there; it is ended from here, however the run ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from transfer_study.errors import ExecutionError
from transfer_study.execute.job import Event, Job, job_of
from transfer_study.execute.process_session import end_session
from transfer_study.execute.progress import Progress
from transfer_study.execute.resources import Resources
from transfer_study.records.store import Store
from transfer_study.spec.plan import Plan
from transfer_study.spec.stage import Stage

_DRIVER = "from transfer_study.execute.ray_driver import main; main()"


def run_on_ray(
    plan: Plan,
    store: Store,
    progress: Progress,
    resources: Resources,
    *,
    cost: Callable[[Stage], float] | None,
    kept: Collection[str],
    fail_fast: bool = False,
) -> None:
    """Run the stages of a plan on Ray; a failed stage holds back only its children.

    The longest by this cost are first, without one those that are first in the plan. `kept` are the
    ids of the stages whose weights are kept. Raises ExecutionError where Ray cannot run them;
    however it ends, no process of Ray's stays behind.
    """
    stages = {stage.id: stage for stage in plan}
    complete = False
    with _events(job_of(plan, store.root, resources, cost, kept, fail_fast), store) as events:
        for event in events:
            if event.is_ == "impossible":
                raise ExecutionError(event.message)
            if event.is_ == "complete":
                complete = True
            else:
                _pass_on(event, stages, progress)
    if not complete:
        raise ExecutionError(
            f"Ray ended before its work did; what it said is in {store.ray_log}. Finished stages "
            "are kept; the same command continues"
        )


@contextmanager
def _events(job: Job, store: Store) -> Iterator[Iterator[Event]]:
    """Start a driver with a job; what happens there, until it ends. Then end all of its session."""
    store.root.mkdir(parents=True, exist_ok=True)
    with store.ray_log.open("a", encoding="utf-8") as log:
        driver = subprocess.Popen(
            [sys.executable, "-c", _DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            env=_environment(job.resources),
            start_new_session=True,
        )
    assert driver.stdin is not None and driver.stdout is not None
    try:
        with suppress(BrokenPipeError):  # it ended at once; so will the events
            driver.stdin.write(job.model_dump_json() + "\n")
            driver.stdin.flush()
        yield map(Event.model_validate_json, driver.stdout)
    finally:
        end_session(driver.pid)
        driver.wait()
        driver.stdout.close()
        with suppress(BrokenPipeError):
            driver.stdin.close()
        store.sweep()


def _environment(resources: Resources) -> Mapping[str, str]:
    environment = dict(os.environ)
    folder = str(Path(__file__).parents[2])
    if folder != sysconfig.get_path("purelib"):  # it runs from its sources
        paths = [environment.get("PYTHONPATH"), folder]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    if resources.address is None:
        # Where Ray expects no cluster, its name for other systems, it listens on loopback alone.
        environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return environment


def _pass_on(event: Event, stages: Mapping[str, Stage], progress: Progress) -> None:
    stage = stages[event.stage]
    match event.is_:
        case "started":
            progress.started(stage)
        case "epoch":
            progress.epoch(stage, event.epoch)
        case "finished":
            progress.finished(stage)
        case "failed":
            progress.failed(stage, event.message, event.log)
        case "held_back":
            progress.held_back(stage)
