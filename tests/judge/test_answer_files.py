"""Files of answers: what is made of them, and what is said of wrong ones."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.edges import raw_edges
from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.analysis.effects.replicates import RESAMPLES
from transfer_study.analysis.effects.scores import comparison_table, score_systems
from transfer_study.errors import StudyError
from transfer_study.judge.answer_files import given_from_answers
from transfer_study.judge.answer_kind import TargetRequest
from transfer_study.judge.given import RUN_COLUMNS, Given
from transfer_study.judge.named_files import files_of_patterns, files_of_table
from transfer_study.store.compact import CompactAnswers
from transfer_study.store.label_text import label_to_text
from transfer_study.store.recorded import recorded_plan
from transfer_study.study.file.study_file import read_study
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.kinds import MULTIPLE_CHOICE, REGRESSION
from transfer_study.study.tasks.task import MetricName

ROOT = Path(__file__).resolve().parents[2]
PATTERN = "{encoder}/{source}-to-{target}-s{seed}.jsonl"
Rows = Sequence[Mapping[str, Any]]


def write(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    else:
        sign = "\t" if path.suffix == ".tsv" else ","
        pd.DataFrame(rows).to_csv(path, sep=sign, index=False)


def answered(gold: Sequence[Any], predicted: Sequence[Any], **more: Sequence[Any]) -> Rows:
    names = ["id", "gold", "prediction", *more]
    ids = [f"e{n}" for n in range(len(gold))]
    columns = [ids, gold, predicted, *more.values()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


GOLD = ["pos", "neg", "pos", "neg", "pos", "neg"]
ALONE = answered(GOLD, ["pos", "neg", "pos", "pos", "neg", "neg"])
PAIR = answered(GOLD, ["pos", "neg", "pos", "neg", "pos", "pos"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The answers of two seeds of a pair, and of the target alone."""
    for seed in (0, 1):
        write(tmp_path / "bert" / f"none-to-b-s{seed}.jsonl", ALONE)
        write(tmp_path / "bert" / f"a-to-b-s{seed}.jsonl", PAIR)
    return tmp_path


def given(folder: Path, *patterns: str, **asked: TargetRequest) -> Given:
    return given_from_answers(files_of_patterns(patterns or (PATTERN,), folder), asked)


def problems(folder: Path, *patterns: str, **asked: TargetRequest) -> list[str]:
    with pytest.raises(StudyError) as raised:
        given(folder, *patterns, **asked)
    said = [str(problem).replace(f"{folder}/", "") for problem in raised.value.problems]
    assert all(said)
    return said


def test_scores_and_runs_of_a_pair(folder: Path) -> None:
    found = given(folder)
    assert tuple(found.runs) == RUN_COLUMNS
    assert found.runs["run"].is_unique
    assert found.runs.drop(columns="run").values.tolist() == [
        ["bert", "refine", "pair", "a", "b", "accuracy", 0],
        ["bert", "refine", "pair", "a", "b", "accuracy", 1],
        ["bert", "refine", "single", "", "b", "accuracy", 0],
        ["bert", "refine", "single", "", "b", "accuracy", 1],
    ]
    test_set = found.test_sets["b"]
    assert [test_set.scores()[run] for run in found.runs["run"]] == [5 / 6, 5 / 6, 4 / 6, 4 / 6]
    assert (test_set.n, test_set.documents, test_set.constant) == (6, 6, 0.5)
    assert found.notes == ("The answers to b are read as classification and scored by accuracy.",)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv"])
