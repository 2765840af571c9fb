"""From what is measured of a study to the pairs that are measured next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transfer_study.data.streams import stream
from transfer_study.metrics.rows import Floats
from transfer_study.predict.choose import OpenEdges, choose, settled
from transfer_study.predict.random_effects import RandomEffects
from transfer_study.predict.unmeasured import Setting
from transfer_study.study.choice import Pair, pair_named

_WIDE = 4.0  # standard errors that an interval reaches, where none is measured to tell


@dataclass(frozen=True)
class Next:
    """The pairs to measure next, best first, and how the edges not measured stand.

    Of `sure` edges it is known well enough what they are, of `open` ones it is not.
    """

    pairs: tuple[Pair, ...]
    sure: int = 0
    open: int = 0


def next_pairs(
    found: Sequence[Setting], pairs: Sequence[Pair], costs: Floats, left: float, most: int
) -> Next:
    """Choose among pairs that are not measured, by what is known in every setting.

    At most so many, and for no more than what is `left`, in the unit of their `costs`. While too
    little is measured to say anything, the first in the order of `first_pairs`.
    """
    told = [one for one in found if one.known.targets]
    if not told:
        return Next(_affordable(pairs, costs, left, most) if not found else ())
    number = {pair: n for n, pair in enumerate(pairs)}
    ends = [_ends(one, number) for one in told]
    if not all(one.is_enough for one in told):
        return Next(_affordable(pairs, costs, left, most), 0, sum(map(len, ends)))
    open_edges, sure = [], 0
    for one, edges in zip(told, ends, strict=True):
        if edges:
            every, is_sure = _edges(one, edges, number)
            open_edges.append(every.without(is_sure))
            sure += int(is_sure.sum())
    chosen = choose(open_edges, costs, left, most) if open_edges else []
    n_open = sum(len(one.mean) for one in open_edges)
    return Next(tuple(pairs[n] for n in chosen), sure, n_open)


def first_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """All pairs in the order in which they are measured while nothing is known.

    Chance has made it, but that first every task has a pair, and then every task a second.
    """
    order = stream("first pairs", [pair.model_dump() for pair in pairs]).permutation(len(pairs))
    left, found = [pairs[n] for n in order], list[Pair]()
    while left:
        covered: set[tuple[str, str]] = set()
        turn: list[Pair] = []
        for new in (2, 1):  # pairs of two tasks that have none yet before those of one
            for pair in left:
                tasks = {(pair.encoder, task) for task in pair.tasks}
                if len(tasks - covered) == new and pair not in turn:
                    turn.append(pair)
                    covered |= tasks
        found += turn
        left = [pair for pair in left if pair not in turn]
    return found


def _affordable(pairs: Sequence[Pair], costs: Floats, left: float, most: int) -> tuple[Pair, ...]:
    price, found = dict(zip(pairs, costs, strict=True)), list[Pair]()
    for pair in first_pairs(pairs):
        if len(found) < most and price[pair] <= left:
            found.append(pair)
            left -= float(price[pair])
    return tuple(found)


def _ends(setting: Setting, number: Mapping[Pair, int]) -> list[tuple[str, str]]:
    """The edges of a setting that the pairs would measure: source and target."""
    encoder, targets = setting.about["encoder"], set(setting.known.targets)
    return [
        ends
        for pair in number
        if pair.encoder == encoder
        for ends in (pair.tasks, pair.tasks[::-1])
        if ends[1] in targets and ends not in setting.there
    ]


def _edges(
    setting: Setting, ends: Sequence[tuple[str, str]], number: Mapping[Pair, int]
) -> tuple[OpenEdges, np.ndarray]:
    """What is expected of these edges, and of which of them it is sure enough."""
    known, encoder = setting.known, setting.about["encoder"]
    estimator = RandomEffects(earlier=bool(known.earlier))
    estimated = estimator.estimate(known)
    margins = np.array(list(setting.margins.values()))
    source, target = (
        np.array([names.index(end) for end in of])
        for names, of in zip((known.sources, known.targets), zip(*ends, strict=True), strict=True)
    )
    error = _errors(setting)[target]
    wide = _WIDE if math.isnan(setting.wide) else setting.wide
    edges = OpenEdges(
        pair=np.array([number[pair_named(encoder, *pair)] for pair in ends]),
        mean=estimated.mean[source, target],
        covariance=estimator.joint(known, (source, target)),
        error=error,
        reach=wide * error,
        margin=margins[target],
    )
    return edges, settled(estimated, margins)[source, target]


def _errors(setting: Setting) -> Floats:
    """The standard error of an edge once it is measured, by target: as those there have."""
    known = setting.known
    by_target = known.measured.groupby("target")["error"].median()
    noise = np.array([known.noise[target] for target in known.targets])
    usual = [float(by_target.get(target, math.nan)) for target in known.targets]
    times = np.nanmedian(np.array(usual) / np.maximum(noise, 1e-12))
    return np.where(np.isnan(usual), times * noise, usual)
