"""What pairs chosen within a budget decide, beside as many chosen by chance and beside all pairs.

python benchmarks/budget.py SCORES.csv        # measured: TaskWeb's scores, or a table like it
python benchmarks/budget.py --studies 200     # made up: how many verdicts are false

SCORES.csv is a table as `transfer-study judge` takes, of many seeds of every pair. What was not
chosen is hidden, and a pair, which a study trains in one stage a seed, shows both directions. A row
is a share of the pairs; `verdicts` are those reached of all that the exhaustive run reaches, and
`changes` of its gains and losses. `other` is how many verdicts are not those of the exhaustive run,
`likely` how many of the edges left, that the exhaustive run calls a gain or a loss, were predicted
with 80% or more, and `right` how many of these rightly. `by hindsight` has the pairs with most
verdicts of the exhaustive run first, which nobody can know beforehand.

Made up are studies of which every true effect is known: no effect at all, or half of the sources
give or take something. `any` is how many studies have a false gain or loss, `FDR` the mean share of
false ones among all that are found; `measured alone` corrects for the pairs measured alone.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from transfer_study.analysis.edges import DECIDED
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.scores_on_test import ScoresAlone
from transfer_study.judge.given import Given
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.predict.next_pairs import next_pairs
from transfer_study.predict.unmeasured import predicted_edges, settings
from transfer_study.session.within_budget import ROUNDS
from transfer_study.study.choice import Pair, pair_named
from transfer_study.study.margin import Margin

MARGIN = Margin(absolute=0.01)
SHARES = (0.1, 0.2, 0.33, 0.5)
_SHARE = 0.33  # of the pairs, in studies that are made up
_CHANGED = ["gain", "loss"]


@dataclass(frozen=True, eq=False)
class Study:
    """What is hidden of a study: the comparisons of every pair, and the runs of tasks alone."""

    given: Given
    comparisons: pd.DataFrame
    pair: list[Pair]  # of each comparison

    @classmethod
    def of(cls, given: Given) -> Study:
        """Of runs of one encoder, reading and arm."""
        compared = given.comparisons()
        ends = zip(compared["encoder"], compared["source"], compared["target"], strict=True)
        return cls(given, compared, [pair_named(*map(str, end)) for end in ends])

    @property
    def pairs(self) -> list[Pair]:
        """All of them."""
        return list(dict.fromkeys(self.pair))

    def judged(self, chosen: set[Pair], *, counting: bool = True) -> pd.DataFrame:
        """The edges of these pairs, as a study is judged of which others were left out."""
        own = np.array([pair in chosen for pair in self.pair])
        edges = self.comparisons[["source", "target"]]
        left = len(edges[~own].drop_duplicates()) if counting else 0
        reading = str(self.comparisons["reading"].iloc[0])
        judgement = Judgement(MARGIN).counting({(reading, "", False): left})
        return deltas(self.comparisons[own], self.given.test_sets, judgement, ())


def chosen(study: Study, most: int) -> Iterator[list[Pair]]:
    """All pairs measured so far, round after round, as `run --predict` chooses them."""
    found: list[Pair] = []
    alone, pairs = study.given.alone, study.pairs
    tasks = {task for pair in pairs for task in pair.tasks}
    while len(found) < most:
        rest = [pair for pair in pairs if pair not in found]
        known = list(settings(study.judged(set(found)), alone, MARGIN)) if found else []
        size = math.ceil(len(pairs) / ROUNDS) if found else math.ceil(len(tasks) / 2)
        size = min(size, most - len(found))
        coming = next_pairs(known, rest, np.ones(len(rest)), float(len(rest)), size).pairs
        if not coming:
            return
        found += coming
        yield list(found)


def measured(file: Path, repetitions: int) -> None:
    """Print what is reached on measured scores, over all encoders together."""
    given = read_scores(file, TableRequest())
    rows = []
    for encoder, runs in given.runs.groupby("encoder", sort=False):
        study = Study.of(Given(runs, given.test_sets))
        whole = study.judged(set(study.pairs)).set_index(["source", "target"])["verdict"]
        goals = [round(share * len(study.pairs)) for share in SHARES]
        # Rounds do not end at the shares: each has a run of its own up to it.
        for share, goal in zip(SHARES, goals, strict=True):
            *_, last = chosen(study, goal)
            rows.append(_held(study, last, whole, "chosen", share, str(encoder)))
            best = _by_hindsight(study, whole)[:goal]
            rows.append(_held(study, best, whole, "by hindsight", share, str(encoder)))
            for repetition in range(repetitions):
                random = np.random.default_rng(repetition)
                picked = [study.pairs[n] for n in random.permutation(len(study.pairs))[:goal]]
                rows.append(_held(study, picked, whole, "by chance", share, str(encoder)))
    table = pd.DataFrame(rows)
    total = table.groupby("encoder")[["all", "all_changes"]].first().sum()
    print(
        f"{table['encoder'].nunique()} encoders; all pairs reach {total['all']} verdicts, "
        f"{total['all_changes']} of them a gain or a loss"
    )
    print(
        f"{'pairs':>6} {'':12}{'verdicts':>10}{'changes':>10}{'other':>8}{'likely':>9}{'right':>8}"
    )
    for (share, how), part in table.groupby(["share", "how"], sort=False):
        s = part.sum(numeric_only=True)
        print(
            f"{share:>6.0%} {how:14}{s['verdicts'] / s['all']:>10.0%}"
            f"{s['changes'] / s['all_changes']:>10.0%}{s['other'] / s['found']:>10.1%}"
            f"{s['likely'] / s['left']:>10.0%}{s['right'] / max(s['likely'], 1):>10.0%}"
        )


def _by_hindsight(study: Study, whole: pd.Series) -> list[Pair]:
    """The pairs in the order of how many verdicts each has in the exhaustive run."""
    decided = whole[whole.isin(DECIDED)]
    encoder = str(study.comparisons["encoder"].iloc[0])
    counts = Counter(pair_named(encoder, *ends) for ends in decided.index)
    return sorted(study.pairs, key=lambda pair: -counts[pair])


def _held(
    study: Study, pairs: list[Pair], whole: pd.Series, how: str, share: float, encoder: str
) -> dict[str, object]:
    edges = study.judged(set(pairs))
    found = edges.set_index(["source", "target"])["verdict"]
    decided = found[found.isin(DECIDED)]
    same = decided == whole[decided.index]
    predicted = predicted_edges(edges, study.given.alone, MARGIN).set_index(["source", "target"])
    left = predicted.join(whole, how="inner")
    left = left[left["verdict"].isin(_CHANGED)]
    likely = left[left["likely"] != "open"]
    return {
        "how": how,
        "share": share,
        "encoder": encoder,
        "all": int(whole.isin(DECIDED).sum()),
        "all_changes": int(whole.isin(_CHANGED).sum()),
        "found": len(decided),
        "verdicts": int(same.sum()),
        "changes": int((same & decided.isin(_CHANGED)).sum()),
        "other": int((~same).sum()),
        "left": len(left),
        "likely": len(likely),
        "right": int(("likely " + likely["verdict"] == likely["likely"]).sum()),
    }


def made_up(random: np.random.Generator, tasks: int, seeds: int, effect: float) -> Study:
    """A study of one encoder whose runs scatter by a point; half of the sources give or take."""
    names = [f"t{n:02}" for n in range(tasks)]
    gives = dict(zip(names, random.choice([-effect, 0, 0, effect], tasks), strict=True))
    rows, known = [], dict[str, dict[str, float]]()
    shared = random.normal(0, 0.005, (tasks, tasks, seeds))
    for t, target in enumerate(names):
        known[target] = {}
        for s, source in enumerate(["", *names]):
            for seed in range(seeds) if source != target else ():
                pair = (0, 0) if not source else tuple(sorted((s - 1, t)))
                value = 0.6 + gives.get(source, 0.0) + random.normal(0, 0.01)
                value += shared[(*pair, seed)] if source else 0.0  # of one stage
                run = f"{source}-{target}-{seed}"
                known[target][run] = value
                arm = "pair" if source else "single"
                rows.append(("m", "refine", arm, source, target, "accuracy", seed, run))
    columns = ["encoder", "reading", "arm", "source", "target", "metric", "seed", "run"]
    test_sets = {name: ScoresAlone(name, of) for name, of in known.items()}
    study = Study.of(Given(pd.DataFrame(rows, columns=columns), test_sets))
    study.given.runs.attrs["gives"] = gives
    return study


def false_verdicts(
    studies: int, tasks: int, seeds: int, effect: float, share: float
) -> dict[str, tuple[float, float]]:
    """Of made-up studies, how many have a false gain or loss, and the false discovery rate."""
    hows = ("chosen", "measured alone", "by chance", "all pairs")
    found: dict[str, list[float]] = {how: [] for how in hows}
    for n in range(studies):
        study = made_up(np.random.default_rng([n, tasks]), tasks, seeds, effect)
        most = round(share * len(study.pairs))
        *_, last = chosen(study, most)
        picked = [study.pairs[k] for k in np.random.default_rng(n).permutation(len(study.pairs))]
        for how, pairs in zip(hows, (last, last, picked[:most], study.pairs), strict=True):
            edges = study.judged(set(pairs), counting=how != "measured alone")
            changed = edges[edges["verdict"].isin(_CHANGED)]
            truth = changed["source"].map(study.given.runs.attrs["gives"]).astype(float)
            false = np.sign(truth) != np.sign(changed["delta"])
            found[how].append(float(false.mean()) if len(changed) else 0.0)
    return {
        how: (float(np.mean(np.array(one) > 0)), float(np.mean(one))) for how, one in found.items()
    }


def main() -> int:
    """Print one table or the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scores", type=Path, nargs="?")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--studies", type=int, default=200)
    options = parser.parse_args()
    if options.scores is not None:
        measured(options.scores, options.repetitions)
        return 0
    print(f"{'effect':>7}{'tasks':>7}{'pairs':>7}  {'':16}{'any':>7}{'FDR':>7}")
    for effect, tasks in ((0.0, 6), (0.0, 10), (0.03, 10)):
        for how, (any_false, rate) in false_verdicts(
            options.studies, tasks, 3, effect, 0.33
        ).items():
            print(f"{effect:>7g}{tasks:>7}{0.33:>7.0%}  {how:16}{any_false:>7.1%}{rate:>7.1%}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