def test_formats_say_the_same(folder: Path, tmp_path_factory, suffix: str) -> None:
    other = tmp_path_factory.mktemp("other")
    for path in folder.glob("bert/*"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        write(other / "bert" / f"{path.stem}.{suffix}", rows[::-1])
    one, same = given(folder), given(other, PATTERN.replace("jsonl", suffix))
    pd.testing.assert_frame_equal(one.runs, same.runs)
    assert one.test_sets["b"].scores() == same.test_sets["b"].scores()


def test_a_study_of_the_repository_has_the_same_deltas_from_its_answers(tmp_path: Path) -> None:
    """Tags, classes and numbers of real models: the whole way beside the study's own."""
    study = read_study(ROOT / "experiments" / "controls.yaml")
    plan = recorded_plan(study, ROOT / "results" / "controls")
    assert plan is not None
    source = CompactAnswers(ROOT / "results" / "controls")
    judgement = Judgement.of(study)
    comparisons = comparison_table(plan)
    own = comparisons[(comparisons["arm"] == "pair") & (comparisons["over"] == "")]
    expected = deltas(own, score_systems(plan, source).test_sets, judgement, ())

    asked = {
        t.name: TargetRequest(kind=t.kind, metric=t.metric, negative=t.negative)
        for t in study.tasks
    }
    kinds = {}
    with (tmp_path / "files.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("encoder", "source", "target", "seed", "file"))
        for n, system in enumerate(s for s in plan.systems if s.arm in ("pair", "single")):
            answers = source.answers(system.stage, system.task)
            write(
                tmp_path / f"{n}.csv",
                [
                    {
                        "document": document,
                        "id": name,
                        "gold": label_to_text(gold),
                        "prediction": label_to_text(predicted),
                    }
                    for name, document, gold, predicted in zip(
                        answers.ids,
                        answers.documents,
                        answers.gold,
                        answers.predicted,
                        strict=True,
                    )
                ],
            )
            kinds[system.target] = str(system.task.kind)
            row = (system.encoder, system.source, system.target, system.seed, f"{n}.csv")
            table.writerow(row)
    assert set(kinds.values()) == {"tagging", "classification", "regression"}
    files = files_of_table(tmp_path / "files.csv")
    for found in (given_from_answers(files, asked), given_from_answers(files)):
        judged = deltas(found.comparisons(), found.test_sets, judgement, ())
        order = ["source", "target"]
        pd.testing.assert_frame_equal(
            *(
                table.sort_values(order).reset_index(drop=True)
                for table in (raw_edges(judged), expected)
            )
        )


def one_target(folder: Path, alone: Rows, pair: Rows, **asked: TargetRequest) -> Given:
    """What answers of a target `b` are taken for, one seed of the two models."""
    write(folder / "bert" / "none-to-b-s0.jsonl", alone)
    write(folder / "bert" / "a-to-b-s0.jsonl", pair)
    return given(folder, **asked)


def score_of_pair(found: Given) -> float:
    (run,) = found.runs["run"][found.runs["source"] == "a"]
    return found.test_sets["b"].scores()[run]


def test_examples_of_a_document_are_drawn_together(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    gold = rng.choice(["x", "y"], 200).tolist()
    documents = [f"d{n // 10}" for n in range(200)]
    # Right in whole documents: drawn one by one, examples would seem to say ten times as much.
    right = np.repeat(rng.random(20) < 0.6, 10)
    swapped = {"x": "y", "y": "x"}
    pair = [g if ok else swapped[g] for g, ok in zip(gold, right, strict=True)]
    alone = answered(gold, ["x"] * 200, document=documents)
    found = one_target(tmp_path / "by", alone, answered(gold, pair, document=documents))
    apart = one_target(tmp_path / "apart", answered(gold, ["x"] * 200), answered(gold, pair))
    (run,) = found.runs["run"][found.runs["source"] == "a"]
    by_document, by_example = found.test_sets["b"], apart.test_sets["b"]
    assert (by_document.n, by_document.documents) == (200, 20)
    assert (by_example.n, by_example.documents) == (200, 200)
    drawn, alike = (one.replicates([run])[0] for one in (by_document, by_example))
    assert drawn.shape == (RESAMPLES,)
    # A resample of 20 wholly right or wrong documents has twentieths alone.
    assert np.allclose(drawn * 20, np.rint(drawn * 20))
    assert drawn.std() == pytest.approx(alike.std() * 10**0.5, rel=0.05)


LISTS = [["sea"], [], ["sea", "war"], ["sky"]]
TAGS = [["B-x", "I-x", "O"], ["O", "O"], ["B-y"]]


@pytest.mark.parametrize(
    ("gold", "predicted", "kind", "metric", "value"),
    [
        (GOLD, ["pos"] * 6, "classification", "accuracy", 0.5),
        ([0, 1, 2, 1], [0, 1, 1, 1], "classification", "accuracy", 0.75),
        (["0", "1", "1"], [0.0, 1.0, 0.0], "classification", "accuracy", 2 / 3),
        ([1.5, 2, 3], [1, 2, 3.0], "regression", "pearson", 0.9819805),
        (LISTS, [["war", "sea"], [], ["sea"], ["sky"]], "multilabel", "example_f1", 0.625),
        (TAGS, [["B-x", "I-x", "O"], ["O", "O"], ["B-x"]], "tagging", "entity_f1", 0.5),
        (list(map(repr, TAGS)), list(map(json.dumps, TAGS)), "tagging", "entity_f1", 1),
    ],
)
def test_what_gold_looks_like(tmp_path: Path, gold, predicted, kind, metric, value) -> None:
    right = answered(gold, gold)
    found = one_target(tmp_path, right, answered(gold, predicted))
    assert found.notes[0] == f"The answers to b are read as {kind} and scored by {metric}."
    assert score_of_pair(found) == pytest.approx(value)
    assert set(found.runs["metric"]) == {metric}


def test_what_is_asked_for_goes_before_what_gold_looks_like(tmp_path: Path) -> None:
    gold, predicted = [1, 2, 3, 4], [1.2, 1.9, 3.5, 3.4]
    said = TargetRequest(kind=REGRESSION, metric=MetricName.SPEARMAN)
    found = one_target(tmp_path, answered(gold, gold), answered(gold, predicted), b=said)
    assert score_of_pair(found) == pytest.approx(0.8)
    # A metric of one kind says the kind.
    same = given(tmp_path, b=TargetRequest(metric=MetricName.SPEARMAN))
    assert score_of_pair(same) == score_of_pair(found)
    whole = one_target(tmp_path, answered(gold, gold), answered(gold, [1, 2, 3, 3]))
    assert score_of_pair(whole) == 0.75
    letters = one_target(
        tmp_path,
        answered("ABCA", "ABCA"),
        answered("ABCA", "ABCC"),
        b=TargetRequest(kind=MULTIPLE_CHOICE),
    )
    assert (score_of_pair(letters), letters.test_sets["b"].constant) == (0.75, 0.5)


def test_f1_leaves_out_the_negative_class(tmp_path: Path) -> None:
    gold, predicted = ["no", "no", "x", "x", "y"], ["no", "x", "x", "no", "y"]
    said = TargetRequest(metric=MetricName.MICRO_F1, negative="no")
    found = one_target(tmp_path, answered(gold, gold), answered(gold, predicted), b=said)
    assert score_of_pair(found) == pytest.approx(2 * 2 / (3 + 3))
    assert problems(tmp_path, b=TargetRequest(negative="none")) == [
        "target b: the negative class 'none' is none of its labels; found: no, x, y"
    ]


def test_answers_that_gold_has_nowhere_count_as_wrong_and_are_told(tmp_path: Path) -> None:
    predicted = ["pos", "I cannot say", "pos", "neg", "", "neg"]
    predicted[4] = "neither"
    found = one_target(tmp_path, answered(GOLD, GOLD), answered(GOLD, predicted))
    assert score_of_pair(found) == pytest.approx(4 / 6)
    assert found.notes[1] == (
        "Models of b predict 2 labels that gold has nowhere, which count as wrong: "
        "I cannot say, neither."
    )


def test_several_sources_arms_and_readings(tmp_path: Path) -> None:
    rows = [("", "a"), ("", "b"), ("b", "a"), ("c+a", "b"), ("a+c+d", "b")]
    lines = ["encoder,source,target,seed,file,arm,reading"]
    for n, (source, target) in enumerate(rows):
        write(tmp_path / f"{n}.csv", ALONE)
        lines.append(f"bert,{source},{target},3,{n}.csv,,")
    write(tmp_path / "later.csv", PAIR)
    lines.append("bert,a,b,3,later.csv,sequential,")
    table = tmp_path / "files.csv"
    table.write_text("\n".join(lines))
    found = given_from_answers(files_of_table(table))
    about = ["arm", "reading", "source", "target"]
    assert found.runs[about].values.tolist() == [
        ["single", "refine", "", "a"],
        ["single", "refine", "", "b"],
        ["single", "finetune", "", "b"],
        ["pair", "refine", "b", "a"],
        ["group:a+b+c", "refine", "a+c", "b"],
        ["full", "refine", "a+c+d", "b"],
        ["sequential", "finetune", "a", "b"],
    ]
    # It is one model in both readings.
    assert found.runs["run"].nunique() == 6
    judged = deltas(found.comparisons(), found.test_sets, Judgement(Margin(absolute=0.01)), ())
    assert judged["delta"].tolist() == pytest.approx([0, 0, 0, 1 / 6])


def rewritten(folder: Path, rows: Rows, name: str = "a-to-b-s1") -> None:
    write(folder / "bert" / f"{name}.jsonl", rows)


def changed(rows: Rows, n: int, **fields: object) -> Rows:
    return [{**row, **fields} if k == n else row for k, row in enumerate(rows)]


PAIR_1, FIRST = "bert/a-to-b-s1.jsonl", "bert/a-to-b-s0.jsonl"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            PAIR[:-2],
            [f"{PAIR_1}: lacks 2 examples: e4, e5; all models of a target answer the same"],
        ),
        (
            changed(PAIR, 5, id="other"),
            [
                f"{PAIR_1}: lacks 1 example: e5; all models of a target answer the same",
                f"{PAIR_1}: has besides those of {FIRST} 1 example: other; all models",
            ],
        ),
        (
            changed(PAIR, 2, gold="neg"),
            [f"{PAIR_1}, line 3: the gold label of 'e2' is 'neg', and 'pos' in {FIRST}; a target"],
        ),
        (
            changed(PAIR, 3, id="e1"),
            [f"{PAIR_1}, line 4: found the id 'e1' twice, first in line 2"],
        ),
        (
            changed(PAIR, 3, prediction=""),
            [f"{PAIR_1}, line 4: the prediction (column 'prediction') is empty; fill it in"],
        ),
        (
            changed(changed(PAIR, 3, prediction=float("nan")), 4, prediction=None),
            [
                f"{PAIR_1}, line 4: the prediction (column 'prediction') is NaN; mend it",
                f"{PAIR_1}, line 5: the prediction (column 'prediction') is missing, or neither",
            ],
        ),
        (
            changed(PAIR, 3, prediction=1),
            [f"{PAIR_1}, line 4: found the number 1 as a prediction, where gold has names such as"],
        ),
        (
            changed(PAIR, 3, prediction="Neg"),
            [f"{PAIR_1}, line 4: found the prediction 'Neg', which gold writes 'neg'; write both"],
        ),
        (
            answered(GOLD, ["POS"] * 6),
            [
                f"{PAIR_1}, line 1: found the prediction 'POS', which gold writes 'pos'; write "
                "both alike (as in 5 more lines)"
            ],
        ),
        (
            changed(PAIR, 3, prediction=["neg"]),
            [f"{PAIR_1}, line 4: the prediction: found a list of 1 where a classification has one"],
        ),
        (
            answered(GOLD, ["x"] * 6),
            [f"{PAIR_1}: no prediction is a label that gold has: found x, where gold has pos, neg"],
        ),
        (
            [{"id": row["id"], "gold": row["gold"], "pred": row["prediction"]} for row in PAIR],
            [f"{PAIR_1}, line 1: no column 'prediction', which holds the prediction; found: id, "],
        ),
        (
            [{**row, "document": "d"} for row in PAIR],
            [f"{PAIR_1}: has documents, and {FIRST} has none; give them in all files"],
        ),
        ([{**PAIR[0], "document": "d"}, *PAIR[1:]], [f"{PAIR_1}, line 2: the document is missing"]),
        ([], [f"{PAIR_1}: there are no rows; give one row an example"]),
        (changed(PAIR, 0, id=""), [f"{PAIR_1}, line 1: the id (column 'id') is empty; fill"]),
    ],
)
def test_what_a_wrong_file_is_told(folder: Path, rows: Rows, said: list[str]) -> None:
    rewritten(folder, rows)
    found = problems(folder)
    assert len(found) == len(said)
    for problem, start in zip(found, said, strict=True):
        assert problem.startswith(start)


