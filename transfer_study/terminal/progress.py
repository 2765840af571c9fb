"""A run as it goes: a live view on a terminal, a line a finished stage elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console, Group

from transfer_study.errors import StoreError
from transfer_study.execute.progress import Progress, Silent
from transfer_study.files import read_regular
from transfer_study.points import counted
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.stage import Stage
from transfer_study.study.stage_labels import stage_labels
from transfer_study.study.system import System
from transfer_study.terminal.console import drawn, live_console
from transfer_study.terminal.lines import JOINED, folded, running_view, shortened
from transfer_study.visible import visible_lines

if TYPE_CHECKING:
    from transfer_study.execute.executor import Todo

_LOG_LINES = 20
_WIDTH = 80  # of text that goes to no terminal
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


def epochs_text(stage: Stage, epoch: int) -> str:
    """How many of its epochs a stage has made; with patience these are the most."""
    most = "" if stage.recipe.patience is None else "≤"
    return f"{epoch}/{most}{stage.recipe.epochs}"


@contextmanager
def open_progress(
    plan: Plan, todo: Todo, *, store: Store, quiet: bool, verbose: bool, named: str = "STUDY"
) -> Iterator[Progress]:
    """The view that suits where stderr goes; `named` is the study as commands name it."""
    part = todo.plan
    known = sum(stage.id in plan.answered and not store.is_done(stage) for stage in plan)
    say(_opening(len(plan), len(part), known), quiet)
    if quiet or not part.stages:
        yield Silent()
        return
    lines = Lines(part, store, todo.cost, verbose, live_console(), named)
    with drawn(lines.view, lines.console):
        yield lines


def _opening(total: int, todo: int, known: int = 0) -> str:
    where = f" ({known} by their answers in the results folder)" if known else ""
    if not todo:
        return f"All {total} stages are done{where}; nothing to run."
    done = f"{total - todo} of {total} stages are done{where}; " if todo < total else ""
    text = f"{done}running {counted(todo, 'stage')}."
    return text[0].upper() + text[1:]


class Lines(Progress):
    """Counts what happens to the stages and prints a line for each that ends."""

    def __init__(
        self,
        todo: Plan,
        store: Store,
        cost: Callable[[Stage], float],
        verbose: bool,
        console: Console | None = None,
        named: str = "STUDY",
    ) -> None:
        self._todo = todo
        self._store = store
        self._cost = cost
        self._verbose = verbose
        self.console = console
        self._named = named
        self._labels = stage_labels(todo)
        self._began = time.monotonic()
        self._since: dict[str, float] = {}  # running stages
        self._dev: dict[str, dict[str, float]] = {}
        self._epoch: dict[str, int] = {}
        self._done: set[str] = set()
        self._lost: set[str] = set()
        self._baselines = baselines(todo)
        self._tried: set[tuple[object, ...]] = set()  # baselines of which one seed is done
        self._warned: set[str] = set()

    def started(self, stage: Stage) -> None:
        """A stage begins, for the first time or again."""
        self._since[stage.id] = time.monotonic()

    def epoch(self, stage: Stage, epoch: dict[str, Any]) -> None:
        """A stage has finished an epoch."""
        self._epoch[stage.id] = epoch["epoch"]
        self._dev[stage.id] = epoch.get("dev", {})
        if self._verbose:
            losses = _scores({n: v for n, v in epoch["loss"].items() if v is not None})
            self._say(
                f"  {self._label(stage)}  epoch {epochs_text(stage, epoch['epoch'])}  "
                f"loss{JOINED}{losses}{self._scored(stage)}"
            )

    def finished(self, stage: Stage) -> None:
        """A stage is committed."""
        since = self._since.pop(stage.id, None)
        by = "by another run" if since is None else duration(time.monotonic() - since)
        self._done.add(stage.id)
        left = "" if self.console else self._remaining()  # the view tells it
        self._say(
            f"{self._count()}  done    {self._label(stage)}  {by}{left}"
            f"{self._early(stage)}{self._scored(stage)}{self._unlearned(stage)}"
        )
        for system in self._baselines.get(stage.id, ()):
            self._warn(system)

    def failed(self, stage: Stage, message: str, log: Path | None) -> None:
        """A stage has failed for good: its last lines and where the rest is."""
        self._since.pop(stage.id, None)
        self._lost.add(stage.id)
        self._say(f"{self._count()}  FAILED  {self._label(stage)}  {message}")
        if log is not None and log.is_file():
            tail = log_lines(log)[-_LOG_LINES:]
            self._print("\n".join(f"    {line}" for line in tail))
            self._print(f"    the whole of it: {log}")

    def waiting(self, count: int) -> None:
        """Other runs have all that is ready."""
        self._say(f"{self._count()}  waiting for {counted(count, 'stage')} that another run has")

    def refused(self, machine: str) -> None:
        """A machine is given no more stages."""
        self._say(f"{self._count()}  REFUSED {machine}; it is given no more stages")

    def warned(self, message: str) -> None:
        """Something went wrong that ends nothing."""
        self._say(f"{self._count()}  warning: {message}")

    def returned(self, stage: Stage, why: str) -> None:
        """A stage will begin again."""
        self._since.pop(stage.id, None)
        self._epoch.pop(stage.id, None)
        self._say(f"{self._count()}  again   {self._label(stage)}  {why}")

    def suspended(self, stage: Stage) -> None:
        """A stage stopped, and will go on in another run."""
        self._since.pop(stage.id, None)
        self._say(f"{self._count()}  stopped {self._label(stage)}  how far it is was kept")

    def held_back(self, stage: Stage) -> None:
        """A stage cannot run, for a parent of its has failed."""
        self._lost.add(stage.id)
        self._say(f"{self._count()}  FAILED  {self._label(stage)}  a stage it starts from failed")

    def view(self) -> Group:
        """The running stages with their epochs and dev scores, and the counts.

        Never wider than a usual terminal, nor higher than this one: what is drawn is later erased
        line by line, which one that was made narrower meanwhile has folded.
        """
        width = min(self._width, _WIDTH - 1)
        running = sorted(self._since.items(), key=lambda item: item[1])
        shown = running[: max(self.console.height - 4, 1)] if self.console else running
        by_id = {stage.id: stage for stage in self._todo}
        rows = [
            (
                _short_label(self._label(by_id[identity]), width // 2),
                epochs_text(by_id[identity], self._epoch.get(identity, 0)),
                duration(time.monotonic() - since),
                _scores(self._dev.get(identity, {})),
            )
            for identity, since in shown
        ]
        waiting = len(self._todo) - len(self._done) - len(self._lost) - len(running)
        summary = (
            f"{len(self._done)} done · {len(running)} running · {waiting} waiting · "
            f"{len(self._lost)} failed · {duration(time.monotonic() - self._began)}"
            f"{self._remaining()}"
        )
        return running_view("dev scores", rows, summary, width)

    @property
    def _width(self) -> int:
        return self.console.width if self.console else _WIDTH

    def _say(self, text: str) -> None:
        """Print one event, folded where it is longer than a line."""
        self._print("\n".join(folded(text, max(self._width, 40))))

    def _print(self, text: str) -> None:
        if self.console:
            self.console.out(visible_lines(text), highlight=False)
        else:
            say(text)

    def _early(self, stage: Stage) -> str:
        """Where its patience ended it."""
        epoch = self._epoch.get(stage.id, 0)
        if stage.recipe.patience is None or not 0 < epoch < stage.recipe.epochs:
            return ""
        return f"  ended{JOINED}early:{JOINED}{epoch}/{stage.recipe.epochs}{JOINED}epochs"

    def _unlearned(self, stage: Stage) -> str:
        """What the stage has not learned, told at once: its edges will say nothing."""
        # Late, since messages are also printed where no pandas is wanted.
        from transfer_study.analysis.effects.learned import not_learned
        from transfer_study.store.predictions import StoredAnswers

        try:
            names = ", ".join(not_learned(stage, StoredAnswers(self._store)))
        except StoreError:
            return ""  # the report will say what is wrong with what was stored
        return f"  NOT{JOINED}LEARNED: {names} (no better than a constant answer)" if names else ""

    def _warn(self, baseline: System) -> None:
        """Say once a task, by its first seed, that it does not learn: more seeds mend nothing."""
        from transfer_study.analysis.effects.learned import dev_and_constant
        from transfer_study.metrics.constant import ROUNDING
        from transfer_study.store.predictions import StoredAnswers

        whatever_seed = tuple(baseline.edge)
        if whatever_seed in self._tried or baseline.target in self._warned:
            return
        self._tried.add(whatever_seed)
        try:
            found = dev_and_constant(baseline.stage, baseline.task, StoredAnswers(self._store))
        except StoreError:
            return  # as above
        dev, constant = found
        if dev <= constant + ROUNDING:
            self._warned.add(baseline.target)
            remedy = f"`transfer-study tune {self._named}` searches for a recipe by which it does."
            if self._todo.study.preview is not None:
                remedy = "the whole study, or a larger --fidelity, trains it more."
            self._say(
                f"warning: {baseline.target} does not learn by its recipe (dev {dev:.3f}, a "
                f"constant answer {constant:.3f}): edges on it will say nothing. The run goes on; "
                f"{remedy}"
            )

    def _scored(self, stage: Stage) -> str:
        """Its dev scores of the last epoch, where it has any."""
        scores = self._dev.get(stage.id)
        return f"  dev{JOINED}{_scores(scores)}" if scores else ""

    def _label(self, stage: Stage) -> str:
        return self._labels[stage.id]

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


def baselines(plan: Plan) -> dict[str, list[System]]:
    """What edges are held against, by the stages that answer; of the honest protocol alone."""
    found: dict[str, list[System]] = {}
    for system in plan.systems:
        if system.arm == "single" and system.protocol == Protocol.CLEAN:
            found.setdefault(system.stage.id, []).append(system)
    return found


def _short_label(label: str, width: int) -> str:
    """A stage's label with what sets it apart, as far as there is room: seed, recipe and size."""
    _, bracket, marks = label.partition(" (")
    kept = len(bracket + marks) + 4
    return shortened(label, width, max(6, kept if cell_len(label[-kept:]) <= width * 2 // 3 else 0))


def _scores(scores: dict[str, float]) -> str:
    return " ".join(f"{name}{JOINED}{value:.3f}" for name, value in scores.items())
