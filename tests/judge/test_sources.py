"""What is named is read as what it is, and words that are for something else are told."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from transfer_study.errors import StudyError
from transfer_study.judge.given import Given
from transfer_study.judge.score_table import TableRequest
from transfer_study.judge.sources import RunsRequest, name_of, read_runs

SEEDS = (0, 1)
MODELS = (("none", "rte"), ("mnli", "rte"))
GOLD = ["yes", "no", "yes", "no"]


def answers(folder: Path) -> list[Path]:
    """A file a model and seed, in which the second is right throughout."""
    files = []
    for source, target in MODELS:
        for seed in SEEDS:
            said = GOLD if source == "mnli" else ["yes"] * len(GOLD)
            rows = [
                {"id": n, "gold": gold, "prediction": label}
                for n, (gold, label) in enumerate(zip(GOLD, said, strict=True))
            ]
            file = folder / f"{source}-to-{target}-s{seed}.jsonl"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            files.append(file)
    return files


def written(file: Path, rows: list[list[object]]) -> Path:
    with file.open("w", newline="") as out:
        csv.writer(out).writerows(rows)
    return file


def scores_of(given: Given) -> dict[tuple[str, int], float]:
    scores = given.test_sets["rte"].scores()
    rows = given.runs[["source", "seed", "run"]].itertuples(index=False)
    return {(source, seed): scores[run] for source, seed, run in rows}


EXPECTED = {("", 0): 0.5, ("", 1): 0.5, ("mnli", 0): 1.0, ("mnli", 1): 1.0}


def test_names_with_fields_are_answers(tmp_path: Path) -> None:
    answers(tmp_path)
    named = [str(tmp_path / "{source}-to-{target}-s{seed}.jsonl")]
    assert name_of(named) == "judged"
    given = read_runs(RunsRequest(named))
    assert scores_of(given) == EXPECTED
    assert given.test_sets["rte"].documents == len(GOLD)


def test_what_is_said_of_a_target_goes_to_its_answers(tmp_path: Path) -> None:
    answers(tmp_path)
    named = [str(tmp_path / "{source}-to-{target}-s{seed}.jsonl")]
    plain = RunsRequest(named, table=TableRequest(metrics={"rte": "micro_f1"}))
    # All answers are yes: half of them right, and all of yes found.
    assert scores_of(read_runs(plain))["", 0] == pytest.approx(0.5)
    without = read_runs(replace(plain, negatives={"rte": "no"}))
    assert scores_of(without)["", 0] == pytest.approx(2 / 3)
    assert set(without.runs["metric"]) == {"micro_f1"}


def test_a_table_with_files_is_of_answers_and_one_with_values_of_scores(tmp_path: Path) -> None:
    files = answers(tmp_path)
    models = [(*ends, seed) for ends in MODELS for seed in SEEDS]
    named = written(
        tmp_path / "files.csv",
        [
            ["encoder", "source", "target", "seed", "file"],
            *(["m", *model, file.name] for model, file in zip(models, files, strict=True)),
        ],
    )
    assert scores_of(read_runs(RunsRequest([str(named)]))) == EXPECTED
    table = written(
        tmp_path / "ours.csv",
        [
            ["source", "target", "seed", "value"],
            *(
                ["" if s == "none" else s, t, seed, EXPECTED["" if s == "none" else s, seed]]
                for s, t, seed in models
            ),
        ],
    )
    assert name_of([str(table)]) == "ours"
    # As Weights & Biases calls what it exports.
    export = "wandb_export_2026-01-05T11_29_26.084+01_00.csv"
    assert name_of([export]) == "wandb_export_2026-01-05T11_29_26-084-01_00"
    assert [name_of([said]) for said in ("our scores.csv", "表.csv")] == ["our-scores", "judged"]
    given = read_runs(RunsRequest([str(table)]))
    assert scores_of(given) == EXPECTED
    assert given.test_sets["rte"].documents == 0


def test_a_column_of_values_makes_a_table_of_scores_whatever_it_is_called(tmp_path: Path) -> None:
    rows = [["source", "target", "seed", "accuracy", "file"]]
    rows += [[source, "rte", seed, value, "x"] for (source, seed), value in EXPECTED.items()]
    table = written(tmp_path / "ours.csv", rows)
    asked = TableRequest(columns={"value": "accuracy"})
    assert scores_of(read_runs(RunsRequest([str(table)], table=asked))) == EXPECTED


@pytest.mark.parametrize("by_column", [False, True])
def test_an_export_is_read_by_the_columns_that_are_named(
    tmp_path: Path, *, by_column: bool
) -> None:
    rows = [["Name", "State", "config.source", "task", "config.seed", "eval/accuracy"]]
    for (source, seed), value in EXPECTED.items():
        said = source or ("None" if seed else "")  # as MLflow writes that there is none
        rows.append([f"run-{source}-{seed}", "finished", said, "rte", seed, value])
    rows.append(["broken", "crashed", "mnli", "rte", 7, ""])
    file = written(tmp_path / "wandb.csv", rows)
    columns = {"source": "config.source", "seed": "config.seed"}
    scores = {} if by_column else {"rte": "eval/accuracy"}
    columns |= {"target": "task", "value": "eval/accuracy"} if by_column else {}
    asked = RunsRequest([str(file)], "export", TableRequest(columns=columns), scores=scores)
    given = read_runs(asked)
    assert scores_of(given) == EXPECTED
    assert set(given.runs["metric"]) == {"accuracy"}
    assert any("Left out: 1 run that did not finish" in note for note in given.notes)


def test_mteb_is_read_with_the_percent_and_arm_of_tables(tmp_path: Path) -> None:
    for (source, seed), value in EXPECTED.items():
        folder = tmp_path / f"{source or 'none'}-s{seed}"
        folder.mkdir()
        entry = {"main_score": value, "hf_subset": "default", "languages": ["eng-Latn"]}
        content = {"task_name": "rte", "scores": {"test": [entry]}}
        (folder / "rte.json").write_text(json.dumps(content))
    named = [str(tmp_path / "{source}-s{seed}/{target}.json")]
    given = read_runs(RunsRequest(named, "mteb", TableRequest(arm="sequential")))
    assert scores_of(given) == EXPECTED
    assert set(given.models["arm"]) == {"sequential"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (RunsRequest(["a-{target}.csv"], kinds={"rte": "ner"}), "--kind: found 'ner' for rte"),
        (
            RunsRequest(["a-{target}.csv"], table=TableRequest(metrics={"rte": "f1"})),
            "--metric: found 'f1' for rte",
        ),
        (
            RunsRequest(["a-{target}.csv"], table=TableRequest(percent=True)),
            "--percent is of scores and mteb and export alone, and these are answers",
        ),
        (RunsRequest(["s.csv"], document="doc"), "--document is of lm-eval alone"),
        (RunsRequest(["s.csv"], scores={"rte": "x"}), "--score is of export alone"),
        (
            RunsRequest(["a.csv", "b.csv"]),
            "found a.csv and 1 more name; --from scores reads one file",
        ),
        (RunsRequest(["a.csv", "b-{target}.csv"]), "found a.csv, which has no {target}"),
        (RunsRequest(["w.csv"], "export"), "an export has a column of scores for each target"),
        (RunsRequest(["nowhere.csv"]), "there is no such file"),
        (RunsRequest(["no-{target}-here.csv"]), "fits the pattern"),
    ],
)
def test_what_does_not_go_together_is_told(asked: RunsRequest, said: str) -> None:
    with pytest.raises(StudyError) as error:
        read_runs(asked)
    assert said in str(error.value)