@pytest.mark.parametrize(
    ("gold", "predicted", "said"),
    [
        (TAGS, [["B-x", "I-x"], ["O", "O"], ["B-y"]], "line 1: found 2 predicted tags for 3 words"),
        (TAGS, [["B-x", "E-x", "O"], *TAGS[1:]], "line 1: the prediction: found the tag 'E-x'; w"),
        (TAGS, ["O", "O O", "O"], "line 1: the prediction: found 'O' where a list of tags is"),
        ([["I-x"], ["O"]], [["O"], ["O"]], "line 1: the gold label: the gold tags have an I- that"),
        ([[0, 1, 1], [0, 0, 1]], [[0, 1, 1], [0, 0, 1]], "line 1: the gold label: found a label t"),
        ([["sea"], "sky"], [["sea"], ["sky"]], "target b: gold has 1 lists among 2 labels; write"),
        ([1.5, 2.5], [1.0, "high"], "line 2: the prediction: found 'high' where a finite number"),
        ([0, 1], [0.25, 0.75], "target b: gold are whole numbers, predictions such as 0.25 are no"),
        (["x", "x"], ["x", "y"], "target b: its test set measures nothing by accuracy: all its 2"),
        ([2.5, 2.5], [1, 2], "target b: its test set measures nothing by pearson: all its 2 score"),
        ([0, 1], ["no", "yes"], "no prediction is a label that gold has: found no, yes, where go"),
        ([["O"], ["O", "O"]], [["O"], ["O", "O"]], "target b: a tagging task has at least 1 label"),
    ],
)
def test_what_wrong_labels_are_told(tmp_path: Path, gold, predicted, said: str) -> None:
    write(tmp_path / "bert" / "none-to-b-s0.jsonl", answered(gold, predicted))
    write(tmp_path / "bert" / "a-to-b-s0.jsonl", answered(gold, predicted))
    assert said in problems(tmp_path)[0]


