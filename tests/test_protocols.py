"""`protocol: paper | both`: the original's choices as switches, and what each of them adds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from scipy import stats

import transfer_study
from tests.analysis.made_up import planned
from transfer_study.analysis.graph.views import MAIN
from transfer_study.analysis.paper.choices import STEPS, choices
from transfer_study.report.design import Design
from transfer_study.report.sentences.captions import caption
from transfer_study.session.places import Places
from transfer_study.session.plans import known_plan, make_plan
from transfer_study.session.report import write_report
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import plan as make
from transfer_study.study.recipes.protocol import PAPER_RECIPE, Protocol
from transfer_study.study.study import Study
from transfer_study.terminal.stages import resolved_study


def synthetic(task: str, kind: str, labels: list[str]) -> dict[str, Any]:
    source = {"format": "synthetic", "task": task, "train": 60, "dev": 20, "test": 40}
    return {"name": task, "kind": kind, "labels": labels, "source": source}


# Small: two tasks, two seeds, three epochs under three protocols.
STUDY: dict[str, Any] = {
    "name": "protocols",
    "encoder": {"name": "tiny", "tiny": {"hidden_size": 32, "layers": 1, "heads": 2}},
    "tasks": [
        synthetic("entities", "tagging", ["herb", "beast"]),
        synthetic("relation", "classification", ["herb", "beast"]),
    ],
    "arms": ["single", "full"],
    "refine": {"epochs": 3, "learning_rate": 1e-3, "precision": "float32"},
    "seeds": 2,
    "protocol": "both",
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes))
    return path


def test_the_papers_recipe_fills_what_is_not_written() -> None:
    blue = {
        "tasks": ["ddi2013-type", "bc5cdr-disease", "biosses"],
        "readings": ["refine", "finetune"],
    }
    study = Study.model_validate(
        STUDY | blue | {"protocol": "paper", "finetune": {"tasks": {"biosses": {"epochs": 3}}}}
    )
    (paper,) = study.protocols().values()
    assert (paper.refine.epochs, paper.refine.learning_rate) == (3, 1e-3)
    assert (paper.refine.optimizer, paper.refine.max_tensor_norm) == ("bert_adam", 1.0)
    assert (paper.refine.train_on, paper.refine.selection) == ("train_and_dev", "best_test")
    assert {t.name: str(t.metric) for t in paper.tasks} == {
        "ddi2013-type": "micro_f1",
        "bc5cdr-disease": "lenient_entity_f1",
        "biosses": "pearson",
    }
    recipes = {t.name: paper.finetune_recipe(t.name) for t in paper.tasks}
    assert (recipes["ddi2013-type"].epochs, recipes["ddi2013-type"].learning_rate) == (10, 5e-5)
    assert (recipes["bc5cdr-disease"].epochs, recipes["bc5cdr-disease"].learning_rate) == (20, 6e-5)
    assert (recipes["biosses"].epochs, recipes["biosses"].learning_rate) == (3, 5e-6)
    assert {r.max_tensor_norm for r in recipes.values()} == {0.0}
    assert {r.tagged_pieces for r in recipes.values()} == {"all"}


def test_a_clean_study_is_itself_and_its_recipe_has_no_departures(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, protocol="clean"))
    assert study.protocols() == {Protocol.CLEAN: study}
    assert study.refine.departures() == []
    assert study.refine.model_copy(update={"selection": "last"}).departures() == []
    on_test = study.refine.model_copy(update={"selection": "best_test"})
    assert on_test.departures() == ["selection best_test"]
    assert "Not the clean protocol" not in caption(Design.of(study), "tiny", "refine", MAIN, 6)
    paper = study.as_in_the_paper()
    assert "train_on train_and_dev" in caption(Design.of(paper), "tiny", "refine", MAIN, 6)
    honest = study.as_in_the_paper(honest=True).refine
    assert (honest.train_on, honest.selection) == ("train", "best")
    assert honest.optimizer == "bert_adam"


def test_a_paper_study_prints_and_reads_back_with_every_switch(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, protocol="paper"))
    text = resolved_study(study)
    assert "selection: best_test" in text
    again = tmp_path / "again.yaml"
    again.write_text(text)
    assert [s.id for s in make_plan(read_study(again))] == [s.id for s in make_plan(study)]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    folder = tmp_path_factory.mktemp("protocols")
    places = Places(folder / "stages", folder / "results", folder / "plots")
    transfer_study.run(written(folder), places=places, executor="in-process")
    return places


def test_both_protocols_run_side_by_side(places: Places) -> None:
    results = places.results / "protocols"
    clean, paper = (pd.read_csv(p / "deltas.csv") for p in (results, results / "paper"))
    assert list(clean["metric"]) == ["entity_f1", "accuracy"]
    assert list(paper["metric"]) == ["lenient_entity_f1", "accuracy"]
    assert (places.plots / "protocols" / "paper" / "transfer_graph.svg").is_file()


def test_paper_stages_keep_the_test_predictions_of_every_epoch(
    places: Places, tmp_path: Path
) -> None:
    plan = make_plan(read_study(written(tmp_path)))
    store = Store(places.store)
    for protocol, epochs in ((Protocol.CLEAN, 0), (PAPER_RECIPE, 0), (Protocol.PAPER, 3)):
        for stage in plan.under(protocol):
            kept = [f for f in store.files(stage) if "test-epoch" in f]
            assert len(kept) == epochs * len(stage.tasks)
    history = [
        json.loads(line)
        for stage in plan.under(Protocol.PAPER)
        for line in store.read(stage, "history.jsonl").decode().splitlines()
    ]
    assert all(epoch["test"].keys() == epoch["dev"].keys() for epoch in history)


def test_the_best_epoch_is_that_of_the_test_score(places: Places, tmp_path: Path) -> None:
    plan = make_plan(read_study(written(tmp_path))).under(Protocol.PAPER)
    store = Store(places.store)
    for stage in plan:
        record = store.record(stage)
        lines = store.read(stage, "history.jsonl").decode().splitlines()
        for task in stage.task_names:
            scores = [json.loads(line)["test"][task] for line in lines]
            assert record.selected_epoch[task] == 1 + scores.index(max(scores))


def test_every_choice_has_its_share_of_the_gain(places: Places) -> None:
    table = pd.read_csv(places.results / "protocols" / "choices.csv")
    assert list(table["task"]) == ["entities"] * 6 + ["relation"] * 6
    assert list(table["step"]) == [*STEPS, *STEPS]
    assert set(table["n_seeds"]) == {2}
    for name in ("gain", "change"):
        known = table.dropna(subset=f"{name}_low")
        assert known[name].between(known[f"{name}_low"], known[f"{name}_high"]).all()
    assert table["gain_low"].notna().any()
    for _, rows in table.groupby("task"):
        added = rows["gain"].iloc[0] + rows["change"].sum()
        assert added == pytest.approx(rows["gain"].iloc[-1], abs=1e-5)
    clean = pd.read_csv(places.results / "protocols" / "deltas.csv")
    first = table[table["step"] == STEPS[0]]
    assert list(first["gain"]) == pytest.approx(list(clean["delta"]), abs=2e-6)
    lenient = table[(table["task"] == "entities") & (table["step"] == "lenient scoring")]
    assert list(lenient["metric"]) == ["lenient_entity_f1"]
    assert list(lenient["baseline_metric"]) == ["entity_f1"]


def test_the_tables_follow_without_the_store(places: Places, tmp_path: Path) -> None:
    results = places.results / "protocols"
    files = list(results.rglob("*.csv"))
    before = {path: path.read_bytes() for path in files}
    study = read_study(written(tmp_path))
    elsewhere = Places(tmp_path / "no-store", places.results, tmp_path / "plots")
    write_report(known_plan(study, elsewhere), elsewhere)
    assert {path: path.read_bytes() for path in files} == before


def test_choices_of_made_up_scores(tmp_path: Path) -> None:
    """Scores chosen by hand, so that every step has a value of its own."""
    changes = {"tasks": ["ddi2013-type", "bc5cdr-disease"], "seeds": 1}
    study = Study.model_validate(STUDY | changes)
    fingerprints = make_plan(read_study(written(tmp_path))).fingerprints
    data = dict(zip(changes["tasks"], fingerprints.data.values(), strict=True))
    plan = make(study, fingerprints.model_copy(update={"data": data}))
    base = {"clean": 0.10, "recipe": 0.20}
    scores = {
        protocol: pd.DataFrame(
            [
                (s.stage.id, s.target, metric, value + (0.05 if s.arm == "full" else 0))
                for s in plan.systems
                if s.protocol == protocol
                for metric in ("macro_f1", "entity_f1")
            ],
            columns=["stage", "task", "metric", "value"],
        )
        for protocol, value in base.items()
    }
    scores["paper"] = scores["recipe"]
    epochs = pd.DataFrame(
        [
            (s.stage.id, s.target, epoch, metric, value + extra + 0.1 * (s.arm == "full"))
            for s in plan.systems
            if s.protocol == "paper"
            for epoch, value in ((1, 0.40), (2, 0.30))
            for metric, extra in (
                *(("macro_f1", 0), ("micro_f1", 0.07)),
                *(("entity_f1", 0), ("lenient_entity_f1", 0.03)),
            )
        ],
        columns=["stage", "task", "epoch", "metric", "value"],
    )
    table = choices(plan, scores, epochs)
    assert "size" not in table
    assert table[["gain_low", "change_low"]].isna().all(axis=None), "one seed has no interval"
    gains = {task: rows["gain"].tolist() for task, rows in table.groupby("task")}
    assert gains["ddi2013-type"] == pytest.approx([0.05, 0.05, 0.1, 0.1, 0.17, 0.17])
    assert gains["bc5cdr-disease"] == pytest.approx([0.05, 0.05, 0.1, 0.1, 0.1, 0.13])
    scored = table[table["task"] == "ddi2013-type"]["score"].tolist()
    assert scored == pytest.approx([0.15, 0.25, 0.4, 0.5, 0.57, 0.57])


def test_choices_are_told_by_size_with_their_intervals(tmp_path: Path) -> None:
    """Each size has its own gain, and Student's t over the seeds around it."""
    limits = {"max_train": [100, 300]}
    plan = planned(["a", "b"], seeds=3, limits=limits, protocol="both", arms=["single", "full"])
    gain = {100: 0.05, 300: 0.2}
    rows = {
        (s.stage.id, s.target, "accuracy"): (
            s.protocol,
            0.5 + 0.01 * s.seed**2 + (s.arm == "full") * (gain[s.size or 0] + 0.02 * s.seed),
        )
        for s in plan.systems
    }
    columns = ["stage", "task", "metric", "value"]
    scores = {
        protocol: pd.DataFrame(
            [(*key, value) for key, (of, value) in rows.items() if of == protocol], columns=columns
        )
        for protocol in plan.protocols
    }
    epochs = scores["paper"].assign(epoch=1)
    table = choices(plan, scores, epochs)
    assert len(table) == 2 * 2 * len(STEPS)
    reference = stats.t.interval(0.95, 2, 0, stats.sem([0.0, 0.02, 0.04]))[1]
    for size, rows_ in table.groupby("size"):
        assert rows_["gain"].tolist() == pytest.approx([gain[int(size)] + 0.02] * 12)
        assert (rows_["gain_high"] - rows_["gain"]).tolist() == pytest.approx([reference] * 12)
        assert rows_["change"].tolist() == pytest.approx([0.0] * 12)
