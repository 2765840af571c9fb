"""What else than a partner's labels could explain the effect of a pair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from transfer_study.study.builder import Reader
from transfer_study.study.named import Named
from transfer_study.study.system import System
from transfer_study.study.tasks.task import Change


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Control(Named):
    """What else than a partner's labels could explain the effect of a pair.

    `system` is what the pair is held against, with a baseline of its own; `halves` says that it
    needs two halves of every task. `told` describes it to readers, `briefly` in parentheses.
    """

    word: str
    system: Callable[[Reader, System], System]
    halves: bool = False
    told: str
    briefly: str


def _placebo(read: Reader, pair: System) -> System:
    shuffled = (read.build.derived(name, Change.SHUFFLED) for name in pair.sources)
    stage = read.after(read.build.refine(pair.target, *shuffled), pair.target)
    return read.system("placebo", pair.sources, pair.target, stage, pair.baseline)


def _self(read: Reader, pair: System) -> System:
    half, other = (read.build.derived(pair.target, c) for c in (Change.HALF_1, Change.HALF_2))
    alone = read.system("self", (), pair.target, read.by_itself(half))
    stage = read.after(read.build.refine(half, other), half)
    return read.system("self", (pair.target,), pair.target, stage, alone)


def _matched(read: Reader, pair: System) -> System:
    stage = read.after(read.build.lengthened(pair.target, *pair.sources), pair.target)
    return read.system("matched", pair.sources, pair.target, stage, pair.baseline)


PLACEBO = Control(
    word="placebo",
    system=_placebo,
    told="the same partner with its labels shuffled (placebo)",
    briefly="its partner's labels shuffled",
)
SELF = Control(
    word="self",
    system=_self,
    halves=True,
    told="the task's two halves as two tasks against one half (self)",
    briefly="the two halves of the task as two tasks",
)
MATCHED = Control(
    word="matched",
    system=_matched,
    told="the task alone for the pair's number of updates (matched)",
    briefly="as many updates on the task alone",
)
