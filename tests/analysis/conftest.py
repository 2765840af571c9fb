"""Plans of the paper's tasks, and scores made up for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from transfer_study.analysis.effects.scores import SCORE_COLUMNS
from transfer_study.study.fingerprint import (
    DataFingerprint,
    Fingerprints,
    SplitFingerprint,
    TextsFingerprint,
)
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.sizes import data_sets
from transfer_study.study.study import Study
from transfer_study.study.system import System

BIOMEDICAL = ("chemprot", "ddi2013-type", "bc5cdr-chemical", "bc5cdr-disease")


@pytest.fixture
def make_plan() -> Callable[..., Plan]:
    """Makes the plan of a study of built-in tasks; every split has 10 examples."""

    def make(*encoders: Any, tasks: tuple[Any, ...] = BIOMEDICAL, **changes: Any) -> Plan:
        written = {"name": "made", "encoder": list(encoders), "tasks": list(tasks), "seeds": 3}
        study = Study.model_validate(written | {"readings": ["refine", "finetune"]} | changes)

        def split(content: str) -> SplitFingerprint:
            return SplitFingerprint(n=10, sha256=content, gold="0")

        return plan(
            study,
            Fingerprints(
                data={
                    name: DataFingerprint(
                        key=name, train=split(name), dev=split("0"), test=split("0")
                    )
                    for name in data_sets(study)
                },
                encoders={encoder.name: encoder.name for encoder in study.encoders},
                precision=Precision.FLOAT32,
                texts=None if study.pretrain is None else TextsFingerprint(n=10, sha256="0"),
            ),
        )

    return make


@pytest.fixture
def make_scores() -> Callable[..., pd.DataFrame]:
    """Makes a table of scores from a function of system and metric; None leaves a system out."""

    def make(plan_: Plan, value: Callable[[System, str], float | None]) -> pd.DataFrame:
        rows = []
        for system in plan_.systems:
            metrics = {"ddi2013-type": ("macro_f1", "micro_f1")}.get(system.target)
            own = next(str(t.metric) for t in plan_.study.tasks if t.name == system.target)
            for metric in metrics or (own,):
                if (number := value(system, metric)) is not None:
                    about = (system.encoder, str(system.reading), system.arm, system.source)
                    test = (system.target, system.seed, "test", metric, number, 10)
                    rows.append((*about, *test, system.stage.id))
        return pd.DataFrame(rows, columns=list(SCORE_COLUMNS))

    return make
