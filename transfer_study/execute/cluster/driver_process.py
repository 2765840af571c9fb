"""A driver of Ray as a process of its own, as the process that gives it a job sees it.

    this process  ── a job ──▶  a driver in `ray_process`  ──▶  Ray, its workers
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
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from transfer_study.errors import ExecutionError
from transfer_study.execute.cluster.authentication import authentication
from transfer_study.execute.cluster.process_session import end_session
from transfer_study.execute.cluster.stage_job import LONGEST_START, NO_WORKER, UP, RayEvent, RayJob
from transfer_study.execute.program import sources_on_path
from transfer_study.execute.resources import Resources
from transfer_study.store.open_store import open_store
from transfer_study.store.storage.file_system import make_folders
from transfer_study.store.store import Store

_UP = UP.model_dump_json()
_Event = TypeVar("_Event", bound=RayEvent)


@dataclass(eq=False)
class Driver(Generic[_Event]):
    """A driver that runs; its events come until it ends. `suspended` says that it is to stop.

    They raise ExecutionError where the job is impossible.
    """

    _process: subprocess.Popen[str]
    events: Iterator[_Event]
    suspended: bool = False

    def suspend(self) -> None:
        """Ask it to stop what it runs, once that has kept how far it is."""
        assert self._process.stdin is not None
        self.suspended = True
        with suppress(OSError):  # it has ended
            os.write(self._process.stdin.fileno(), b"\n")


@contextmanager
def driven(driver: str, job: RayJob, event: type[_Event]) -> Iterator[Driver[_Event]]:
    """Start a driver, a module of this package, with a job in one line of JSON.

    At the end all of its session is ended.
    """
    store, environment = open_store(job.store), _environment(job.resources)
    make_folders(store.disk, store.root)
    with store.ray_log.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from {__package__}.{driver} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            env=environment,
            start_new_session=True,
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        with suppress(BrokenPipeError):  # it ended at once; so will the events
            process.stdin.write(job.model_dump_json() + "\n")
            process.stdin.flush()
        yield Driver(process, _heard(process, event))
    finally:
        end_session(process.pid)
        process.wait()
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()
        store.sweep()


def _heard(process: subprocess.Popen[str], event: type[_Event]) -> Iterator[_Event]:
    late = threading.Event()

    def end() -> None:
        late.set()
        end_session(process.pid)

    # A driver that waits for its first workers can do nothing else, nor end itself.
    start = threading.Timer(LONGEST_START, end)
    start.daemon = True
    start.start()
    assert process.stdout is not None
    try:
        for line in process.stdout:
            start.cancel()
            if line.rstrip("\n") == _UP:
                continue
            said = event.model_validate_json(line)
            if said.is_ == "impossible":
                raise ExecutionError(said.message)
            yield said
    finally:
        start.cancel()
    if late.is_set():
        raise ExecutionError(NO_WORKER)


def ended_early(store: Store) -> ExecutionError:
    """What is to be raised where a driver has ended before all was done."""
    return ExecutionError(
        f"Ray ended before its work did; what it said is in {store.ray_log}. What is finished is "
        "kept; the same command continues"
    )


def _environment(resources: Resources) -> Mapping[str, str]:
    environment = sources_on_path(os.environ)
    if resources.address is None:
        # Where Ray expects no cluster, its name for other systems, it listens on loopback alone.
        environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    return {**environment, **authentication(resources.address)}
