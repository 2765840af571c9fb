"""A study with variants from its file to its tables and figures, and stages that freeze layers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from transfer_study.analysis.doubt.stability import run_table, stability_table
from transfer_study.analysis.effects.tables import tables
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.run_stage import run_stage
from transfer_study.learn.models.model import build_model
from transfer_study.report.sentences.stability import stability_caption
from transfer_study.report.tables.edge_files import write_table
from transfer_study.session.places import Places
from transfer_study.session.plans import make_plan
from transfer_study.session.report import write_report
from transfer_study.session.run import Session, execute
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.recipes.recipe import Recipe

TASKS = """\
name: varied
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 2, heads: 2}}
tasks:
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 24, dev: 8, test: 12}
  - name: conflict
    kind: regression
    source: {format: synthetic, task: conflict, train: 24, dev: 8, test: 12}
arms: [single, pairs]
refine: {epochs: 1, batch_size: 8, learning_rate: 0.001, precision: float32}
"""
VARIANTS = "seeds: 2\nvariants:\n  plain: {}\n  frozen: {freeze_layers: 1, layer_decay: 0.9}\n"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Where a study with two variants was run."""
    folder = tmp_path_factory.mktemp("varied")
    (folder / "varied.yaml").write_text(TASKS + VARIANTS, encoding="utf-8")
    places = Places(folder / "stages", folder / "results", folder / "plots")
    plan = make_plan(read_study(folder / "varied.yaml"))
    execute(plan, Session(places, InProcess()))
    write_report(plan, places)
    return places


def test_tables_and_figures_tell_variants_apart(places: Places) -> None:
    results, plots = places.results / "varied", places.plots / "varied"
    stability = pd.read_csv(results / "stability.csv", keep_default_na=False)
    single = stability[stability["arm"] == "single"]
    assert single[["task", "variant", "n_seeds"]].to_numpy().tolist() == [
        ["relation", "plain", 2],
        ["relation", "frozen", 2],
        ["conflict", "plain", 2],
        ["conflict", "frozen", 2],
    ]
    scores = pd.read_csv(results / "scores.csv")
    for (task, variant), runs in scores.groupby(["task", "variant"]):
        alone = runs[(runs["arm"] == "single") & runs["metric"].isin(["accuracy", "pearson"])]
        row = single[(single["task"] == task) & (single["variant"] == variant)].iloc[0]
        assert float(row["mean"]) == pytest.approx(alone["value"].mean(), abs=1e-5)
    edges = pd.read_csv(results / "deltas.csv")
    assert edges.groupby("variant", sort=False).size().to_dict() == {"plain": 2, "frozen": 2}
    for variant in ("plain", "frozen"):
        assert (plots / variant / "transfer_graph.svg").stat().st_size > 0
    for suffix in ("svg", "png", "pdf"):
        assert (plots / f"stability.{suffix}").stat().st_size > 0
    text = (results / "stability.md").read_text(encoding="utf-8")
    assert text.count("| frozen |") == len(stability) / 2


def test_the_tables_follow_from_the_compact_predictions(places: Places, tmp_path: Path) -> None:
    plan = make_plan(read_study(places.store.parent / "varied.yaml"))
    compact = CompactAnswers(places.results / "varied")
    scored, edges = tables(plan, compact, failed=())
    scores = scored.table
    runs = run_table(plan, scores, scored.test_sets)
    stability = stability_table(runs, scored.test_sets, plan.study.margin, ())
    for name, table in (("scores", scores), ("deltas", edges), ("stability", stability)):
        write_table(table, tmp_path / name)
        derived = (tmp_path / f"{name}.csv").read_bytes()
        assert derived == (places.results / "varied" / f"{name}.csv").read_bytes()


def test_a_stage_hands_on_frozen_layers_as_it_got_them(tmp_path: Path) -> None:
    path = tmp_path / "frozen.yaml"
    path.write_text(TASKS + "seeds: 1\n", encoding="utf-8")
    plan = make_plan(read_study(path, ["refine.freeze_layers=1", "refine.reinit_layers=1"]))
    store = Store(tmp_path / "stages")
    stage = next(stage for stage in plan if len(stage.tasks) == 2)
    run_stage(stage, store, keep_model=True)
    task = stage.tasks[0].task
    given = build_model(stage.encoder, None, [(task, "key")], 0, Recipe()).encoder.state_dict()
    handed_on = load_file(store.checked_model(stage) / "model.safetensors")
    same = {name for name in handed_on if torch.equal(handed_on[name], given[name])}
    assert same == {n for n in handed_on if n.startswith(("embeddings.", "encoder.layer.0."))}


def test_the_caption_says_a_change_of_several_keys(tmp_path: Path) -> None:
    changes = (
        "seeds: 1\nvariants:\n  plain: {}\n  thin: {adapter: {kind: lora, rank: 4}, epochs: 2}\n"
    )
    (tmp_path / "thin.yaml").write_text(TASKS + changes, encoding="utf-8")
    caption = stability_caption(read_study(tmp_path / "thin.yaml"), "1 point")
    assert "adapter lora rank 4" in caption and "epochs 2" in caption
