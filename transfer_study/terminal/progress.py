"""A run as it goes: a live view on a terminal, a line a finished stage elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from transfer_study.execute.progress import Progress, Silent
from transfer_study.files import read_regular
from transfer_study.records.store import Store
from transfer_study.spec.plan import Plan
from transfer_study.spec.stage import Stage
from transfer_study.terminal.console import stderr
from transfer_study.visible import visible_lines

_LOG_LINES = 20
_MOST_LOG = 1 << 24


def say(message: str, quiet: bool = False) -> None:
    """One line to stderr, at once."""
    if not quiet:
        print(visible_lines(message), file=sys.stderr, flush=True)


def log_lines(log: Path) -> list[str]:
    """The lines of a failed stage's error, at least one."""
    try:
        text = read_regular(log, _MOST_LOG).decode("utf-8", errors="replace")
    except OSError as error:
        text = f"its error cannot be read ({error.strerror})"
    return text.strip().splitlines() or ["no message"]


def duration(seconds: float) -> str:
    """Seconds as 45 s, 12 min or 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def stage_label(stage: Stage, plan: Plan) -> str:
    """The readable name of a stage, with its encoder where the study has several."""
    return (
        f"{stage.family} ({stage.encoder.name})" if len(plan.study.encoders) > 1 else stage.family
    )


@contextmanager
def open_progress(
    plan: Plan,
    store: Store,
    cost: Callable[[Stage], float],
    *,
    quiet: bool,
    verbose: bool,
) -> Iterator[Progress]:
    """The view that suits where stderr goes."""
    todo = plan.missing(store.is_done, store.has_model)
    say(_opening(len(plan), len(todo)), quiet)
    if quiet or not todo.stages:
        yield Silent()
        return
    lines = Lines(todo, cost, verbose)
    console = stderr()
    if not console.is_terminal:
        yield lines
        return
    with Live(console=console, get_renderable=lines.view, refresh_per_second=2, transient=True):
        lines.print = console.print
        yield lines


def _opening(total: int, todo: int) -> str:
    if not todo:
        return f"All {total} stages are done; nothing to run."
    done = f"{total - todo} of {total} stages are done; " if todo < total else ""
    text = f"{done}running {todo} stage{'s' if todo > 1 else ''}."
    return text[0].upper() + text[1:]


class Lines:
    """Counts what happens to the stages and prints a line for each that ends."""

    def __init__(self, todo: Plan, cost: Callable[[Stage], float], verbose: bool) -> None:
        self._todo = todo
        self._cost = cost
        self._verbose = verbose
        self._began = time.monotonic()
        self._since: dict[str, float] = {}  # running stages
        self._dev: dict[str, dict[str, float]] = {}
        self._epoch: dict[str, int] = {}
        self._done: set[str] = set()
        self._lost: set[str] = set()
        self.print: Callable[[str], None] = say

    def started(self, stage: Stage) -> None:
        """A stage begins, for the first time or again."""
        self._since[stage.id] = time.monotonic()

    def epoch(self, stage: Stage, epoch: dict[str, Any]) -> None:
        """A stage has finished an epoch."""
        self._epoch[stage.id] = epoch["epoch"]
        self._dev[stage.id] = epoch["dev"]
        if self._verbose:
            losses = _scores({n: v for n, v in epoch["loss"].items() if v is not None})
            self.print(
                f"  {self._label(stage)}  epoch {epoch['epoch']}/{stage.recipe.epochs}  "
                f"loss {losses}  dev {_scores(epoch['dev'])}"
            )

    def finished(self, stage: Stage) -> None:
        """A stage is committed."""
        seconds = time.monotonic() - self._since.pop(stage.id, time.monotonic())
        self._done.add(stage.id)
        self.print(
            f"{self._count()}  done    {self._label(stage)}  {duration(seconds)}  "
            f"dev {_scores(self._dev.get(stage.id, {}))}{self._remaining()}"
        )

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        """A stage has failed for good: its last lines and where the rest is."""
        self._since.pop(stage.id, None)
        self._lost.add(stage.id)
        self.print(f"{self._count()}  FAILED  {self._label(stage)}  {message}")
        if log is not None and log.is_file():
            tail = log_lines(log)[-_LOG_LINES:]
            self.print("\n".join(f"    {line}" for line in tail))
            self.print(f"    the whole of it: {log}")

    def held_back(self, stage: Stage) -> None:
        """A stage cannot run, for a parent of its has failed."""
        self._lost.add(stage.id)
        self.print(f"{self._count()}  FAILED  {self._label(stage)}  a stage it starts from failed")

    def view(self) -> Group:
        """The running stages with their epochs and dev scores, and the counts."""
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
        for heading in ("running", "epoch", "time", "dev scores"):
            table.add_column(heading, no_wrap=heading != "dev scores")
        by_id = {stage.id: stage for stage in self._todo}
        for identity, since in sorted(self._since.items(), key=lambda item: item[1]):
            stage = by_id[identity]
            table.add_row(
                self._label(stage),
                f"{self._epoch.get(identity, 0)}/{stage.recipe.epochs}",
                duration(time.monotonic() - since),
                _scores(self._dev.get(identity, {})),
            )
        waiting = len(self._todo) - len(self._done) - len(self._lost) - len(self._since)
        summary = (
            f"{len(self._done)} done · {len(self._since)} running · {waiting} waiting · "
            f"{len(self._lost)} failed · {duration(time.monotonic() - self._began)}"
            f"{self._remaining()}"
        )
        return Group(table, Text(summary, style="bold"))

    def _label(self, stage: Stage) -> str:
        return stage_label(stage, self._todo)

    def _count(self) -> str:
        total = str(len(self._todo))
        return f"[{len(self._done) + len(self._lost):>{len(total)}}/{total}]"

    def _remaining(self) -> str:
        """Time to go, by the pace of this run in estimated work a second."""
        cost = {stage.id: self._cost(stage) for stage in self._todo}
        done = sum(cost[identity] for identity in self._done)
        # Half of what runs is taken to be done: its epochs tell no more exactly.
        done += 0.5 * sum(cost[identity] for identity in self._since)
        left = sum(cost.values()) - done - sum(cost[identity] for identity in self._lost)
        if not self._done or left <= 0:
            return ""
        return f"  about {duration(left * (time.monotonic() - self._began) / done)} left"


def _scores(scores: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in scores.items())
