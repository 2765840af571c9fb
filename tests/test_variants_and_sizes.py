"""A study of several recipes and training sizes from its file to a model taken home."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.test_compare import call

STUDY = """\
name: crossed
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
limits: {max_train: [20, 40]}
tasks:
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 20, test: 60}
  - name: conflict
    kind: regression
    source: {format: synthetic, task: conflict, train: 40, dev: 20, test: 60}
arms: [single, full]
variants: {plain: {}, slow: {learning_rate: 0.0001}}
seeds: 2
refine: {epochs: 2, learning_rate: 0.003, precision: float32}
"""


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run: 24 stages."""
    folder = tmp_path_factory.mktemp("crossed")
    (folder / "crossed.yaml").write_text(STUDY, encoding="utf-8")
    said = call(folder, "run", "crossed.yaml", "--executor", "in-process")
    (folder / "said").write_text(said, encoding="utf-8")
    return folder


def test_every_stage_that_ends_is_told_by_its_recipe_and_size(crossed: Path) -> None:
    said = (crossed / "said").read_text(encoding="utf-8")
    for size in (20, 40):
        for variant in ("plain", "slow"):
            assert said.count(f"({variant}, {size} examples)") == 2 * 3
        told = f"relation, {size} training examples: tiny, refine reading"
        assert told in " ".join(said.split())


def test_two_seeds_are_two_at_each_size(crossed: Path) -> None:
    results = crossed / "results" / "crossed"
    stability = pd.read_csv(results / "stability.csv", keep_default_na=False)
    assert len(stability) == 2 * 2 * (2 + 2)
    assert set(stability["n_seeds"]) == {2}
    assert set(stability["size"]) == {20, 40}
    text = (results / "stability.md").read_text(encoding="utf-8")
    assert text.count("## relation, 40 training examples: ") == 1
    for name in ("stability", "transfer_graph"):
        assert list((crossed / "plots" / "crossed").rglob(f"{name}.svg"))
    drawn = call(crossed, "report", "crossed.yaml", "--size", "20")
    assert "stability-20.svg" in drawn


def test_the_model_of_a_recipe_and_size_is_taken_home(crossed: Path) -> None:
    words = ("export", "crossed.yaml", "--task", "relation", "--json", "-q")
    asked = ("--arm", "single", "--variant", "slow", "--size", "20")
    said = json.loads(call(crossed, *words, *asked, "--to", "home"))
    assert said["model"] == "refine reading, single, slow, 20 examples"
    card = (crossed / "home" / "README.md").read_text(encoding="utf-8")
    assert "It was asked for: refine reading, single, slow, 20 examples; then" in card
    assert "| relation | 20 | 20 | 60 |" in card
    best = json.loads(call(crossed, *words, "--to", "best"))
    assert len(best["compared"]) == 2 * 2 * 2
    card = (crossed / "best" / "README.md").read_text(encoding="utf-8")
    assert card.count("refine reading, single, slow, 20 examples") == 1


def test_the_whole_mix_of_a_recipe_and_size_is_taken_home(crossed: Path) -> None:
    words = ("export", "crossed.yaml", "--multi", "--json", "-q", "--variant", "plain")
    said = json.loads(call(crossed, *words, "--size", "20", "--to", "all"))
    assert said["model"] == "full mix, plain, 20 examples"
    assert [*said["compared"]] == ["full mix, plain, 20 examples"]


def test_advice_is_given_of_a_recipe_and_size(crossed: Path) -> None:
    words = ("recommend", "crossed.yaml", "--task", "relation", "--json")
    every = json.loads(call(crossed, *words))["recommendations"]
    assert [(one["variant"], one["size"]) for one in every] == [("plain", 40), ("slow", 40)]
    asked = ("--variant", "slow", "--size", "20")
    (one,) = json.loads(call(crossed, *words, *asked))["recommendations"]
    assert (one["variant"], one["size"]) == ("slow", 20)
