"""A report's content made up of a real plan and tables with effects of every kind."""

from __future__ import annotations

import itertools
import math

import pandas as pd
import pytest

from transfer_study.analysis.effects.scores import SCORE_COLUMNS, task_table
from transfer_study.report.content import Content
from transfer_study.report.of_plan import content_of
from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.study import Study

NAN = math.nan
EFFECTS = {
    ("a_1", "b"): ("gain", 0.05),
    ("b", "a_1"): ("loss", -0.03),
    ("a_1", "c"): ("equivalent", 0.001),
    ("c", "a_1"): ("failed", NAN),
    ("b", "c"): ("not_run", NAN),
    ("c", "b"): ("undecided", 0.02),
}


def row(
    source: str, target: str, arm: str, verdict: str, delta: float, over: str = ""
) -> dict[str, object]:
    """A row of deltas.csv."""
    return {
        **{"encoder": "tiny", "source": source, "target": target, "arm": arm},
        **{"reading": "refine", "metric": "accuracy", "over": over},
        **{"baseline": 0.6 + 0 * delta, "score": 0.6 + delta, "delta": delta},
        **{"low": delta - 0.01, "high": delta + 0.01, "p": 0.0001 + 0 * delta},
        **{"adjusted_low": delta - 0.02, "adjusted_high": delta + 0.02},
        **{"adjusted_p": 0.0003 + 0 * delta, "seed_sd": 0.01, "example_error": 0.004},
        **{"freedom": 5.0, "n_seeds": 3, "n_baseline_seeds": 3, "n_test": 200, "verdict": verdict},
        **{"level": 0.01, "n_documents": 200, "constant": 0.2, "collapsed": False},
    }


@pytest.fixture
def planned() -> Plan:
    """Three tasks, all pairs and the full mix."""
    source = {"format": "synthetic", "task": "relation", "train": 10, "dev": 10, "test": 10}
    tasks = [
        {
            "name": name,
            "kind": "classification",
            "labels": ["x", "y"],
            "source": source,
        }
        for name in ("a_1", "b", "c")
    ]
    study = Study.model_validate({"name": "made_up", "encoder": "tiny", "tasks": tasks})
    split = SplitFingerprint(n=10, sha256="0", gold="0")
    known = Fingerprints(
        data={
            name: DataFingerprint(key=name, train=split, dev=split, test=split)
            for name in ("a_1", "b", "c")
        },
        encoders={"tiny": "0"},
        precision=Precision.FLOAT32,
    )
    return plan(study, known)


@pytest.fixture
def content(planned: Plan) -> Content:
    """That study with a placebo of its pairs; a stage failed."""
    rows = [
        row(*ends, "pair", *EFFECTS[ends]) for ends in itertools.permutations(("a_1", "b", "c"), 2)
    ]
    rows += [row("b+c", "a_1", "full", "undecided", 0.01)]
    rows += [row("a_1", "b", "pair", "gain", 0.04, over="placebo")]
    rows += [row("a_1", "b", "placebo", "gain", 0.9)]
    failed = next(stage.id for stage in planned if len(stage.tasks) == 2)
    tasks = task_table(planned)
    file = "made_up.yaml"
    scores = pd.DataFrame(columns=SCORE_COLUMNS)
    return content_of(planned, pd.DataFrame(rows), scores, tasks, {failed}, file=file)
