"""Which arms one graph shows together, and what a reader asked to see of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

from transfer_study.analysis.edges import raw_edges
from transfer_study.errors import StudyError
from transfer_study.study.arms import FULL, PAIRS, SINGLE, Arm, arm_of
from transfer_study.study.sizes import train_sizes
from transfer_study.study.spelling import choices
from transfer_study.study.study import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class View:
    """One way to look at a study's deltas: an arm as edges, another as rings around their targets.

    `name` is for files and `title` for readers, both empty for pairs and full mix, the view that
    every other is beside. `arms` has what the arms of the study file that it is about are called
    in deltas.csv. `tasks` are the only ones it shows, all where it is empty. `number` is what
    stands in a node: what its edges are against, or, where each edge has a baseline of its own,
    the score that they share.
    """

    name: str
    title: str
    arms: Mapping[Arm, str]
    edges: str
    rings: str | None = None
    tasks: tuple[str, ...] = ()
    number: Literal["baseline", "score"] = "baseline"

    def rows(self, deltas: pd.DataFrame) -> pd.DataFrame:
        """The deltas that are drawn as edges or rings: raw ones, not those over a control."""
        rows = raw_edges(deltas[deltas["arm"].isin([self.edges, self.rings])])
        if not self.tasks:
            return rows
        among = rows["source"].isin(self.tasks) | (rows["arm"] != self.edges)
        return rows[among & rows["target"].isin(self.tasks)]


MAIN = View("", "", {PAIRS: PAIRS.label, FULL: FULL.label}, PAIRS.label, FULL.label)


@dataclass(frozen=True, slots=True)
class Shown:
    """What is to be seen of a study: one arm or all, one training size or each one's place.

    `arm` is the word of one. Without a size, figures show every target at its largest. A `task` is
    drawn by itself as well.
    """

    arm: str | None = None
    size: int | None = None
    task: str | None = None

    @property
    def options(self) -> list[str]:
        """The words of a command line that ask for it."""
        asked = {"--arm": self.arm, "--size": self.size, "--task": self.task}
        given = ((option, str(value)) for option, value in asked.items() if value is not None)
        return [word for words in given for word in words]

    def check(self, study: Study) -> None:
        """Raise StudyError for an arm, a size or a task that the study does not have."""
        arms = [str(arm) for arm in study.arms if arm != SINGLE]
        if self.arm is not None and self.arm not in arms:
            allowed = choices(self.arm, arms) if arms else "it compares nothing"
            raise StudyError(
                f"--arm: found {self.arm}, which the study does not compare; {allowed}"
            )
        sizes = sorted({size for task in study.tasks for size in train_sizes(task)})
        if self.size is not None and self.size not in sizes:
            allowed = (
                f"allowed: {', '.join(map(str, sizes))}"
                if sizes
                else ("it has one size; give it several as `limits: {max_train: [100, 300, 1000]}`")
            )
            raise StudyError(f"--size: found {self.size}, which the study does not have; {allowed}")
        tasks = [task.name for task in study.tasks]
        if self.task is not None and self.task not in tasks:
            raise StudyError(
                f"--task: found {self.task}, which is no task of the study; "
                f"{choices(self.task, tasks)}"
            )

    def views(self, study: Study) -> Iterator[View]:
        """The views of the study that show the arm."""
        asked = (arm for arm in study.arms if self.arm in (None, str(arm)))
        labels = (arm.labels(study).items() for arm in asked)
        yield from views_of(dict(chain.from_iterable(labels)))

    def of(self, study: Study, deltas: pd.DataFrame) -> pd.DataFrame:
        """The deltas that are shown, targets of a single size included."""
        if self.arm is not None:
            arm = Arm.known[self.arm]
            labels = {view.arms[arm] for view in self.views(study)}
            deltas = deltas[deltas["arm"].isin(labels)]
        return deltas if self.size is None else at_size(deltas, self.size)


def views_of(labels: Mapping[str, tuple[str, ...]]) -> Iterator[View]:
    """The views that show effects of these labels, each with the only tasks that it is of, or none.

    Rings stand around the targets of pairs.
    """
    named = {label: arm for label in labels if (arm := arm_of(label)) is not None}
    if any(arm in MAIN.arms for arm in named.values()):
        yield MAIN
    for arm in Arm.known.values():
        for label in (label for label in labels if arm.title and named.get(label) == arm):
            edges, rings = (PAIRS.label, label) if arm.drawn == "rings" else (label, None)
            yield View(
                name=label.replace(":", "-"),
                title=" ".join([arm.title, *label.split(":")[1:]]),
                arms={arm: label},
                edges=edges,
                rings=rings,
                tasks=labels[label],
                number=arm.number,
            )


def at_size(table: pd.DataFrame, size: int | None) -> pd.DataFrame:
    """Each target of deltas or scores at this size or its largest, of a single size as it is."""
    if "size" not in table:
        return table
    sizes, targets = table["size"], table["target" if "target" in table else "task"]
    chosen = sizes == (sizes.groupby(targets).transform("max") if size is None else size)
    return table[sizes.isna() | chosen.fillna(False)]
