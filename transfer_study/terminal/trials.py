"""Trials of recipes as they go: a live view on a terminal, a line a trial that ended elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, Group

from transfer_study.execute.cluster.search import Watching
from transfer_study.points import counted
from transfer_study.store.trials import Trial
from transfer_study.study.file.write_recipe import value_text
from transfer_study.study.search import Values
from transfer_study.terminal.console import drawn, live_console
from transfer_study.terminal.lines import folded, running_view, shortened
from transfer_study.terminal.progress import duration, say
from transfer_study.visible import visible_lines

if TYPE_CHECKING:
    from transfer_study.tune import Tuning

_WIDTH = 80
# What is searched without being asked, in words that leave room for a task's name.
_SHORT = {"learning_rate": "rate", "batch_size": "batch", "freeze_layers": "frozen"}


def short_key(key: str) -> str:
    """A key of the recipe as tables have it."""
    return _SHORT.get(key, key)


def recipe_text(values: Values) -> str:
    """A recipe's values on a line."""
    return ", ".join(f"{short_key(key)} {value_text(value)}" for key, value in values.items())


def print_tuning(tuning: Tuning, quiet: bool) -> None:
    """Say before anything is tried what will be, how it is judged, and how long it may take."""
    search = tuning.search
    n, tasks = counted(search.recipes, "recipe"), counted(len(search.targets), "task")
    seeds = ", ".join(map(str, tuning.seeds))
    several = f"seeds {seeds}, which are none" if len(tuning.seeds) > 1 else f"seed {seeds}, none"
    drawn = "All of them" if tuning.search.whole else "Drawn at random"
    wide = max(map(len, tuning.search.space))
    lines = [
        f"Trying up to {n} for `{tuning.section}` on {tasks}, each alone: at most "
        f"{duration(search.seconds)}.",
        f"Judged on dev alone, with {several} of the study's.",
        *(
            f"  {key:<{wide}}  {', '.join(map(value_text, values))}  "
            f"(now {value_text(tuning.search.own[key])})"
            for key, values in tuning.search.space.items()
        ),
        f"{drawn}, the study's own first. After a quarter of its epochs, and after",
        "a half, a trial ends where it is among the worse half of its task's.",
    ]
    for line in lines:
        say("\n".join(folded(line, _WIDTH)), quiet)


@contextmanager
def open_trials(tuning: Tuning, *, quiet: bool, verbose: bool) -> Iterator[Watching]:
    """The view that suits where stderr goes."""
    if quiet:
        yield Watching()
        return
    lines = TrialLines(tuning, verbose, live_console())
    with drawn(lines.view, lines.console):
        yield lines


class TrialLines(Watching):
    """Prints a line for each recipe that is begun and each trial that ends."""

    def __init__(self, tuning: Tuning, verbose: bool, console: Console | None = None) -> None:
        self._tuning = tuning
        self._verbose = verbose
        self.console = console
        self._began = time.monotonic()
        self._running: list[tuple[Trial, float]] = []
        self._recipes: set[int] = set()
        self._ended = 0

    def began(self, trial: Trial) -> None:
        """A trial begins; of a new recipe, say what it is."""
        if trial.recipe not in self._recipes:
            self._recipes.add(trial.recipe)
            self._say(f"recipe {trial.recipe}: {recipe_text(trial.values)}")
        self._running.append((trial, time.monotonic()))

    def epoch(self, trial: Trial) -> None:
        """A trial has finished an epoch."""
        if self._verbose:
            about = f"epoch {len(trial.dev)}/{trial.epochs}  dev {trial.dev[-1]:.3f}"
            self._say(f"  {self._label(trial)}  {about}")

    def ended(self, trial: Trial) -> None:
        """A trial is over."""
        self._running = [(one, since) for one, since in self._running if one is not trial]
        self._ended += 1
        total = str(self._tuning.most_trials)
        score = f"  dev {max(trial.dev):.3f}" if trial.dev else ""
        early = f" of {trial.epochs}" if len(trial.dev) < trial.epochs else ""
        said = {
            "complete": f"{len(trial.dev)}{early} epochs",
            "stopped": f"stopped at {len(trial.dev)}/{trial.epochs}",
            "failed": f"FAILED  {trial.message}",
        }[trial.state]
        took = "known" if trial.known else duration(trial.seconds)
        self._say(
            f"[{self._ended:>{len(total)}}/{total}]  {self._label(trial)}  {said}  {took}{score}"
        )

    def view(self) -> Group:
        """The running trials with their epochs and dev scores, and the counts.

        Never wider than a usual terminal, nor higher than this one.
        """
        width = min(self.console.width if self.console else _WIDTH, _WIDTH) - 1
        most = max(self.console.height - 4, 1) if self.console else len(self._running)
        rows = [
            (
                shortened(self._label(trial), width // 2),
                f"{len(trial.dev)}/{trial.epochs}",
                duration(time.monotonic() - since),
                f"{trial.dev[-1]:.3f}" if trial.dev else "",
            )
            for trial, since in self._running[:most]
        ]
        left = max(self._tuning.search.seconds - (time.monotonic() - self._began), 0.0)
        summary = (
            f"{self._ended} of at most {self._tuning.most_trials} trials done · "
            f"{len(self._running)} running · at most {duration(left)} left"
        )
        return running_view("dev", rows, summary, width)

    def _label(self, trial: Trial) -> str:
        seed = f", seed {trial.seed}" if len(self._tuning.seeds) > 1 else ""
        return f"{self._tuning.search.targets[trial.target].name}, recipe {trial.recipe}{seed}"

    def _say(self, text: str) -> None:
        if self.console:
            lines = folded(visible_lines(text), max(self.console.width, 40))
            self.console.out("\n".join(lines), highlight=False)
        else:
            say("\n".join(folded(text, _WIDTH)))
