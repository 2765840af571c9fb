"""What an arm is: all that plans, checks, tables, figures and advice know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from transfer_study.study.builder import Reader
from transfer_study.study.named import Named
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.sharing import BALANCE
from transfer_study.study.system import System

if TYPE_CHECKING:
    from transfer_study.study.study import Study

BOTH = tuple(Reading)
TOGETHER = ("mixing", *BALANCE)  # what a stage that moves one encoder for several tasks reads


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Arm(Named):
    """Which tasks are learned together, or one after the other.

    `word` is what a study file calls it and `label` what tables do; of an arm of `sets`, tasks by
    a name, each has the label `label:NAME`.

    Of a study it needs `least_tasks`, one of `readings`, and for `of_pairs` a pair. Its models are
    held `against` the arm `single`, `own` models of a task alone, or, each, `others`. `mixes` are
    the labels under which tasks plainly share an encoder in one stage, the same whatever the arm.
    Of the recipe's options for several tasks its stages read `options`, and those that they start
    from `start_options`; `section` is the study's recipe for this arm alone. `one_model` are the
    readings after which there is one model of all its tasks.

    `drawn` says whether its effects are edges or rings around their targets, `title` what its
    graph is called besides that of the arms without one. `number` stands in a node: what its edges
    are against, or the score that they share. `compared` says what an edge from A to B is, by
    reading, and `note` what else a reader must know, with the tasks of a set as {}. `how` follows
    "train it", with the partners as {}, and `everyone` says that these are all others.
    """

    word: str
    label: str
    systems: Callable[[Reader], Iterator[System]]
    sets: Callable[[Study], Mapping[str, tuple[str, ...]]] | None = None
    least_tasks: int = 2
    readings: tuple[Reading, ...] = BOTH
    of_pairs: bool = False
    against: Literal["single", "own", "others"] | None = "single"
    mixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    start_options: tuple[str, ...] = ()
    section: str | None = None
    one_model: tuple[Reading, ...] = BOTH
    drawn: Literal["edges", "rings"] | None = None
    title: str = ""
    number: Literal["baseline", "score"] = "baseline"
    compared: Mapping[Reading, str] | None = None
    note: str = ""
    how: str = "with {}"
    everyone: bool = False

    def labels(self, study: Study) -> dict[str, tuple[str, ...]]:
        """What its rows are called in tables, and of which tasks they are, none meaning all."""
        if self.sets is None:
            return {self.label: ()}
        return {f"{self.label}:{name}": members for name, members in self.sets(study).items()}


def arm_of(label: str) -> Arm | None:
    """The arm of a label in tables; None for that of a control, or of what only beside it is."""
    kind = label.partition(":")[0]
    return next((arm for arm in Arm.known.values() if arm.label == kind), None)


def source_text(label: str, source: str) -> str:
    """The partners of an effect of this label in a narrow column; empty where it has none."""
    arm = arm_of(label)
    return "all others" if arm is not None and arm.everyone else source


def is_edge(label: str) -> bool:
    """Whether effects of this label are drawn as edges, each of one source."""
    arm = arm_of(label)
    return arm is not None and arm.drawn == "edges"


def mixes(label: str) -> bool:
    """Whether what a table calls so is tasks that plainly share an encoder in one stage."""
    return any(label.partition(":")[0] in arm.mixes for arm in Arm.known.values())


def is_against_single(label: str) -> bool:
    """Whether effects of this label are over the task alone, as the arm `single` has it."""
    arm = arm_of(label)
    return arm is not None and arm.against == "single"
