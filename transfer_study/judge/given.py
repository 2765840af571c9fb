"""Runs that others made: what is compared with what, and what is known of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from transfer_study.analysis.effects.scores_on_test import ScoresOnTest
from transfer_study.analysis.meaning.answered import Answered
from transfer_study.study.arms import SINGLE
from transfer_study.study.joined import apart

# What a row of runs says: `run` names a model that was trained once, in every row of it alike.
RUN_COLUMNS = ("encoder", "reading", "arm", "source", "target", "metric", "seed", "run")


@dataclass(frozen=True, eq=False)
class Given:
    """One row a run and target, by RUN_COLUMNS, and the scores of all runs by target.

    A target's baselines have the arm `single` and no source; several sources are joined by `+`.
    `reading` and `arm` are words of a study's tables (`arm_of` knows the label). Test sets name
    their models by `run`. `notes` are what must be known of how they were read, `answered` what is
    known of the answers to each target.
    """

    runs: pd.DataFrame
    test_sets: Mapping[str, ScoresOnTest]
    notes: tuple[str, ...] = ()
    answered: Mapping[str, Answered | None] = field(default_factory=dict)

    @property
    def tasks(self) -> pd.DataFrame:
        """One row a task, as `task_table` has them: first targets, then what is a source alone."""
        metric = dict(zip(self.runs["target"], self.runs["metric"], strict=True))
        sources = (name for source in self.runs["source"] for name in apart(source))
        names = list(dict.fromkeys([*self.runs["target"], *sources]))
        rows = [(name, "", "general", metric.get(name, "")) for name in names]
        return pd.DataFrame(rows, columns=["name", "kind", "domain", "metric"])

    @property
    def baselines(self) -> pd.DataFrame:
        """The runs of a target by itself."""
        return self.runs[self.runs["arm"] == SINGLE.label]

    @property
    def alone(self) -> pd.DataFrame:
        """The same with their scores, as `predict.unmeasured` has them."""
        runs = self.baselines
        ends = zip(runs["target"], runs["run"], strict=True)
        return runs.assign(
            value=[self.test_sets[target].scores()[run] for target, run in ends],
            constant=[self.test_sets[target].constant for target in runs["target"]],
        )

    @property
    def models(self) -> pd.DataFrame:
        """The runs that are held against them."""
        return self.runs[self.runs["arm"] != SINGLE.label]

    def comparisons(self) -> pd.DataFrame:
        """As `analysis.effects.scores.comparison_table`: one row an edge and seed.

        Baselines of seeds that an edge lacks follow, without a run of the model.
        """
        by = ["encoder", "reading", "target"]
        rows = []
        baselines = {
            key: dict(zip(of["seed"], of["run"], strict=True))
            for key, of in self.baselines.groupby(by, sort=False)
        }
        edge = ["encoder", "reading", "arm", "source", "target", "metric"]
        for about, runs in self.models.groupby(edge, sort=False):
            named = dict(zip(edge, about, strict=True))
            held = baselines[named["encoder"], named["reading"], named["target"]]
            own = dict(zip(runs["seed"], runs["run"], strict=True))
            rows += [(*about, "", seed, run, held[seed], "", "") for seed, run in own.items()]
            rows += [
                (*about, "", seed, "", run, "", "") for seed, run in held.items() if seed not in own
            ]
        return pd.DataFrame(
            rows,
            columns=[*edge, "over", "seed", "stage", "baseline", "control", "control_baseline"],
        )
