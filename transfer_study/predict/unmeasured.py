"""Pairs that were not measured, estimated from those that were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import SIZE, VARIANT, Verdict, asked_edges
from transfer_study.analysis.effects.learned import has_learned
from transfer_study.errors import StudyError
from transfer_study.metrics import score_span
from transfer_study.points import counted
from transfer_study.predict.known import KnownEdges
from transfer_study.predict.random_effects import RandomEffects
from transfer_study.study.arms import is_edge
from transfer_study.study.margin import Margin

# What is told of each run of a target by itself, with the column of variants where there are any.
ALONE = ("encoder", "reading", "target", "metric", "value", "constant")
COLUMNS = ["encoder", "reading", "arm", "source", "target", "expected", "low", "high"]
COLUMNS += ["gain", "loss", "likely"]
_LIKELY = 0.8


@dataclass(frozen=True, eq=False)
class Setting:
    """What is known of the edges of one encoder, reading and arm (and variant), as `about` says.

    `alone` has the scores of each target that was learned by itself, in the order of the targets
    of `known`, and `margins` their margins. `there` are the source and target of the edges that
    are measured, or are not to be. Adjusted intervals are usually `wide`, in standard errors.
    """

    about: Mapping[str, str]
    known: KnownEdges
    alone: Mapping[str, list[float]]
    metrics: Mapping[str, str]
    margins: Mapping[str, float]
    there: frozenset[tuple[str, str]]
    wide: float

    @property
    def is_enough(self) -> bool:
        """Whether as many edges are measured as there are targets: of fewer nothing follows."""
        return len(self.known.measured) >= len(self.known.targets)


def predicted_edges(
    deltas: pd.DataFrame, alone: pd.DataFrame, margin: Margin, of: str = "study"
) -> pd.DataFrame:
    """One row a pair of tasks that was not measured: what is expected, and how likely a gain is.

    `alone` has a row, by the columns ALONE, a run of a task by itself, and `of` says what lacks
    pairs. Of each encoder, reading and arm by itself, with what other encoders measured as earlier
    studies (`predict.random_effects`), on the targets that the encoder has learned by themselves.
    `low` to `high` holds the effect with a probability of 95%; `gain` and `loss` are those of
    effects beyond the margin. Raises StudyError where no pair is left, and where too little was
    measured to say anything.
    """
    tables = [_estimated(one) for one in settings(deltas, alone, margin)]
    if not tables:
        raise StudyError(
            "--predict: no run is of a pair of tasks, from which others could be estimated; leave "
            "it out"
        )
    if not sum(map(len, tables)):
        raise StudyError(
            f"--predict: every pair of the {of}'s tasks was measured, or is on a target that was "
            "not learned by itself; leave it out"
        )
    found = pd.concat(tables, ignore_index=True)
    return found[[*([VARIANT] if VARIANT in found else []), *COLUMNS]]


def settings(deltas: pd.DataFrame, alone: pd.DataFrame, margin: Margin) -> Iterator[Setting]:
    """What is known of the edges of every encoder, reading and arm; raises as `predicted_edges`.

    Those of an encoder that has learned no target have no targets.
    """
    if SIZE in deltas:
        raise StudyError(
            "--predict: found a study of several training sizes, of which pairs are not estimated; "
            "leave it out, or run a study of one size"
        )
    by = [name for name in (VARIANT, "reading", "arm") if name in deltas]
    for _, rows in asked_edges(deltas).groupby(by, sort=False):
        if is_edge(str(rows["arm"].iloc[0])):
            yield from _of_arm(rows, alone, {name: str(rows[name].iloc[0]) for name in by}, margin)


def _of_arm(
    rows: pd.DataFrame, alone: pd.DataFrame, about: Mapping[str, str], margin: Margin
) -> Iterator[Setting]:
    """The settings of each encoder of one reading and arm."""
    # Of an edge whose seeds are not complete, what there is of them counts.
    known = {
        str(encoder): part[part["verdict"].ne(Verdict.NOT_LEARNED) & part["delta"].notna()]
        for encoder, part in rows.groupby("encoder", sort=False)
    }
    for name in {VARIANT, "reading"} & {*about}:
        alone = alone[alone[name] == about[name]]
    sources = tuple(dict.fromkeys([*rows["source"], *alone["target"]]))
    metrics = dict(zip(alone["target"], alone["metric"], strict=True))
    for encoder, part in known.items():
        scores = _learned(alone[alone["encoder"] == encoder])
        targets = tuple(scores)
        noise = _noise(encoder, scores) if scores else {}
        earlier = [other for name, other in known.items() if name != encoder]
        on_learned = part[part["target"].isin(targets)]
        measured = _measured(on_learned, noise)
        reach = (on_learned["adjusted_high"] - on_learned["adjusted_low"]) / 2
        there = rows[rows["encoder"].eq(encoder) & rows["verdict"].ne(Verdict.NOT_RUN)]
        yield Setting(
            {"encoder": encoder, **about},
            KnownEdges(sources, targets, measured, noise, earlier),
            scores,
            metrics,
            {target: margin.of(float(np.mean(scores[target]))) for target in targets},
            frozenset(zip(there["source"], there["target"], strict=True)),
            float((reach / measured["error"]).median()),
        )


def _estimated(setting: Setting) -> pd.DataFrame:
    """The estimates of the pairs of one setting that are not there."""
    known, margins = setting.known, list(setting.margins.values())
    if not known.targets:
        return pd.DataFrame(columns=[*setting.about, *COLUMNS])
    if not setting.is_enough:
        raise StudyError(
            f"--predict: found {counted(len(known.measured), 'measured edge')} of "
            f"{setting.about['encoder']} on {counted(len(known.targets), 'target')}, from which no "
            "others can be estimated; measure at least as many as there are targets, better twice "
            "as many"
        )
    found = RandomEffects(earlier=bool(known.earlier)).estimate(known).table(margins)
    found = _possible(found, setting)
    ends = zip(found["source"], found["target"], strict=True)
    new = [pair not in setting.there for pair in ends]
    likely = np.select(
        [found["gain"] >= _LIKELY, found["loss"] >= _LIKELY], ["likely gain", "likely loss"], "open"
    )
    return found.assign(likely=likely, **setting.about)[new]


def _possible(found: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """The estimates as far as the metrics go: near the best score there is no room for a gain."""
    alone, metrics = setting.alone, setting.metrics
    most = found["target"].map({name: 1 - float(np.mean(runs)) for name, runs in alone.items()})
    least = most - found["target"].map({name: score_span(str(metrics[name])) for name in alone})
    margin = found["target"].map(setting.margins)
    ends = {name: found[name].clip(least, most) for name in ("expected", "low", "high")}
    return found.assign(
        **ends,
        gain=found["gain"].where(margin < most, 0.0),
        loss=found["loss"].where(margin < -least, 0.0),
    )


def _noise(encoder: str, alone: Mapping[str, list[float]]) -> dict[str, float]:
    """What one run of each target varies by; of a target with one run, as the others usually do."""
    spread = {
        target: float(np.std(values, ddof=1)) for target, values in alone.items() if len(values) > 1
    }
    if not spread:
        raise StudyError(
            f"--predict: every target of {encoder} has one run alone, which does not tell what "
            "runs vary by; run a few of them with two seeds or more"
        )
    usual = float(np.median(list(spread.values())))
    return {target: spread.get(target, usual) for target in alone}


def _learned(alone: pd.DataFrame) -> dict[str, list[float]]:
    """The scores of the runs of each target by itself, of those that were learned."""
    return {
        str(target): list(runs["value"])
        for target, runs in alone.groupby("target", sort=False)
        if has_learned(runs["value"], float(runs["constant"].iloc[0]))
    }


def _measured(edges: pd.DataFrame, noise: dict[str, float]) -> pd.DataFrame:
    """The edges with their errors, and the part of their baselines."""
    of_run = edges["target"].map(noise).to_numpy(dtype=np.float64)
    n, n_baseline = (
        edges[name].to_numpy(dtype=np.float64) for name in ("n_seeds", "n_baseline_seeds")
    )
    shared = of_run / np.sqrt(n_baseline)
    by_noise = np.hypot(of_run / np.sqrt(n), shared)
    seeds = edges["seed_sd"].to_numpy(dtype=np.float64) / np.sqrt(n)
    seeds = np.where(np.isfinite(seeds), seeds, by_noise)
    examples = edges["example_error"].fillna(0.0).to_numpy(dtype=np.float64)
    error = np.hypot(seeds, examples)
    return edges[["source", "target", "delta"]].assign(
        error=error, shared=np.minimum(shared, error)
    )
