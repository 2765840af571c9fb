"""Seeds beyond those that a study lists."""

from __future__ import annotations

import pytest

from transfer_study.study.frozen import MOST_SEED
from transfer_study.study.seeds import extended


@pytest.mark.parametrize(
    ("seeds", "n", "expected"),
    [
        ((0, 1, 2), 5, (0, 1, 2, 3, 4)),
        ((7, 4), 4, (7, 4, 8, 9)),
        ((7, 4), 2, (7, 4)),
        ((7, 4), 0, ()),
        ((MOST_SEED - 1, 1), 5, (MOST_SEED - 1, 1, MOST_SEED, 0, 2)),
    ],
)
def test_further_seeds_go_on_after_the_largest(
    seeds: tuple[int, ...], n: int, expected: tuple[int, ...]
) -> None:
    assert extended(seeds, n) == expected


@pytest.mark.parametrize("seeds", [(0,), (3, 9), (MOST_SEED,)])
def test_more_seeds_begin_with_the_fewer(seeds: tuple[int, ...]) -> None:
    many = extended(seeds, 12)
    assert len({*many}) == 12
    for n in range(len(seeds), 12):
        assert extended(seeds, n) == many[:n]
        assert extended(extended(seeds, n), 12) == many
