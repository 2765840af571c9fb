"""What models answered to the test set of one target, and what is known of its examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from transfer_study.metrics.rows import Floats
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.task import Task

# Traits of test examples: how many words they have; which share of their mentions training has
# none of, NaN where they have no mention; which share of their words a partner's training has.
WORDS, UNSEEN = "words", "unseen"


def overlap(partner: str) -> str:
    """The trait of an example that says how many of its words a partner's training has."""
    return f"overlap with {partner}"


@dataclass(frozen=True, eq=False)
class Answered:
    """The examples of a test set, in their order, and what each model `predicted` for them.

    `traits` are numbers by example, [N], by name; those that are not known are not there.
    """

    task: Task
    gold: Sequence[Label]
    documents: Sequence[str]
    predicted: Callable[[str], Sequence[Label]]
    traits: Mapping[str, Floats] = field(default_factory=dict)
