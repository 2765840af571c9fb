"""A study whose tasks alone have further seeds, run for real and read in every form."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.conftest import Command
from tests.test_compare_studies import call

STUDY = """\
name: uneven
encoder: {name: tiny, tiny: {hidden_size: 64, layers: 1, heads: 2}}
tasks:
  - name: entities
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 150, dev: 20, test: 60}
  - name: others
    kind: tagging
    labels: [herb, beast]
    source: {format: synthetic, task: entities, train: 150, dev: 20, test: 60, seed: 1}
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {format: synthetic, task: relation, train: 40, dev: 20, test: 60}
arms: [single, pairs]
seeds: [2, 5, 3]
baseline_seeds: 5
refine: {epochs: 8, batch_size: 8, learning_rate: 0.003, precision: float32}
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the finished study, and of one whose baselines have no further seeds."""
    folder = tmp_path_factory.mktemp("uneven")
    (folder / "uneven.yaml").write_text(STUDY, encoding="utf-8")
    plain = STUDY.replace("uneven", "plain").replace("baseline_seeds: 5\n", "")
    (folder / "plain.yaml").write_text(plain, encoding="utf-8")
    for name in ("plain", "uneven"):
        assert call(folder, "run", f"{name}.yaml", "--executor", "in-process", "-q")[0] == 0
    return folder


def table(folder: Path, study: str, name: str = "deltas") -> pd.DataFrame:
    return pd.read_parquet(folder / "results" / study / f"{name}.parquet")


def test_a_delta_is_between_the_means_of_all_runs(ran: Path) -> None:
    scores = table(ran, "uneven", "scores").drop_duplicates(["stage", "task"])
    means = scores.groupby(["arm", "source", "task"])["value"].agg(["mean", "count"])
    for edge in table(ran, "uneven").to_dict("records"):
        model = means.loc["pair", edge["source"], edge["target"]]
        alone = means.loc["single", "", edge["target"]]
        assert (model["count"], alone["count"]) == (3, 5)
        assert (edge["n_seeds"], edge["n_baseline_seeds"]) == (3, 5)
        assert edge["baseline"] == pytest.approx(alone["mean"])
        assert edge["delta"] == pytest.approx(model["mean"] - alone["mean"])
    assert set(scores.loc[scores["arm"] == "single", "seed"]) == {2, 3, 5, 6, 7}


def test_what_both_studies_have_is_run_once_and_scores_alike(ran: Path) -> None:
    plain, uneven = (table(ran, name, "scores") for name in ("plain", "uneven"))
    key = ["stage", "task", "metric"]
    both = plain.drop_duplicates(key).merge(uneven.drop_duplicates(key), on=key)
    assert len(both) == len(plain.drop_duplicates(key))
    assert (both["value_x"] == both["value_y"]).all()
    edges = table(ran, "plain")
    assert (edges["n_baseline_seeds"] == edges["n_seeds"]).all()


def test_the_report_and_its_tables_are_derived_again_from_the_results_alone(
    ran: Path, tmp_path: Path
) -> None:
    shutil.copytree(ran / "results" / "uneven", tmp_path / "results" / "uneven")
    shutil.copy(ran / "uneven.yaml", tmp_path)
    file = tmp_path / "results" / "uneven" / "deltas.csv"
    before = file.read_bytes()
    file.unlink()
    assert call(tmp_path, "report", "uneven.yaml")[0] == 0
    assert file.read_bytes() == before


def test_readers_are_told_of_the_further_seeds(ran: Path) -> None:
    page = (ran / "results" / "uneven" / "report.html").read_text(encoding="utf-8")
    text = " ".join((ran / "results" / "uneven" / "report.md").read_text("utf-8").split())
    assert "paired by seed over 3 seeds (5 of the tasks alone)" in text
    assert "held against the mean of 5 runs, of which 2 have no run of the model beside" in page
    plain = (ran / "results" / "plain" / "report.md").read_text(encoding="utf-8")
    assert "of the tasks alone" not in plain


def test_a_plan_knows_what_further_seeds_will_tell(ran: Path) -> None:
    few, many = (
        json.loads(call(ran, "plan", "plain.yaml", "--json", *words)[1])["power"]
        for words in ((), ("--set", "baseline_seeds=30"))
    )
    known = [n for n, edge in enumerate(few) if edge["detectable"] is not None]
    assert known
    for n in known:
        assert (many[n]["n_seeds"], many[n]["n_baseline_seeds"]) == (3, 30)
        assert (few[n]["n_seeds"], few[n]["n_baseline_seeds"]) == (3, 3)
    assert np.mean([many[n]["detectable"] < few[n]["detectable"] for n in known]) > 0.5


def test_a_study_is_compared_with_one_whose_baselines_have_fewer_seeds(ran: Path) -> None:
    code, said = call(ran, "compare", "plain.yaml", "uneven.yaml", "--json")
    assert code in (0, 4), said
    edges = pd.read_parquet(ran / "results" / "compare-plain-uneven" / "differences.parquet")
    assert len(edges) == 6
    assert edges["same_test"].all()
    difference = edges["delta_b"] - edges["delta_a"]
    assert edges["difference"].to_numpy() == pytest.approx(difference.to_numpy())
    assert set(edges["happened"]) <= {"kept", "not_measured", "appeared", "vanished"}
    assert edges["seed_error"].notna().any()


def test_the_best_model_of_a_further_seed_is_the_task_s_own(ran: Path) -> None:
    words = "export", "uneven.yaml", "--task", "entities", "--seed", "7", "--to", "taken"
    code, said = call(ran, *words)
    assert code == 0, said
    assert "refine reading, single, seed 7" in " ".join(said.split())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (("baseline_seeds=2",), "found 2, but baselines have the study's 3 `seeds` in any case"),
        (("arms=[single]",), "found 5, but no arm is held against a task alone; add one such"),
        (("baseline_seeds=many",), "found 'many'; give a whole number such as 3"),
        (("baseline_seeds=0",), "found 0"),
        (("baseline_seeds=2000",), "found 2000; give a number less than or equal to 1000"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    command: Command, tmp_path: Path, settings: tuple[str, ...], said: str
) -> None:
    (tmp_path / "uneven.yaml").write_text(STUDY, encoding="utf-8")
    places = (
        word
        for name in ("store", "results", "plots")
        for word in (f"--{name}", f"{tmp_path}/{name}")
    )
    options = [word for setting in settings for word in ("--set", setting)]
    code, _, errors = command("run", f"{tmp_path}/uneven.yaml", *options, *places)
    assert code == 2
    assert said in re.sub(r"\s+", " ", errors)
    assert [path.name for path in tmp_path.iterdir()] == ["uneven.yaml"]
