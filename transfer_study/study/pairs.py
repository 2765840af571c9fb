"""Which pairs of tasks a study forms, and how many its setting leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from transfer_study.study.frozen import Word

if TYPE_CHECKING:
    from transfer_study.study.study import Study


class Pairing(Word):
    """Which pairs are formed."""

    ALL = "all"
    WITHIN = "within_domain"


def pairs_of(study: Study) -> Iterator[tuple[str, str]]:
    """The pairs that the study forms, in its order of tasks."""
    for a, b in combinations(study.tasks, 2):
        if study.pairs is Pairing.ALL or a.domain == b.domain:
            yield a.name, b.name


def count_left_out(study: Study) -> tuple[int, int]:
    """How many pairs the setting leaves out, and of how many; none where no arm asks for pairs."""
    if not any(arm.of_pairs for arm in study.arms):
        return 0, 0
    n = len(study.tasks)
    every = n * (n - 1) // 2
    return every - sum(1 for _ in pairs_of(study)), every


def left_out_sentence(study: Study) -> str | None:
    """How many pairs the setting leaves out and what would form them; None where it leaves none."""
    left_out, every = count_left_out(study)
    if not left_out:
        return None
    pairs = "1 pair" if every == 1 else f"{every} pairs"
    return (
        f"`pairs: {study.pairs}` leaves out {left_out} of {pairs}, those of tasks of different "
        "domains; `pairs: all` forms them too."
    )
