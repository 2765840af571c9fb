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
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from transfer_study.execute.process_session import end_session
from transfer_study.execute.resources import Resources
from transfer_study.store.store import Store


@contextmanager
def driven(driver: str, job: str, resources: Resources, store: Store) -> Iterator[Iterator[str]]:
    """Start a driver, a module of this package, with a job in one line of JSON.

    Gives its events, a line each, until it ends. Then all of its session is ended.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    with store.ray_log.open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", f"from {__package__}.{driver} import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            encoding="utf-8",
            env=_environment(resources),
            start_new_session=True,
        )
    assert process.stdin is not None and process.stdout is not None
    try:
        with suppress(BrokenPipeError):  # it ended at once; so will the events
            process.stdin.write(job + "\n")
            process.stdin.flush()
        yield process.stdout
    finally:
        end_session(process.pid)
        process.wait()
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()
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
