"""The report of a study while it runs, written anew as stages end.

    this process  ── which study, where ──▶  a process that writes the report, and ends

A process of its own, which yields to everything else on its machine, delays no stage: neither those
of a worker nor those that the run's own process executes. It reads the plan that the run has kept.
Files are replaced whole, and tables and predictions stay as they were until the run ends.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transfer_study.errors import StoreError
from transfer_study.execute.executor import Todo
from transfer_study.execute.program import sources_on_path
from transfer_study.execute.progress import Progress, Several
from transfer_study.files import writing
from transfer_study.session.places import Places
from transfer_study.session.plans import as_begun
from transfer_study.session.report import write_so_far
from transfer_study.session.run import Watch
from transfer_study.store.open_store import open_store
from transfer_study.store.recorded import plan_of_record
from transfer_study.store.runs.stage_log import RUNS, StageLog
from transfer_study.study.frozen import Frozen
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage

if TYPE_CHECKING:
    import pandas as pd

# The least seconds from one report to the next, and how many times those that its processor works.
EVERY, PATIENCE = 30.0, 10.0
_START = f"import os; os.nice(19); from {__name__} import main; main()"


class _Wanted(Frozen):
    """The report that is to be written; `named` is the study as commands name it."""

    study: str
    store: str
    results: Path
    plots: Path
    named: str
    reloads: int


def with_live_report(
    watch: Watch, places: Places, named: str, leaks: pd.DataFrame | None = None
) -> Watch:
    """Watch what is run as `watch` does, and have the report written meanwhile.

    `leaks` are those of `survey`.
    """

    @contextmanager
    def watched(plan_: Plan, todo: Todo) -> Iterator[Progress]:
        with watch(plan_, todo) as progress:
            if not todo.plan.stages:
                yield progress
                return
            wanted = _Wanted(
                study=plan_.study.name,
                store=open_store(places.store).place,
                results=places.results.resolve(),
                plots=places.plots.resolve(),
                named=named,
                reloads=round(EVERY),
            )
            keep = partial(_keep, leaks, places.results / plan_.study.name)
            with _rewritten(wanted, keep) as news:
                yield Several(progress, news)

    return watched


def _keep(leaks: pd.DataFrame | None, folder: Path) -> None:
    if leaks is not None:
        from transfer_study.report.beside import Beside

        with writing(folder):
            Beside(leaks).kept_in(folder, folder)


class _News(Progress):
    """Notices when there is more to report."""

    def __init__(self) -> None:
        self.some = threading.Event()

    def finished(self, stage: Stage) -> None:  # noqa: ARG002
        """A stage is committed."""
        self.some.set()

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:  # noqa: ARG002
        """A stage has failed for good."""
        self.some.set()


@contextmanager
def _rewritten(wanted: _Wanted, keep: Callable[[], None]) -> Iterator[_News]:
    """Have a report written after news, until what runs is over; first what it reads is kept."""
    news, over = _News(), threading.Event()

    def rewrite() -> None:
        pause = EVERY
        while not over.wait(pause):
            pause = 1.0
            if news.some.is_set():
                news.some.clear()
                before = _worked()
                with suppress(OSError, StoreError):  # the last report will say so
                    keep()
                _write(wanted, over)
                pause = max(EVERY, PATIENCE * (_worked() - before))

    thread = threading.Thread(target=rewrite, daemon=True)
    thread.start()
    try:
        yield news
    finally:
        over.set()
        thread.join()


def _worked() -> float:
    """Seconds that processors have worked for processes of this one that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _write(wanted: _Wanted, over: threading.Event) -> None:
    """Write one report in a process of its own, which is stopped where it is no more wanted."""
    with subprocess.Popen(
        [sys.executable, "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=sources_on_path({**os.environ, "OMP_NUM_THREADS": "1"}),
        start_new_session=True,  # so that Ctrl-C in a terminal does not go there
    ) as process:
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(wanted.model_dump_json().encode())
            process.stdin.close()
        while process.poll() is None:
            if over.wait(0.2):
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)
                process.kill()


def main() -> None:
    """Write the report that standard input asks for."""
    signal.signal(signal.SIGTERM, _leave)
    wanted = _Wanted.model_validate_json(sys.stdin.buffer.read())
    places = Places(wanted.store, wanted.results, wanted.plots)
    try:
        plan_ = plan_of_record(places.results / wanted.study)
        if plan_ is not None:
            write_so_far(as_begun(plan_, places), places, wanted.named, wanted.reloads)
    except Exception as error:
        said = f"the report could not be written yet: {type(error).__name__}: {error}"
        StageLog(open_store(places.store), RUNS).say("warning", message=said)
        raise


def _leave(*_: Any) -> None:
    """End as by an exception, so that nothing is left half written."""
    sys.exit(1)
