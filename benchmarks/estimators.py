"""Which estimator of edges that were not measured may be believed, by edges that were.

    OMP_NUM_THREADS=1 python benchmarks/estimators.py SCORES.csv [--repetitions N]

The scores are those of many seeds of every pair, of several encoders: the columns encoder, source
(empty of baselines), target, metric, seed and value. Each estimator is given one seed of a share of
an encoder's pairs, chosen at random, and what was measured of all other encoders if it takes that;
it is held against the mean of all seeds. A cell has the mean over encoders, targets and repetitions
and its 95% interval, from targets resampled with all that belongs to them.

sign      of the edges that are a gain or a loss and that it was not given, how many signs are right
all       of all that are a gain or a loss
rho       Spearman's correlation with the measured effects on a target
regret@1  points by which the best of its first choice and of training alone, which it may prefer,
          falls short of the best of all; @3 of its first three, as if these were then measured
held      of the edges that it was not given, those within its 95% interval, widened by the error of
          what it is held against
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.metrics.rows import Floats
from transfer_study.predict.known import EdgeEstimator, EstimatedEdges, KnownEdges
from transfer_study.predict.low_rank import LowRank
from transfer_study.predict.random_effects import RandomEffects
from transfer_study.study.margin import Margin

SHARES = (0.1, 0.2, 0.4, 1.0)
COLUMNS = ["sign", "all", "rho", "regret@1", "regret@3", "held"]
_RESAMPLES = 2000
_Z = 1.959964


class AsMeasured:
    """What was measured as it is, and nothing of what was not."""

    def estimate(self, known: KnownEdges) -> EstimatedEdges:
        """As `EdgeEstimator` says."""
        mean = np.zeros((len(known.sources), len(known.targets)))
        mean[known.ends] = known.measured["delta"]
        scale = np.full(mean.shape, np.inf)
        scale[known.ends] = known.measured["error"]
        freedom = np.full(len(known.targets), np.inf)
        return EstimatedEdges(known.sources, known.targets, mean, scale, freedom)


ESTIMATORS: dict[str, EdgeEstimator] = {
    "one seed as it is": AsMeasured(),
    "target": RandomEffects(sources=False),
    "low rank": LowRank(),
    "source + target": RandomEffects(),
    "source + target + other encoders": RandomEffects(earlier=True),
}


@dataclass(frozen=True)
class Measured:
    """All edges of an encoder, [sources, targets, seeds]; NaN for what is not there."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    by_seed: Floats
    error: Floats  # of the mean over seeds
    decided: np.ndarray
    noise: dict[str, float]

    @property
    def mean(self) -> Floats:
        """Over seeds, [sources, targets]."""
        n = np.isfinite(self.by_seed).sum(axis=-1)
        return np.where(n, np.nansum(self.by_seed, axis=-1) / np.maximum(n, 1), np.nan)

    def table(self) -> pd.DataFrame:
        """As an earlier study has it."""
        s, t = np.nonzero(np.isfinite(self.mean))
        return pd.DataFrame(
            {
                "source": np.array(self.sources)[s],
                "target": np.array(self.targets)[t],
                "delta": self.mean[s, t],
                "error": self.error[s, t],
            }
        )

    def known(
        self, s: np.ndarray, t: np.ndarray, seed: int, earlier: list[pd.DataFrame]
    ) -> KnownEdges:
        """One seed of these edges; what a run varies by is told by the baseline, of all seeds."""
        noise = np.array([self.noise[self.targets[n]] for n in t])
        measured = pd.DataFrame(
            {
                "source": np.array(self.sources)[s],
                "target": np.array(self.targets)[t],
                "delta": self.by_seed[s, t, seed],
                "error": noise * np.sqrt(2),
                "shared": noise,
            }
        )
        return KnownEdges(self.sources, self.targets, measured, self.noise, earlier)


def read(file: Path) -> dict[str, Measured]:
    """The edges of every encoder, and which of them are decided by all of their seeds."""
    given = read_scores(file, TableRequest())
    judged = deltas(given.comparisons(), given.test_sets, Judgement(Margin(absolute=0.01)), ())
    compared = given.comparisons()
    values = {target: one.scores() for target, one in given.test_sets.items()}
    compared["delta"] = [
        values[t][a] - values[t][b] if a else np.nan
        for t, a, b in zip(compared["target"], compared["stage"], compared["baseline"], strict=True)
    ]
    sources = tuple(sorted(set(compared["source"])))
    targets = tuple(sorted(set(compared["target"])))
    seeds = sorted(set(compared["seed"]))
    found = {}
    for encoder, rows in compared.groupby("encoder", sort=False):
        by_seed = np.full((len(sources), len(targets), len(seeds)), np.nan)
        at = (
            [sources.index(name) for name in rows["source"]],
            [targets.index(name) for name in rows["target"]],
            [seeds.index(seed) for seed in rows["seed"]],
        )
        by_seed[at] = rows["delta"]
        decided = np.zeros(by_seed.shape[:2], dtype=bool)
        error = np.full(by_seed.shape[:2], np.nan)
        for edge in judged[judged["encoder"] == encoder].to_dict("records"):
            where = sources.index(edge["source"]), targets.index(edge["target"])
            decided[where] = edge["verdict"] in ("gain", "loss")
            error[where] = edge["seed_sd"] / np.sqrt(edge["n_seeds"])
        baselines = given.baselines[given.baselines["encoder"] == encoder]
        noise = {
            str(target): float(np.std([values[str(target)][run] for run in of["run"]], ddof=1))
            for target, of in baselines.groupby("target")
        }
        found[str(encoder)] = Measured(sources, targets, by_seed, error, decided, noise)
    return found


