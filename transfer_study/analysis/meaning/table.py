"""The table of what edges mean: a row a part of a test set, a way of flipping, or a worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import DECIDED, SIZE, Verdict, asked_edges, key_of
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import TestSet
from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.effects.uncertainty import Interval
from transfer_study.analysis.meaning.answered import Answered
from transfer_study.analysis.meaning.flips import flips
from transfer_study.analysis.meaning.groups import FEWEST, Group, groups, overlap_groups
from transfer_study.analysis.meaning.worth import worth
from transfer_study.metrics import DIVISIBLE, Statistics, statistics
from transfer_study.metrics.by_class import OF_A_CLASS, class_statistics
from transfer_study.study.arms import arm_of
from transfer_study.study.correction import Correction
from transfer_study.study.tasks.task import MetricName

# What a row may be about beside the groups of examples (groups.py).
CLASS, TO_RIGHT, TO_WRONG, WORTH = "class", "to right", "to wrong", "worth"
NUMBERS = ("baseline", "score", "delta", "low", "high", "adjusted_low", "adjusted_high")
# More edges than these are too many to look into: those of the largest effects are, decided first.
MOST = 100
_RESAMPLES = 1_000


class _TestPart(NamedTuple):
    """A part of a target's test set, as its models answered it."""

    by: str
    name: str
    n: int
    test_set: TestSet


@dataclass(frozen=True, eq=False)
class _PartSet(TestSet):
    """A test set of which there are many: drawn again less often."""

    @property
    def resamples(self) -> int:
        return _RESAMPLES


def meanings(
    edges: pd.DataFrame,
    comparisons: pd.DataFrame,
    answered: Callable[[str], Answered | None],
    test_sets: Mapping[str, ScoresOnTest],
    judgement: Judgement,
) -> pd.DataFrame:
    """What the largest of these edges mean, decided ones first, at most MOST of them.

    `edges` are of `deltas`, from these comparisons of runs and test sets; `answered` says what the
    models of a target answered, None where only scores are known. The table has the edge's key,
    `by` and `part`, the number `n` of examples (or mentions) in it, and the difference of a score
    from a baseline. By class, length, rarity and overlap these are mean test scores of the part,
    the differences judged as edges are, all parts of all edges of a reading as one family. `to
    right` and `to wrong` count test examples: those that change so between two runs, one of each
    arm, less those that do between runs of one arm. `worth` counts training examples of the target.
    """
    key = key_of(edges)
    chosen = _chosen(edges)
    own = _measured(asked_edges(comparisons).merge(chosen[key], on=key), test_sets)
    rows: list[dict[str, object]] = []
    parts: list[pd.DataFrame] = []
    of_parts: dict[str, TestSet] = {}
    about: dict[str, _TestPart] = {}
    for target, runs in own.groupby("target", sort=False):
        known = answered(str(target))
        if known is not None:
            for one, part, compared in _parts(known, runs):
                about[one], of_parts[one] = part, part.test_set
                parts.append(compared.assign(target=one, metric=str(part.test_set.metric)))
            rows += _flip_rows(known, runs, key)
        if SIZE in runs:
            rows += _worth_rows(runs, test_sets[str(target)], key)
    table = pd.DataFrame(rows, columns=[*key, "by", "part", "n", *NUMBERS, "verdict"])
    if parts:
        judged = _judged(pd.concat(parts, ignore_index=True), of_parts, judgement, own, about)
        table = pd.concat([judged[list(table)], table], ignore_index=True)
    return _in_order(table, chosen, key)


def _chosen(edges: pd.DataFrame) -> pd.DataFrame:
    """The edges that are looked into, in their own order."""
    there = asked_edges(edges)
    there = there[there["delta"].notna() & (there["verdict"] != Verdict.NOT_LEARNED)]
    first = there.assign(
        decided=~there["verdict"].isin(DECIDED), size=-there["delta"].abs()
    ).sort_values(["decided", "size"], kind="stable")
    return there.loc[sorted(first.index[:MOST])]


