"""Runs that others made, judged: what comes of a table of scores, as its reader meets it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.test_cli import call
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.errors import StoreError, StudyError
from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, check_task, judge_runs
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.outcome import Outcome
from transfer_study.report.tables.edge_files import write_table
from transfer_study.store.recorded import RECORD_FILE
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin

SEEDS = range(6)
ROOT = Path(__file__).resolve().parents[2]
JUDGEMENT = Judgement(Margin(absolute=0.01))
# What each source adds to each target; the rest is noise of a tenth of a point.
EFFECTS = {("cola", "rte"): 0.05, ("rte", "cola"): -0.04, ("sst", "rte"): 0.0}


def scores() -> pd.DataFrame:
    """Baselines of two targets, and a model of each effect, in one table."""
    random = np.random.default_rng(0)
    models = [("", "rte", 0.0), ("", "cola", 0.0), *((*ends, d) for ends, d in EFFECTS.items())]
    rows = [
        ("base", source, target, "accuracy", seed, 0.6 + effect + random.normal(0, 0.001))
        for source, target, effect in models
        for seed in SEEDS
    ]
    return pd.DataFrame(
        rows, columns=["encoder", "source", "target", "metric", "seed", "value"]
    ).round(6)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    scores().to_csv(tmp_path / "ours.csv", index=False)
    return tmp_path / "ours.csv"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> JudgedPlaces:
    folder = tmp_path_factory.mktemp("judged")
    return JudgedPlaces("ours", folder / "results", folder / "plots")


@pytest.fixture(scope="module")
def outcome(places: JudgedPlaces) -> Outcome:
    """What is written of the table."""
    table = places.results.parent / "ours.csv"
    scores().to_csv(table, index=False)
    asked = JudgeRequest(JUDGEMENT, f"transfer-study judge {table}")
    return judge_runs(read_scores(table, TableRequest()), asked, places)


def edges_of(table: Path, judgement: Judgement, **asked: Any) -> pd.DataFrame:
    given = read_scores(table, TableRequest(**asked))
    return deltas(given.comparisons(), given.test_sets, judgement, ())


def verdicts(edges: pd.DataFrame) -> dict[tuple[str, str], str]:
    return {(e["source"], e["target"]): e["verdict"] for e in edges.to_dict("records")}


def test_what_is_in_the_scores_is_found(outcome: Outcome) -> None:
    assert verdicts(outcome.edges) == {
        ("cola", "rte"): "gain",
        ("rte", "cola"): "loss",
        ("sst", "rte"): "equivalent",
    }
    by_model = scores().groupby(["source", "target"])["value"].apply(np.array).to_dict()
    for edge in outcome.edges.to_dict("records"):
        paired = by_model[edge["source"], edge["target"]] - by_model["", edge["target"]]
        assert edge["delta"] == pytest.approx(paired.mean())
        assert (edge["n_seeds"], edge["n_test"], edge["n_documents"]) == (6, 0, 0)
        assert np.isnan(edge["constant"])
    # Alone on its baseline, an edge is judged by the paired t test that everybody knows.
    known = stats.ttest_1samp(by_model["rte", "cola"] - by_model["", "cola"], 0)
    (alone,) = (edge for edge in outcome.edges.to_dict("records") if edge["target"] == "cola")
    assert alone["p"] == pytest.approx(known.pvalue)
    assert [alone["low"], alone["high"]] == pytest.approx(list(known.confidence_interval()))


def test_everything_that_scores_can_tell_is_written(outcome: Outcome, places: JudgedPlaces) -> None:
    results = places.results / "ours"
    assert {path.name for path in results.iterdir()} >= {
        *("deltas.csv", "deltas.parquet", "deltas.md", "deltas.tex", "report.md", "report.html"),
        *("false_edges.csv", "false_edges.parquet"),
    }
    assert {Path(path).suffix for path in outcome.figures} >= {".svg", ".png", ".pdf", ".graphml"}
    assert all(Path(path).is_file() for path in outcome.figures)
    assert outcome.false_edge_rate.startswith("A/A: of ")
    assert outcome.graph().edges["cola", "rte"]["verdict"] == "gain"
    (advice,) = outcome.recommend("rte")
    assert advice.text.startswith("Train rte with cola: +")
    assert advice.command == ""


@pytest.mark.usefixtures("outcome")
@pytest.mark.parametrize("name", ["report.md", "report.html"])
def test_the_report_says_what_scores_do_not_tell(places: JudgedPlaces, name: str) -> None:
    text = (places.results / "ours" / name).read_text("utf-8")
    for said in (
        "of how another sample of test examples would differ it knows nothing",
        "Intervals are of the seeds alone",
        "How the models were trained is not known here",
        "transfer-study judge ",
        "is taken to have learned it together with its target",
    ):
        assert said in text, said
    for absent in (
        *("bootstrap variance", "saved predictions", "transfer-study run", "Recipe</"),
        *("efron1993", "from test examples, 100%", ">100%", "of a study"),
    ):
        assert absent not in text, absent


def test_a_correction_is_of_all_edges(table: Path) -> None:
    margin = Margin(absolute=0.01)
    plain, held, together = (
        edges_of(table, Judgement(margin, one))
        for one in (Correction.NONE, Correction.HOLM, Correction.MAX_T)
    )
    assert (held["level"] <= plain["level"]).all() and held["level"].min() == pytest.approx(
        0.05 / 2
    )
    assert verdicts(together)["cola", "rte"] == "gain"


def test_one_seed_decides_nothing(tmp_path: Path, places: JudgedPlaces) -> None:
    every = scores()
    every[every["seed"] == 0].to_csv(tmp_path / "one.csv", index=False)
    given = read_scores(tmp_path / "one.csv", TableRequest())
    asked = JudgeRequest(JUDGEMENT, "transfer-study judge")
    once = judge_runs(given, asked, replace(places, name="one"))
    assert set(once.deltas["verdict"]) == {"undecided"}
    text = (places.results / "one" / "report.md").read_text("utf-8")
    assert "One seed: nothing can be decided." in text


def test_models_of_unequal_seeds_are_told_by_the_fewest_and_the_most(
    tmp_path: Path, places: JudgedPlaces
) -> None:
    every = scores()
    some = every[(every["source"] != "cola") | (every["seed"] < 2)]
    some.to_csv(tmp_path / "some.csv", index=False)
    given = read_scores(tmp_path / "some.csv", TableRequest())
    judge_runs(given, JudgeRequest(JUDGEMENT, "judge"), replace(places, name="some"))
    text = (places.results / "some" / "report.md").read_text("utf-8")
    assert "paired by seed over 2 to 6 seeds" in text
    assert "those without a model of their seed are taken to be independent" in text
    assert "- 2 to 6 seeds: intervals are wide" in text
    page = (places.results / "some" / "report.html").read_text("utf-8")
    assert "3 tasks, 2 to 6 seeds, margin" in page


def test_not_learned_is_said_where_the_constant_answer_is_known(table: Path) -> None:
    assert verdicts(edges_of(table, JUDGEMENT, constants={"rte": 0.7})) == {
        ("cola", "rte"): "not_learned",
        ("sst", "rte"): "not_learned",
        ("rte", "cola"): "loss",
    }


def test_the_folder_of_a_study_is_not_written_to(tmp_path: Path) -> None:
    places = JudgedPlaces("ours", tmp_path / "results", tmp_path / "plots")
    of_study = places.results / "ours" / RECORD_FILE
    of_study.parent.mkdir(parents=True)
    of_study.write_text("{}")
    with pytest.raises(StoreError, match=r"holds the results of a study; .* --name"):
        places.check()
    assert [*of_study.parent.iterdir()] == [of_study]


def test_a_name_is_one_of_a_folder(table: Path, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"--name: found '\.\./up'; a name consists of"):
        JudgedPlaces.of("../up", tmp_path, tmp_path)
    with pytest.raises(StudyError, match=r"--task: found rto, .* did you mean 'rte'"):
        check_task(read_scores(table, TableRequest()), "rto")


def test_the_command_prints_edges_and_paths(table: Path, tmp_path: Path) -> None:
    done = call(tmp_path, "judge", "ours.csv", "--margin", "0.02")
    assert done.returncode == 0, done.stderr
    assert "gain" in done.stdout and "Report: results/ours/report.html" in done.stdout
    assert "know nothing of the test sample" in " ".join(done.stdout.split())
    assert done.stderr.startswith("note: Intervals are of the seeds alone")
    other = call(tmp_path, "judge", "ours.csv", "--name", "again", "--json")
    found = json.loads(other.stdout)
    assert (found["study"], len(found["edges"])) == ("again", 3)
    both = call(tmp_path, "compare", "results/ours", "results/again")
    assert both.returncode == 0, both.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--constant", "rte=half"], "--constant: found 'half' for rte, which is no number"),
        (["--task", "mnli"], "--task: found mnli, of which no run is"),
        (["--percent"], "percent"),
        (
            ["--margin", "1"],
            "found '1'; give a number from 0 to below 1 such as 0.01, which is one",
        ),
    ],
)
def test_bad_words_are_told_and_nothing_is_written(
    table: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    done = call(tmp_path, "judge", "ours.csv", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and said in done.stderr
    assert not (tmp_path / "results").exists()


def test_the_committed_judgement_of_taskweb_is_what_its_scores_give(tmp_path: Path) -> None:
    file = ROOT.parent / "shared" / "taskweb" / "scores.csv"
    if not file.is_file():
        pytest.skip(f"{file} is not there: its scores are no part of this repository")
    found = edges_of(file, JUDGEMENT, arm="sequential")
    write_table(found, tmp_path / "deltas")
    committed = (ROOT / "results" / "taskweb" / "deltas.csv").read_bytes()
    assert (tmp_path / "deltas.csv").read_bytes() == committed


def test_a_group_is_told_with_each_of_its_tasks_once(tmp_path: Path, places: JudgedPlaces) -> None:
    random = np.random.default_rng(0)
    models = [("", task) for task in "abcd"] + [("b+c", "a"), ("a+c", "b"), ("a+b", "c")]
    rows = [(*ends, seed, 0.6 + random.normal(0, 0.01)) for ends in models for seed in range(3)]
    rows += [("d", "a", seed, 0.6 + random.normal(0, 0.01)) for seed in range(3)]
    table = pd.DataFrame(rows, columns=["source", "target", "seed", "value"])
    table.to_csv(tmp_path / "groups.csv", index=False)
    given = read_scores(tmp_path / "groups.csv", TableRequest())
    asked = JudgeRequest(JUDGEMENT, "transfer-study judge")
    outcome = judge_runs(given, asked, replace(places, name="groups"))
    (group,) = (view for view in outcome.design.views if view.tasks)
    assert sorted(group.tasks) == ["a", "b", "c"]
