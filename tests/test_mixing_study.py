"""A study of ways to mix tasks, from its file to its report: only joint stages are run for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from transfer_study.cli import app
from transfer_study.report.sentences.stability import stability_caption
from transfer_study.study.file.study_file import read_study

# Frozen layers and bfloat16 are met on the way.
STUDY = """\
name: mixed
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 2, heads: 2}}
tasks:
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 8, test: 24}
  - name: conflict
    kind: regression
    source: {format: synthetic, task: conflict, train: 24, dev: 8, test: 24}
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 8, dev: 8, test: 24}
arms: [single, full]
seeds: 2
refine: {epochs: 2, batch_size: 8, learning_rate: 0.01, freeze_layers: 1, precision: bfloat16}
"""
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "by-name": {"loss_weights": {"relation": 3}},
    "by-size": {"loss_weights": "by_size"},
    "uncertainty": {"loss_weights": "uncertainty"},
    "pcgrad": {"updates": "every_task", "aggregation": "pcgrad"},
    "upgrad": {"updates": "every_task", "aggregation": "upgrad", "loss_weights": "uncertainty"},
}


def written(folder: Path, *changes: tuple[str, str], variants: bool = True) -> Path:
    text = STUDY
    if variants:
        text += "variants:\n" + "".join(
            f"  {name}: {json.dumps(v)}\n" for name, v in VARIANTS.items()
        )
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "study.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def verb(name: str, study: Path, *options: str) -> str:
    places = ["--store", str(study.parent / "store")]
    if name != "plan":
        places += ["--results", str(study.parent / "results")]
        places += ["--plots", str(study.parent / "plots"), "--executor", "in-process"]
    done = CliRunner().invoke(app, [name, str(study), *options, *places], catch_exceptions=False)
    assert done.exit_code in (0, 3), done.output
    return done.output


def not_done(study: Path, *options: str) -> list[str]:
    """The stages that a study would run."""
    stages = json.loads(verb("plan", study, "--json", *options))["stages"]
    return [stage["label"] for stage in stages if not stage["done"]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study, which was run."""
    folder = tmp_path_factory.mktemp("mixed")
    verb("run", written(folder), "-q")
    return folder


def test_only_joint_stages_are_run_for_each_variant(ran: Path) -> None:
    records = [json.loads(p.read_text()) for p in (ran / "store" / "stages").glob("*/stage.json")]
    sizes = [len(record["pre_image"]["tasks"]) for record in records]
    assert sizes.count(1) == 2 * 3
    assert sizes.count(3) == 2 * len(VARIANTS)
    scores = pd.read_csv(ran / "results" / "mixed" / "scores.csv")
    alone = scores[scores["arm"] == "single"]
    assert set(alone["variant"]) == set(VARIANTS)
    assert (alone.groupby(["task", "seed", "metric"])["value"].nunique() == 1).all()
    assert alone.groupby(["task", "seed"])["stage"].nunique().eq(1).all()
    joint = scores[scores["arm"] == "full"]
    assert joint["stage"].nunique() == 2 * len(VARIANTS)


def test_every_way_learns_something_of_its_own(ran: Path) -> None:
    predictions = pd.read_parquet(ran / "results" / "mixed" / "predictions.parquet")
    scores = pd.read_csv(ran / "results" / "mixed" / "scores.csv")
    stages = scores[(scores["arm"] == "full") & (scores["seed"] == 0)].groupby("variant")["stage"]
    answers = {
        variant: predictions[predictions["stage"] == of.iloc[0]]
        .drop(columns="stage")
        .to_csv(index=False)
        for variant, of in stages
    }
    assert len(set(answers.values())) == len(VARIANTS)


def test_the_tables_tell_what_each_way_gains(ran: Path) -> None:
    results = ran / "results" / "mixed"
    deltas = pd.read_csv(results / "deltas.csv")
    full = deltas[deltas["arm"] == "full"]
    assert full.groupby("variant", sort=False).size().to_dict() == dict.fromkeys(VARIANTS, 3)
    assert np.isfinite(full[["baseline", "score", "delta"]]).all(axis=None)
    stability = pd.read_csv(results / "stability.csv")
    single = stability[(stability["arm"] == "single") & (stability["variant"] != "plain")]
    assert (single["delta"] == 0).all()
    assert (results / "report.html").is_file()
    caption = stability_caption(read_study(ran / "study.yaml"), "1 point")
    assert "by-name: loss_weights 3 of relation; by-size: loss_weights by_size;" in caption
    assert "pcgrad: updates every_task, aggregation pcgrad;" in caption


def test_the_weights_of_each_epoch_are_recorded(ran: Path) -> None:
    found = {}
    for path in (ran / "store" / "stages").glob("refine-s0-*/history.jsonl"):
        recipe = json.loads((path.parent / "stage.json").read_text())["pre_image"]["recipe"]
        epochs = [json.loads(line) for line in path.read_text().splitlines()]
        weights = [epoch["loss_weights"] for epoch in epochs if "loss_weights" in epoch]
        assert bool(weights) == ("loss_weights" in recipe)
        found[str(recipe.get("loss_weights")), recipe.get("updates")] = weights
    # 5, 3 and 1 batches; by name in the order of the tasks' content.
    (by_name,) = (key for key in found if key[0].startswith("["))
    assert sorted(json.loads(by_name[0])) == [0.6, 0.6, 1.8]
    for epoch in found["by_size", None]:
        shares = {"relation": 5, "conflict": 3, "entities": 1}
        assert len({round(epoch[name] * n, 4) for name, n in shares.items()}) == 1
    uncertain = found["uncertainty", None]
    assert uncertain[0] != uncertain[1]


def test_what_a_variant_ran_serves_the_study_that_has_it_as_its_recipe(
    ran: Path, tmp_path: Path
) -> None:
    plain = written(tmp_path, variants=False)
    store = ["--store", str(ran / "store")]
    for changes in VARIANTS.values():
        settings = [
            part
            for key, value in changes.items()
            for part in (
                "--set",
                f"refine.{key}={value if isinstance(value, str) else json.dumps(value)}",
            )
        ]
        done = CliRunner().invoke(app, ["plan", str(plain), "--json", *settings, *store])
        assert done.exit_code in (0, 3), done.output
        stages = json.loads(done.output)["stages"]
        assert [stage["label"] for stage in stages if not stage["done"]] == []


def test_weights_follow_a_task_to_another_name(ran: Path) -> None:
    renamed = [("name: relation", "name: zoology"), ('{"relation": 3}', '{"zoology": 3}')]
    assert not_done(written(ran, *renamed)) == []
    exchanged = [
        ("name: relation", "name: XX"),
        ("name: entities", "name: relation"),
        ("name: XX", "name: entities"),
    ]
    assert not_done(written(ran, *exchanged, ('{"relation": 3}', '{"entities": 3}'))) == []
    # The same name on other data is another weight: two seeds of one variant.
    assert len(not_done(written(ran, *exchanged))) == 2
    written(ran)
