"""Whatever axes a study crosses, every table has a row for what it asks, over its seeds alone."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from tests.analysis.made_up import MadeUpAnswers, planned
from transfer_study.analysis.doubt.false_edges import compare_with_itself
from transfer_study.analysis.doubt.power import planned_edges, power_table
from transfer_study.analysis.doubt.pretraining import pretraining_table
from transfer_study.analysis.doubt.stability import run_table, stability_table
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.tables import tables
from transfer_study.analysis.paper.choices import STEPS, choices
from transfer_study.analysis.paper.systems import AVERAGE, system_table
from transfer_study.metrics import reported
from transfer_study.report.results import epoch_scores
from transfer_study.study.plan import Plan
from transfer_study.study.stage_labels import stage_labels

TASKS = ("a", "b", "c")
SEEDS = 4  # the fewest with which a model is compared with itself
ARMS = ["single", "pairs", "full", "groups", "sequential", "leave-one-out", "heads-only"]
AXES: dict[str, dict[str, Any]] = {
    "encoders": {"encoder": ["one", "two"]},
    "readings": {"readings": ["refine", "finetune"]},
    "variants": {"variants": {"plain": {}, "slow": {"learning_rate": 1e-6}}},
    "sizes": {"limits": {"max_train": [100, 300]}},
    "protocols": {"protocol": "both"},
    "arms": {"arms": [*ARMS, "soft", "distil"], "groups": {"ab": ["a", "b"]}},
    "controls": {"controls": ["placebo", "self", "matched"]},
    "pretraining": {"pretrain": {"texts": "tasks"}},
    "seeds": {"seeds": SEEDS + 2},
}
REFUSED = {
    frozenset(pair)
    for pair in (
        ("variants", "protocols"),
        ("variants", "controls"),
        ("protocols", "controls"),
    )
}
BASE = {"seeds": SEEDS, "refine": {"epochs": 2}, "finetune": {"epochs": 2}}
KEYS = ("encoder", "reading", "variant", "arm", "source", "task", "target", "size", "over")
KEYS += ("system", "mix", "step", "metric", "seed")
# Of one encoder, reading, recipe and size: the models of each arm, and the edges that they are.
MODELS = {"single": 3, "pair": 6, "full": 3}
EDGES = {"pair": 6, "full": 3}
MORE_MODELS = {"group:ab": 2, "without": 6, "leave-one-out": 6, "heads-only": 9}
MORE_MODELS |= {"soft": 6, "distil": 3}
MORE_EDGES = {"group:ab": 2, "leave-one-out": 6, "heads-only": 6, "soft": 6, "distil": 3}


def asked(axes: Iterable[str]) -> Plan:
    written: dict[str, Any] = dict(BASE)
    for axis in axes:
        written |= AXES[axis]
    # Sequential training is a matter of fine-tuning alone.
    if "arms" in axes and "readings" not in axes:
        written["arms"] = [arm for arm in written["arms"] if arm != "sequential"]
    return planned(TASKS, **written)


class Expected:
    """How many rows the tables of a study must have, counted from what it crosses."""

    def __init__(self, axes: Iterable[str]) -> None:
        self.axes = {*axes}
        self.seeds = SEEDS + 2 * ("seeds" in axes)
        self.encoders = 2 ** (len(self.axes & {"encoders", "pretraining"}))
        self.readings = ["refine", "finetune"] if "readings" in axes else ["refine"]
        self.sizes = 2 if "sizes" in axes else 1
        self.variants = 2 if "variants" in axes else 1

    @property
    def cells(self) -> int:
        return self.encoders * self.sizes * self.variants

    def models(self, protocol: str) -> int:
        return sum(sum(self._models(r, protocol).values()) for r in self.readings) * self.cells

    def _models(self, reading: str, protocol: str) -> dict[str, int]:
        found = dict(MODELS)
        if protocol == "recipe":  # what tells the paper's choices apart has no pairs
            del found["pair"]
        if "arms" in self.axes:
            found |= MORE_MODELS
        if "controls" in self.axes:
            found |= {"placebo": 6, "matched": 6, "self": 6}
        if reading == "finetune":
            found["control"] = 3
            if "arms" in self.axes:
                found["sequential"] = 6
        return found

    def edges(self, protocol: str) -> int:
        return sum(self._edges(reading, protocol) for reading in self.readings) * self.cells

    def _edges(self, reading: str, protocol: str) -> int:
        found = dict(EDGES)
        if protocol == "recipe":
            del found["pair"]
        if "arms" in self.axes:
            found |= MORE_EDGES | ({"sequential": 6} if reading == "finetune" else {})
        if "controls" in self.axes:
            # The pairs over each control, and the controls' own effects.
            found |= {"over": 3 * 6, "placebo": 6, "matched": 6, "self": 3}
        return sum(found.values())


def check(table: pd.DataFrame, rows: int, n_seeds: int | None = None) -> None:
    """A table of so many rows, none the same as another by what names it."""
    key = [name for name in KEYS if name in table]
    assert not table.duplicated(key).any(), table[table.duplicated(key, keep=False)]
    assert len(table) == rows
    if n_seeds is not None:
        assert set(table["n_seeds"]) == {n_seeds}


@pytest.mark.parametrize("axes", list(combinations(AXES, 2)), ids="+".join)
def test_every_table_of_two_axes(axes: tuple[str, str], tmp_path: Path) -> None:
    if frozenset(axes) in REFUSED:
        with pytest.raises(ValidationError):
            asked(axes)
        return
    plan, expected, source = asked(axes), Expected(axes), MadeUpAnswers()
    labels = stage_labels(plan)
    assert len(set(labels.values())) == len(labels) == len(plan)
    assert not any(stage.id[:6] in labels[stage.id] for stage in plan), "told by words"
    n_metrics = len(reported(plan.study.tasks[0]))
    protocols = ("clean", "recipe", "paper") if "protocols" in axes else ("clean",)
    assert plan.protocols == protocols
    scores = {}
    for protocol in protocols:
        part = plan.under(protocol)
        scored, edges = tables(part, source, ())
        scores[protocol] = scored.table
        judgement = Judgement.of(part.study)
        check(scored.table, expected.models(protocol) * expected.seeds * n_metrics)
        check(edges, expected.edges(protocol), expected.seeds)
        runs = run_table(part, scored.table, scored.test_sets)
        check(runs, expected.models(protocol) * expected.seeds)
        if "variants" in axes:
            stability = stability_table(runs, scored.test_sets, part.study.margin, ())
            check(stability, expected.models(protocol), expected.seeds)
        itself = compare_with_itself(part, scored.test_sets, judgement, splits=20)
        models = expected.models(protocol)
        check(itself, models - shared(part), expected.seeds)
        gains = pretraining_table(part, scored.test_sets, ())
        pretrains = "pretraining" in axes
        check(gains, models // 2 if pretrains else 0, expected.seeds if pretrains else None)
        raw = edges[edges["over"] == ""]
        power = power_table(planned_edges(part), edges, part.study.correction)
        check(power, len(raw), expected.seeds)
        assert set(power["pilot_seeds"]) == {expected.seeds}
        assert set(power["evidence"]) == {"own"}
        if "variants" not in axes:
            systems = 3 if "readings" in axes else 2
            rows = expected.encoders * systems * (len(TASKS) + 1)
            cells = system_table(part, scored.table)
            cells = cells[cells["published_tables"] == ""]
            check(cells, rows, expected.seeds)
            if "sizes" in axes:
                sizes = cells.set_index("task")["size"]
                assert set(sizes.drop(AVERAGE)) == {300} and sizes[AVERAGE].isna().all()
    if "protocols" in axes:
        table = choices(plan, scores, epoch_scores(plan, source, tmp_path / "none"))
        cells_of = expected.cells * len(expected.readings)
        check(table, len(TASKS) * cells_of * len(STEPS), expected.seeds)
        assert table[["gain_low", "gain_high"]].notna().all(axis=None)
        first = table["step"] == STEPS[0]
        assert table.loc[~first, "change_low"].notna().any()


def shared(plan: Plan) -> int:
    """How many systems answer by the very stages of another: they are compared once."""
    stages: dict[Any, list[tuple[str, str]]] = {}
    for system in plan.systems:
        of_system = stages.setdefault(system.edge, [])
        if (answer := (system.target, system.stage.id)) not in of_system:
            of_system.append(answer)
    return len(stages) - len({tuple(answers) for answers in stages.values()})


def test_seeds_of_two_sizes_are_not_seeds_of_one() -> None:
    """Two seeds are two, and what a variant changes is measured at each size by itself."""
    changes = {"variants": {"plain": {}, "slow": {"learning_rate": 1e-6}}, "arms": ["single"]}
    plan = planned(["a"], seeds=2, limits={"max_train": [100, 300]}, **changes)
    sizes = {s.stage.id: s.size for s in plan.systems}
    variants = {s.stage.id: s.variant for s in plan.systems}
    # The variant is better at the larger size, worse at the smaller.
    better = {("slow", 300), ("plain", 100)}
    source = MadeUpAnswers(lambda s: 1.0 if (variants[s.id], sizes[s.id]) in better else 0.7)
    scored, _ = tables(plan, source, ())
    runs = run_table(plan, scored.table, scored.test_sets)
    table = stability_table(runs, scored.test_sets, plan.study.margin, ())
    assert list(zip(table["size"], table["variant"], table["n_seeds"], strict=True)) == [
        (100, "plain", 2),
        (100, "slow", 2),
        (300, "plain", 2),
        (300, "slow", 2),
    ]
    change = table[table["variant"] == "slow"].set_index("size")["delta"]
    assert change[100] < 0 < change[300]


def test_gains_of_pretraining_are_taken_within_their_size() -> None:
    """The bare encoder of another size is no baseline."""
    limits = {"max_train": [100, 300]}
    plan = planned(TASKS, seeds=2, limits=limits, pretrain={"texts": "tasks"}, arms=["single"])
    stages = {s.stage.id: (s.size, s.encoder) for s in plan.systems}
    right = {(100, "one"): 0.7, (100, "one+mlm"): 1.0, (300, "one"): 1.0, (300, "one+mlm"): 1.0}
    scored, _ = tables(plan, MadeUpAnswers(lambda s: right[stages[s.id]]), ())
    gains = pretraining_table(plan, scored.test_sets, ())
    assert set(gains.loc[gains["size"] == 300, "delta"]) == {0.0}
    assert (gains.loc[gains["size"] == 100, "delta"] > 0).all()


def test_a_task_of_its_own_sizes_has_rows_for_each_and_the_others_one() -> None:
    sized = {"name": "a", "kind": "classification", "labels": ["yes", "no"]}
    sized |= {"source": {"format": "tsv", "folder": "a"}, "limits": {"max_train": [100, 300]}}
    plan = planned([sized, "b"], seeds=2)
    scored, edges = tables(plan, MadeUpAnswers(), ())
    found = edges.groupby(["target", "size"], dropna=False).size()
    assert found.to_dict() == {("a", 100): 2, ("a", 300): 2, ("b", pd.NA): 2}
    cells = system_table(plan, scored.table)
    assert list(cells["size"][:3].fillna(0)) == [300, 0, 0]
    # Where the largest was not run, a smaller one does not stand for it.
    lacks = frozenset(s.stage.id for s in plan.systems if s.size == 300)
    scored, _ = tables(plan, MadeUpAnswers(lacks=lacks), ())
    cells = system_table(plan, scored.table)
    assert set(cells.loc[cells["task"] == "a", "n_seeds"]) == {0}


def test_a_pilot_of_several_sizes_is_none_of_a_plan_of_one() -> None:
    pilot = planned(TASKS, seeds=3, limits={"max_train": [100, 300]})
    _, known = tables(pilot, MadeUpAnswers(), ())
    plan = planned(TASKS, seeds=5)
    power = power_table(planned_edges(plan), known, plan.study.correction)
    assert set(power["evidence"]) == {"target"}