def test_all_that_is_wrong_is_told_at_once(folder: Path) -> None:
    rewritten(folder, changed(PAIR, 1, prediction=None), "a-to-b-s0")
    rewritten(folder, changed(PAIR, 2, id=""), "none-to-b-s1")
    rewritten(folder, PAIR, "a-to-b-s7")
    rewritten(folder, PAIR, "a-to-c-s0")
    said = problems(folder)
    assert [problem.partition(":")[0] for problem in said] == [
        "bert/a-to-b-s0.jsonl, line 2",
        "bert/none-to-b-s1.jsonl, line 3",
        "bert/a-to-b-s7.jsonl",
        "bert/a-to-c-s0.jsonl",
    ]
    assert (
        "found seed 7 of bert: a -> b, of which b alone has no run; its seeds are 0, 1" in said[2]
    )
    assert "found no baseline of c by bert; give runs of c alone, without a source" in said[3]


def test_baselines_alone_show_no_transfer(folder: Path) -> None:
    assert problems(folder, "{encoder}/none-to-{target}-s{seed}.jsonl") == [
        "all runs are baselines; give models that have a source"
    ]


def test_a_pattern_without_a_source_is_that_of_baselines(folder: Path) -> None:
    models, alone = "*/a-to-{target}-s{seed}.jsonl", "*/none-to-{target}-s{seed}.jsonl"
    assert problems(folder, alone, models.replace("a-to", "{source}-to"))[0].startswith(
        "bert/none-to-b-s0.jsonl: found the file bert/none-to-b-s0.jsonl twice: for model: b alone"
    )
    (folder / "bert").rename(folder / "x")
    (folder / "alone").mkdir()
    for path in folder.glob("x/none-*"):
        path.rename(folder / "alone" / path.name)
    found = given(
        folder, "alone/none-to-{target}-s{seed}.jsonl", "x/{source}-to-{target}-s{seed}.*"
    )
    assert set(found.runs["encoder"]) == {"model"}
    assert found.runs["arm"].tolist() == ["single", "single", "pair", "pair"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (
            "{source}-{target}-s{seed}.jsonl",
            "fits this name in several ways: its source may be 'c'",
        ),
        ("{target}.csv", "no file in "),
        ("{source}/{seed}.jsonl", "found no {target} in the pattern '{source}/{seed}.jsonl'; give"),
        ("{target}-{task}.jsonl", "found the field {task} in the pattern"),
        ("{target}-{target}-s{seed}.jsonl", "no file in "),
        ("c-d-b-{target}1{seed}jsonl", "the seed '.' is no whole number; number"),
    ],
)
def test_what_a_wrong_pattern_is_told(tmp_path: Path, pattern: str, said: str) -> None:
    write(tmp_path / "c-d-b-s1.jsonl", ALONE)
    (found,) = problems(tmp_path, pattern)
    assert said in found


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("encoder,source,target,seed\nbert,,b,0", ["line 1: no column 'file'; found: encoder, so"]),
        (
            "encoder,source,target,seed,file,note\nbert,,b,0,0.csv,x",
            ["line 1: found the column 'note' that nothing reads; allowed: encoder, source, t"],
        ),
        (
            "encoder,source,target,seed,file\n"
            "bert,,b,first,0.csv\nbert,b,b,0,1.csv\nbert,a,b,0\n,a,b,0,0.csv\nbert,a,b,1,",
            [
                "line 2: the seed 'first' is no whole number; number the runs",
                "line 3: found the target b among its sources",
                "line 4: 4 fields, but the header has 5",
                "line 5: the encoder is empty; name it",
                "line 6: the file is empty; name it",
            ],
        ),
        (
            "encoder,source,target,seed,file\nbert,,b,0,0.csv\nbert,a,b,0,./0.csv",
            ["line 3: found the file"],
        ),
        (
            "encoder,source,target,seed,file,arm,reading\n"
            "bert,a,b,0,0.csv,pear,\nbert,a,b,0,1.csv,single,\nbert,a,b,0,2.csv,,fine",
            [
                "line 2: found the arm 'pear'; ",
                "line 3: found the arm 'single' with the source a; leave",
                "line 4: found the reading 'fine'; allowed: refine, finetune",
            ],
        ),
        ("encoder,source,target,seed,file\n", [": no file is named; add a row for each"]),
    ],
)
def test_what_a_wrong_table_is_told(tmp_path: Path, table: str, said: list[str]) -> None:
    path = tmp_path / "files.csv"
    path.write_text(table)
    with pytest.raises(StudyError) as raised:
        files_of_table(path)
    found = [str(problem).removeprefix(f"{path}") for problem in raised.value.problems]
    assert len(found) == len(said)
    for problem, part in zip(found, said, strict=True):
        assert part in problem