def _measured(comparisons: pd.DataFrame, test_sets: Mapping[str, ScoresOnTest]) -> pd.DataFrame:
    """The comparisons whose runs have answered."""
    known = {"", *(run for one in test_sets.values() for run in one.scores())}
    return comparisons[comparisons["stage"].isin(known) & comparisons["baseline"].isin(known)]


def _parts(known: Answered, runs: pd.DataFrame) -> Iterator[tuple[str, _TestPart, pd.DataFrame]]:
    """Each part of a target under a name of its own, and the comparisons of models that it is of.

    So that no part shares its baseline with another, its models have names of their own too.
    """
    target = str(runs["target"].iloc[0])
    models = sorted({*runs["stage"], *runs["baseline"]} - {""})
    whole = _Statistics(known, models)
    shared = [*whole.by_class(), *map(whole.group, groups(known))]
    of_source = [
        (part, compared)
        for source, compared in runs.groupby("source", sort=False)
        for part in map(whole.group, overlap_groups(known, str(source)))
    ]
    for number, (part, compared) in enumerate([*((part, runs) for part in shared), *of_source]):
        name = f"{target} {number}"
        renamed = {stage: f"{name} {stage}" for stage in models} | {"": ""}
        stages = tuple(renamed[stage] for stage in part.test_set.stages)
        yield (
            name,
            part._replace(test_set=replace(part.test_set, stages=stages)),
            compared.assign(
                stage=compared["stage"].map(renamed), baseline=compared["baseline"].map(renamed)
            ),
        )


class _Statistics:
    """What the answers of a target's models add to scores, by example."""

    def __init__(self, known: Answered, models: Sequence[str]) -> None:
        self._known = known
        self._predicted = {model: known.predicted(model) for model in models}
        task = known.task
        self._whole = {
            model: statistics(task.metric, task, known.gold, answers, known.documents)
            for model, answers in self._predicted.items()
        }

    def group(self, group: Group) -> _TestPart:
        """A group of examples, scored by the task's own metric."""
        known, task = self._known, self._known.task
        if task.metric in DIVISIBLE:
            models = {model: _of(one, group.rows) for model, one in self._whole.items()}
        else:
            places = [n for n, there in enumerate(group.rows) if there]
            documents = [known.documents[n] for n in places]
            gold = [known.gold[n] for n in places]
            models = {
                model: statistics(task.metric, task, gold, [said[n] for n in places], documents)
                for model, said in self._predicted.items()
            }
        test_set = _part_set(task.name, task.metric, group.n, models)
        return _TestPart(group.by, group.name, group.n, test_set)

    def by_class(self) -> Iterator[_TestPart]:
        """Each class or type of mention of which there are some, scored by its own F1."""
        known, task = self._known, self._known.task
        models = {
            model: class_statistics(task, known.gold, said, known.documents)
            for model, said in self._predicted.items()
        }
        names = next(iter(models.values()), {})
        if len(names) < 2:  # the class is all there is
            return
        for name in names:
            of_class = {model: one[name] for model, one in models.items()}
            n = int(next(iter(of_class.values())).values[:, 2].sum())
            if n >= FEWEST:
                yield _TestPart(CLASS, name, n, _part_set(task.name, OF_A_CLASS, n, of_class))


def _of(whole: Statistics, rows: Any) -> Statistics:
    units = tuple(unit for unit, there in zip(whole.units, rows, strict=True) if there)
    return Statistics(whole.values[rows], units)


def _part_set(task: str, metric: MetricName, n: int, models: Mapping[str, Statistics]) -> TestSet:
    # Whether a baseline has learned is said of the edge as a whole.
    return _PartSet.of(task, metric, n, np.nan, models)


