"""Pairs that a table lacks, estimated from those that it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import Verdict
from transfer_study.analysis.effects.learned import has_learned
from transfer_study.errors import StudyError
from transfer_study.judge.given import Given
from transfer_study.metrics import score_span
from transfer_study.points import counted
from transfer_study.predict.known import KnownEdges
from transfer_study.predict.random_effects import RandomEffects
from transfer_study.study.arms import is_edge
from transfer_study.study.margin import Margin

COLUMNS = ["encoder", "reading", "arm", "source", "target", "expected", "low", "high"]
COLUMNS += ["gain", "loss", "likely"]
_LIKELY = 0.8
_UNMEASURED = (Verdict.NOT_LEARNED, Verdict.FAILED, Verdict.NOT_RUN)


def predicted_edges(given: Given, deltas: pd.DataFrame, margin: Margin) -> pd.DataFrame:
    """One row a pair of tasks that was not measured: what is expected, and how likely a gain is.

    Of each encoder, reading and arm by itself, with what other encoders measured as earlier
    studies (`predict.random_effects`), on the targets that the encoder has learned by themselves.
    `low` to `high` holds the effect with a probability of 95%; `gain` and `loss` are those of
    effects beyond the margin. Raises StudyError where no pair is left, and where too little was
    measured to say anything.
    """
    tables = [
        table
        for (_, arm), rows in deltas.groupby(["reading", "arm"], sort=False)
        if is_edge(str(arm))
        for table in _of_arm(given, rows, margin)
    ]
    if not tables:
        raise StudyError(
            "--predict: no run is of a pair of tasks, from which others could be estimated; leave "
            "it out"
        )
    if not sum(map(len, tables)):
        raise StudyError(
            "--predict: every pair of the table's tasks was measured, or is on a target that was "
            "not learned by itself; leave it out"
        )
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _of_arm(given: Given, rows: pd.DataFrame, margin: Margin) -> Iterator[pd.DataFrame]:
    """The estimates of each encoder of one reading and arm."""
    known = {
        str(encoder): part[~part["verdict"].isin(_UNMEASURED) & part["delta"].notna()]
        for encoder, part in rows.groupby("encoder", sort=False)
    }
    baselines = given.baselines[given.baselines["reading"] == rows["reading"].iloc[0]]
    sources = tuple(dict.fromkeys([*rows["source"], *baselines["target"]]))
    for encoder, part in known.items():
        alone = _alone(given, baselines[baselines["encoder"] == encoder])
        targets = tuple(alone)
        if not targets:
            continue
        if len(part) < len(targets):
            raise StudyError(
                f"--predict: found {counted(len(part), 'measured edge')} of {encoder} on "
                f"{counted(len(targets), 'target')}, from which no others can be estimated; "
                "measure at least as many as there are targets, better twice as many"
            )
        noise = _noise(encoder, alone)
        earlier = [other for name, other in known.items() if name != encoder]
        measured = _measured(part, noise)
        edges = KnownEdges(sources, targets, measured, noise, earlier)
        margins = [margin.of(float(np.mean(alone[target]))) for target in targets]
        found = RandomEffects(earlier=bool(earlier)).estimate(edges).table(margins)
        found = _possible(found, given, alone, dict(zip(targets, margins, strict=True)))
        there = set(zip(rows["source"], rows["target"], rows["encoder"], strict=True))
        new = [
            (source, target, encoder) not in there
            for source, target in zip(found["source"], found["target"], strict=True)
        ]
        likely = np.select(
            [found["gain"] >= _LIKELY, found["loss"] >= _LIKELY],
            ["likely gain", "likely loss"],
            "open",
        )
        about = {name: part[name].iloc[0] for name in ("reading", "arm")}
        yield found.assign(encoder=encoder, likely=likely, **about)[new]


def _possible(
    found: pd.DataFrame,
    given: Given,
    alone: Mapping[str, list[float]],
    margins: Mapping[str, float],
) -> pd.DataFrame:
    """The estimates as far as the metrics go: near the best score there is no room for a gain."""
    metrics = dict(zip(given.runs["target"], given.runs["metric"], strict=True))
    most = found["target"].map({name: 1 - float(np.mean(runs)) for name, runs in alone.items()})
    least = most - found["target"].map({name: score_span(str(metrics[name])) for name in alone})
    margin = found["target"].map(margins)
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


def _alone(given: Given, baselines: pd.DataFrame) -> dict[str, list[float]]:
    """The scores of the runs of each target by itself, of those that were learned."""
    scores = {
        str(target): [given.test_sets[str(target)].scores()[run] for run in runs]
        for target, runs in baselines.groupby("target", sort=False)["run"]
    }
    return {
        target: values
        for target, values in scores.items()
        if has_learned(values, given.test_sets[target].constant)
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