def facts(encoders: dict[str, Measured]) -> Iterator[str]:
    """How far encoders agree, and how far the noise of a target tells how large its effects are."""
    agree = []
    for one, other in combinations(encoders.values(), 2):
        both = np.isfinite(one.mean) & np.isfinite(other.mean)
        agree.append(float(stats.spearmanr(one.mean[both], other.mean[both])[0]))
    span = f"{min(agree):.2f} to {max(agree):.2f}"
    yield f"rank correlation of the same edges of two encoders: {span}"
    noise = np.array([one.noise[t] for one in encoders.values() for t in one.targets])
    size = np.concatenate([np.sqrt(np.nanmean(one.mean**2, axis=0)) for one in encoders.values()])
    varies = (noise > 0) & (size > 0)
    found = np.corrcoef(np.log(noise[varies]), np.log(size[varies]))[0, 1]
    yield f"correlation of the logarithms of a target's noise and of its effects' size: {found:.2f}"


def held_against(
    one: Measured, found: EstimatedEdges, given: np.ndarray
) -> Iterator[dict[str, float]]:
    """What an estimate is worth on each target; NaN where nothing tells."""
    truth, decided, there = one.mean, one.decided, np.isfinite(one.mean)
    right = np.sign(found.mean) == np.sign(truth)
    reach = np.hypot(found.reach(), _Z * np.where(np.isfinite(one.error), one.error, 0.0))
    held = np.abs(found.mean - truth) <= reach
    for t in range(truth.shape[1]):
        own, new = there[:, t], there[:, t] & ~given[:, t]
        effects, expected = truth[own, t], found.mean[own, t]
        order = np.argsort(-expected, kind="stable")
        best = max(float(effects.max()), 0.0)
        chosen = float(effects[order[0]]) if expected[order[0]] > 0 else 0.0
        varies = np.ptp(expected) > 0 and np.ptp(effects) > 0
        yield {
            "sign": _mean(right[:, t][new & decided[:, t]]),
            "all": _mean(right[:, t][own & decided[:, t]]),
            "rho": float(stats.spearmanr(effects, expected)[0]) if varies else np.nan,
            "regret@1": 100 * (best - chosen),
            "regret@3": 100 * (best - max(float(effects[order[:3]].max()), 0.0)),
            "held": _mean(held[:, t][new]),
        }


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def main() -> int:
    """Print a row an estimator and share of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path)
    parser.add_argument("--repetitions", type=int, default=10)
    options = parser.parse_args()
    encoders = read(options.scores)
    random = np.random.default_rng(0)
    rows = []
    for encoder, one in encoders.items():
        earlier = [other.table() for name, other in encoders.items() if name != encoder]
        n_seeds = one.by_seed.shape[-1]
        for share in SHARES:
            for repetition in range(options.repetitions):
                seed = repetition % n_seeds
                s, t = np.nonzero(np.isfinite(one.by_seed[..., seed]))
                picked = random.permutation(len(s))[: round(share * len(s))]
                known = one.known(s[picked], t[picked], seed, earlier)
                given = np.zeros(one.decided.shape, dtype=bool)
                given[s[picked], t[picked]] = True
                for name, estimator in ESTIMATORS.items():
                    if share < 1 and isinstance(estimator, AsMeasured):
                        continue
                    told = held_against(one, estimator.estimate(known), given)
                    about = {"estimator": name, "share": share, "encoder": encoder}
                    rows += [
                        about | {"target": target} | of
                        for target, of in zip(one.targets, told, strict=True)
                    ]
    table = pd.DataFrame(rows)
    decided = sum(int(one.decided.sum()) for one in encoders.values())
    every = sum(int(np.isfinite(one.mean).sum()) for one in encoders.values())
    print(f"{len(encoders)} encoders, {every} edges, {decided} of them a gain or a loss")
    for line in facts(encoders):
        print(line)
    print(f"{'given':>6} {'estimator':34}" + "".join(f"{name:>20}" for name in COLUMNS))
    for share in SHARES:
        for name in ESTIMATORS:
            part = table[(table["share"] == share) & (table["estimator"] == name)]
            if len(part):
                cells = "".join(f"{_cell(part, column, random):>20}" for column in COLUMNS)
                print(f"{share:>6.0%} {name:34}{cells}")
    return 0


def _cell(part: pd.DataFrame, column: str, random: np.random.Generator) -> str:
    """The mean, weighted by edges where it is of those, and its interval over targets."""
    by = part.groupby("target")[column].agg(["sum", "count"]).to_numpy()
    if not by[:, 1].sum():
        return "–"
    drawn = by[random.integers(len(by), size=(_RESAMPLES, len(by)))].sum(axis=1)
    low, high = np.nanpercentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    mean = by[:, 0].sum() / by[:, 1].sum()
    return f"{mean:.2f} [{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    raise SystemExit(main())