def _judged(
    comparisons: pd.DataFrame,
    test_sets: Mapping[str, TestSet],
    judgement: Judgement,
    own: pd.DataFrame,
    about: Mapping[str, _TestPart],
) -> pd.DataFrame:
    # Parts are not resampled together; Holm holds the same rate without.
    correction = judgement.correction
    correction = Correction.HOLM if correction is Correction.MAX_T else correction
    table = deltas(comparisons, test_sets, replace(judgement, correction=correction), ())
    names = table["target"]
    metrics = dict(zip(own["target"], own["metric"], strict=True))
    target = names.map(lambda name: about[name].test_set.task)
    return table.assign(
        target=target,
        metric=target.map(metrics),
        by=names.map(lambda name: about[name].by),
        part=names.map(lambda name: about[name].name),
        n=names.map(lambda name: about[name].n),
    )


def _flip_rows(
    known: Answered, runs: pd.DataFrame, key: Sequence[str]
) -> Iterator[dict[str, object]]:
    """How many examples an edge's models answer otherwise; of numbers none is right."""
    if not known.task.labels and not known.task.kind.candidates:
        return
    right: dict[str, Any] = {}
    for edge, of_edge in _paired(runs, key):
        for run in {*of_edge["stage"], *of_edge["baseline"]} - {*right}:
            said = zip(known.predicted(run), known.gold, strict=True)
            right[run] = np.array([answer == gold for answer, gold in said])
        if len(of_edge) < 2:
            continue
        ways = flips(
            np.stack([right[run] for run in of_edge["stage"]]),
            np.stack([right[run] for run in of_edge["baseline"]]),
            known.documents,
        )
        for by, way in zip((TO_RIGHT, TO_WRONG), ways, strict=True):
            yield _row(edge, by, len(known.gold), way.by_seeds, way.count, way.beyond)


def _worth_rows(
    runs: pd.DataFrame, test_set: ScoresOnTest, key: Sequence[str]
) -> Iterator[dict[str, object]]:
    """What the models of an edge are worth, whose target alone was run at several sizes.

    An arm whose models are held against a mix, as of all tasks but one, has no such worth.
    """
    rest = [name for name in key if name not in (SIZE, "source")]
    alone = runs["arm"].map(lambda label: (arm := arm_of(label)) and arm.number == "baseline")
    for _, alike in runs[runs[SIZE].notna() & alone.eq(True)].groupby(
        rest, sort=False, dropna=False
    ):
        curve = {
            int(str(size)): tuple(dict.fromkeys(of["baseline"])) for size, of in alike.groupby(SIZE)
        }
        if len(curve) < 2:
            continue
        for edge, of_edge in _paired(alike, key):
            size = int(of_edge[SIZE].iloc[0])
            found = worth(list(of_edge["stage"]), size, curve, test_set)
            yield _row(edge, WORTH, size, size, size + found.mean, found)


def _paired(
    runs: pd.DataFrame, key: Sequence[str]
) -> Iterator[tuple[Mapping[str, object], pd.DataFrame]]:
    """The runs of each edge that have a model."""
    for names, of_edge in runs[runs["stage"] != ""].groupby(list(key), sort=False, dropna=False):
        yield dict(zip(key, names, strict=True)), of_edge


def _row(
    edge: Mapping[str, object], by: str, n: int, baseline: float, score: float, found: Interval
) -> dict[str, object]:
    numbers = (baseline, score, found.mean, found.low, found.high, np.nan, np.nan)
    about = {"by": by, "part": "", "n": n, "verdict": ""}
    return {**edge, **about, **dict(zip(NUMBERS, numbers, strict=True))}


def _in_order(table: pd.DataFrame, chosen: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The rows edge by edge, in the order of the edges."""
    order = {name: n for n, name in enumerate(_names(chosen, key))}
    place = [order[name] for name in _names(table, key)]
    table = table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
    return table.astype({"n": "int64", **dict.fromkeys(NUMBERS, "float64")})


def _names(table: pd.DataFrame, key: list[str]) -> list[tuple[str, ...]]:
    return list(table[key].astype(str).itertuples(index=False, name=None))
