"""The cells of the paper's tables: measured over seeds, beside what was published."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.paper.systems import AVERAGE, system_table
from transfer_study.study.plan import Plan
from transfer_study.study.system import System

MakePlan = Callable[..., Plan]
MakeScores = Callable[..., pd.DataFrame]


def cell(table: pd.DataFrame, encoder: str, system: str, task: str) -> pd.Series:
    found = table[
        (table["encoder"] == encoder) & (table["system"] == system) & (table["task"] == task)
    ]
    assert len(found) == 1
    return found.iloc[0]


def by_system(system: System, metric: str) -> float:
    level = {"single": 0.5, "control": 0.9, "pair": 0.8, "full": 0.6}[system.arm]
    level += 0.1 * (system.reading == "finetune") + 0.2 * (system.encoder == "two")
    return level + 0.01 * system.seed + 0.001 * (system.target == "chemprot")


def test_rows_are_the_systems_of_each_encoder_then_those_of_the_paper(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    plan = make_plan("one", "two")
    table = system_table(plan, make_scores(plan, by_system))
    rows = table.drop_duplicates(["encoder", "system", "mix"])[["encoder", "system"]]
    systems = ["single task", "MT-Refinement", "MT-Fine-Tune"]
    assert [*rows.itertuples(index=False, name=None)] == [
        *(("one", system) for system in systems),
        *(("two", system) for system in systems),
        *(("BlueBERT-biomedical", system) for system in systems),
        ("BioBERT", "MT-Fine-Tune"),
        ("BlueBERT-clinical", "single task"),
        ("BlueBERT-clinical", "MT-Fine-Tune"),
    ]
    assert [*table["task"][:5]] == [
        "chemprot",
        "ddi2013-type",
        "bc5cdr-chemical",
        "bc5cdr-disease",
        AVERAGE,
    ]


def test_measured_cells_are_means_over_seeds_of_the_right_model(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    plan = make_plan("one", "two")
    table = system_table(plan, make_scores(plan, by_system))
    # The single-task model is the fine-tuned one, neither the control nor the joint recipe.
    alone = cell(table, "one", "single task", "chemprot")
    assert alone["mean"] == pytest.approx(0.5 + 0.1 + 0.01 + 0.001)
    assert alone["sd"] == pytest.approx(0.01)
    assert alone["high"] - alone["low"] == pytest.approx(2 * 4.302653 * 0.01 / np.sqrt(3))
    assert alone["n_seeds"] == 3
    assert cell(table, "two", "MT-Refinement", "chemprot")["mean"] == pytest.approx(0.811)
    assert cell(table, "two", "MT-Fine-Tune", "bc5cdr-disease")["mean"] == pytest.approx(0.91)
    average = cell(table, "two", "MT-Fine-Tune", AVERAGE)
    assert average["mean"] == pytest.approx(0.91 + 0.001 / 4)
    assert average["sd"] == pytest.approx(0.01)


def test_without_fine_tuning_the_single_task_model_is_that_of_the_joint_recipe(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    plan = make_plan("one", readings=["refine"])
    table = system_table(plan, make_scores(plan, by_system))
    assert cell(table, "one", "single task", "chemprot")["mean"] == pytest.approx(0.511)
    assert {*table.loc[table["encoder"] == "one", "system"]} == {"single task", "MT-Refinement"}


def test_published_values_stand_beside_the_same_encoder_and_mix(
    make_plan: MakePlan, make_scores: MakeScores
) -> None:
    hub = "bionlp/bluebert_pubmed_uncased_L-12_H-768_A-12"
    plan = make_plan(hub)
    table = system_table(plan, make_scores(plan, by_system))
    assert "BlueBERT-biomedical" not in {*table["encoder"]}
    joint = cell(table, hub, "MT-Fine-Tune", "chemprot")
    assert (joint["published"], joint["published_tables"]) == (0.729, "3+5")
    ddi = cell(table, hub, "MT-Fine-Tune", "ddi2013-type")
    assert (ddi["metric"], ddi["published_metric"]) == ("macro_f1", "micro_f1")
    average = cell(table, hub, "single task", AVERAGE)
    assert average["published"] == pytest.approx((0.725 + 0.739 + 0.866 + 0.935) / 4)


@pytest.mark.parametrize("compare", [True, False])
def test_a_pretrained_encoder_has_its_rows_beside_the_bare_and_the_published(
    make_plan: MakePlan, make_scores: MakeScores, compare: bool
) -> None:
    plan = make_plan("BioBERT", pretrain={"texts": "tasks", "compare": compare})

    def value(system: System, metric: str) -> float:
        return by_system(system, metric) + 0.05 * (system.encoder == "BioBERT+mlm")

    table = system_table(plan, make_scores(plan, value))
    pretrained = cell(table, "BioBERT+mlm", "MT-Fine-Tune", "chemprot")
    assert pretrained["mean"] == pytest.approx(0.6 + 0.1 + 0.01 + 0.001 + 0.05)
    assert pretrained["n_seeds"] == 3
    # Pretrained further, it is no more the encoder that the paper has scores of.
    assert np.isnan(pretrained["published"])
    bare = cell(table, "BioBERT", "MT-Fine-Tune", "chemprot")
    assert bare["published"] == 0.729
    assert bare["n_seeds"] == (3 if compare else 0)


def test_another_mix_is_another_system(make_plan: MakePlan, make_scores: MakeScores) -> None:
    tasks = ("chemprot", "ddi2013-type", "bc5cdr-chemical", "biosses")
    plan = make_plan("BlueBERT-biomedical", tasks=tasks)
    table = system_table(plan, make_scores(plan, by_system))
    of = table[(table["system"] == "MT-Fine-Tune") & (table["encoder"] == "BlueBERT-biomedical")]
    chemprot = of[of["task"] == "chemprot"]
    assert [*chemprot["published"].isna()] == [True, False]
    assert [*chemprot["mean"].isna()] == [False, True]
    biosses = table[table["task"] == "biosses"]
    assert biosses["published"].isna().all()
    # An average over fewer tasks is none.
    assert table.loc[table["task"] == AVERAGE, "published"].isna().all()


def test_eight_tasks_are_table_6(make_plan: MakePlan, make_scores: MakeScores) -> None:
    clinical = ("clinicalsts", "i2b2-2010-re", "mednli", "shareclefe")
    biomedical = ("chemprot", "ddi2013-type", "bc5cdr-chemical", "bc5cdr-disease")
    plan = make_plan("BioBERT", tasks=(*clinical, *biomedical))
    table = system_table(plan, make_scores(plan, by_system))
    assert cell(table, "BioBERT", "MT-Fine-Tune", "chemprot")["published"] == 0.735
    joint = table[table["system"] == "MT-Fine-Tune"]
    assert {*joint["published_tables"]} == {"6", ""}


def test_missing_seeds_and_cells_are_missing(make_plan: MakePlan, make_scores: MakeScores) -> None:
    def value(system: System, metric: str) -> float | None:
        if system.target == "chemprot" and system.seed > 0:
            return None
        return None if system.target == "bc5cdr-disease" else by_system(system, metric)

    plan = make_plan("one")
    table = system_table(plan, make_scores(plan, value))
    one_seed = cell(table, "one", "MT-Fine-Tune", "chemprot")
    assert one_seed["n_seeds"] == 1 and one_seed["mean"] == pytest.approx(0.701)
    assert np.isnan([one_seed["sd"], one_seed["low"], one_seed["high"]]).all()
    none = cell(table, "one", "MT-Fine-Tune", "bc5cdr-disease")
    assert none["n_seeds"] == 0 and np.isnan(none["mean"])
    average = cell(table, "one", "MT-Fine-Tune", AVERAGE)
    assert average["n_seeds"] == 0 and np.isnan(average["mean"])
