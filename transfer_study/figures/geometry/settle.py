"""Choosing one place for each label when places cost something and some exclude one another.

`prices` is an array (n, k): what each of k places costs each of n labels. `clash` (n, k, n, k) says
which places of two labels exclude one another. The same input always gives the same choice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Prices = NDArray[np.float64]
Clash = NDArray[np.bool_]
Choice = NDArray[np.intp]

FORBIDDEN = 1e4  # the price of an overlap; a place that costs as much is no place
_SWEEPS = 40
_DEAR = 15.0  # what a label pays before others are asked to make way


def settle(prices: Prices, clash: Clash) -> Choice:
    """Choose a place (n) for each label: low in price, without clashes where that is possible."""
    chosen = np.asarray(prices.argmin(axis=1))
    # Those with the least freedom choose first.
    turns = np.argsort(-np.sort(prices, axis=1)[:, prices.shape[1] // 4], kind="stable")
    for _ in range(_SWEEPS):
        before = chosen.copy()
        for label in turns:
            chosen[label] = _best(label, chosen, prices, clash)
        if (chosen == before).all():
            break
    for _ in range(_SWEEPS):
        better = _made_way(chosen, prices, clash)
        if better is None:
            break
        chosen = better
    return chosen


def total(chosen: Choice, prices: Prices, clash: Clash) -> float:
    """What a choice costs altogether, clashes included."""
    every = np.arange(len(chosen))
    clashes = clash[every, chosen][:, every, chosen].sum() - len(chosen)  # each with itself
    return float(prices[every, chosen].sum() + FORBIDDEN * clashes)


def _best(label: int, chosen: Choice, prices: Prices, clash: Clash) -> int:
    taken = clash[label][:, np.arange(len(chosen)), chosen]
    taken[:, label] = False
    return int((prices[label] + FORBIDDEN * taken.sum(axis=1)).argmin())


def _made_way(chosen: Choice, prices: Prices, clash: Clash) -> Choice | None:
    """A better choice in which one label has a cheaper place and those in its way have moved."""
    every = np.arange(len(chosen))
    paid = prices[every, chosen]
    cost = total(chosen, prices, clash)
    for label in np.argsort(-paid, kind="stable"):
        if paid[label] < _DEAR:
            break
        for place in np.argsort(prices[label], kind="stable"):
            if prices[label, place] >= paid[label]:
                break
            trial = chosen.copy()
            trial[label] = place
            for other in np.flatnonzero(clash[label, place][every, chosen]):
                if other != label:
                    trial[other] = _best(int(other), trial, prices, clash)
            if total(trial, prices, clash) < cost - 1e-6:
                return trial
    return None