def test_a_seed_twice_is_told(folder: Path) -> None:
    (folder / "again").mkdir()
    (folder / "bert" / "a-to-b-s1.jsonl").rename(folder / "again" / "a-to-b-s0.jsonl")
    (said,) = problems(folder, PATTERN.replace("{encoder}", "*"))
    assert said.startswith(
        "bert/a-to-b-s0.jsonl: found seed 0 of model: a -> b twice, first in again/a-to-b-s0.jso"
    )


def test_several_mixes_under_one_name_are_told(tmp_path: Path) -> None:
    write(tmp_path / "0.csv", ALONE)
    lines = ["encoder,source,target,seed,arm,file", "bert,,b,0,,0.csv"]
    for n, source in enumerate(("a+c", "a+d"), start=1):
        write(tmp_path / f"{n}.csv", PAIR)
        lines.append(f"bert,{source},b,0,group:x,{n}.csv")
    table = tmp_path / "files.csv"
    table.write_text("\n".join(lines))
    with pytest.raises(StudyError) as raised:
        given_from_answers(files_of_table(table))
    said = [str(problem) for problem in raised.value.problems]
    assert said[0].startswith(f"{table}, line 4: found the arm group:x of b by bert with the sourc")
    assert "found the arm group:x with the tasks a+b+c and with a+b+d; a group is the" in said[1]


def test_columns_are_called_as_said(folder: Path) -> None:
    for path in folder.glob("bert/*"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        write(path, [{"n": r["id"], "y": r["gold"], "label": r["prediction"]} for r in rows])
    files = files_of_patterns([PATTERN], folder)
    named = {"id": "n", "gold": "y", "prediction": "label"}
    assert set(given_from_answers(files, columns=named).test_sets["b"].scores().values()) == {
        5 / 6,
        4 / 6,
    }
    with pytest.raises(StudyError, match="found the column role 'predicted'; did you mean 'predic"):
        given_from_answers(files, columns={"predicted": "label"})
    with pytest.raises(StudyError, match="found the target 'c'; allowed: b"):
        given_from_answers(files, {"c": TargetRequest()}, named)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "txt"])
def test_what_is_no_file_of_answers(tmp_path: Path, suffix: str) -> None:
    for name in ("none-to-b-s0", "a-to-b-s0"):
        path = tmp_path / "bert" / f"{name}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"PAR1\xff\x00")
    said = problems(tmp_path, PATTERN.replace("jsonl", suffix))
    assert len(said) == 2
    assert all(f"bert/a-to-b-s0.{suffix}" in one or "none-to-b" in one for one in said)
