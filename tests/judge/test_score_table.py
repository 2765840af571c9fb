"""Tables of scores that others computed: what is read of them, and all that can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.errors import StudyError
from transfer_study.judge.given import RUN_COLUMNS, Given
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.metrics.metric_names import is_error, least_score
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin

TASKWEB = Path(__file__).parents[2].parent / "shared" / "taskweb" / "scores.csv"
HEADER = "encoder,source,target,metric,seed,value"
PAIR = ("m,,b,acc,1,0.5", "m,,b,acc,2,0.6", "m,a,b,acc,1,0.7", "m,a,b,acc,2,0.8")


@pytest.fixture
def read(tmp_path):
    """Reads a table of these lines; `said` are what a request says."""

    def read_lines(*lines: str, header: str = HEADER, name: str = "s.csv", **said: Any) -> Given:
        (tmp_path / name).write_text("\n".join((header, *lines, "")), "utf-8")
        return read_scores(tmp_path / name, TableRequest(**said))

    return read_lines


@pytest.fixture
def wrong(read):
    """What is said of such a table, without the folder of the file."""

    def problems(*lines: str, **said: Any) -> list[str]:
        with pytest.raises(StudyError) as caught:
            read(*lines, **said)
        return [
            f"{Path(problem.where).name}: {problem.message}" for problem in caught.value.problems
        ]

    return problems


def arms(found: Given) -> set[tuple[str, ...]]:
    columns = ["encoder", "reading", "arm", "source", "target"]
    return {*found.runs[columns].itertuples(index=False, name=None)}


def scores(found: Given) -> dict[str, float]:
    return {run: v for test_set in found.test_sets.values() for run, v in test_set.known.items()}


# ---- what is read


def test_a_table_becomes_runs_scores_and_notes(read):
    found = read(*PAIR)
    assert list(found.runs) == list(RUN_COLUMNS)
    assert found.runs["seed"].tolist() == [1, 2, 1, 2]
    assert arms(found) == {("m", "refine", "single", "", "b"), ("m", "refine", "pair", "a", "b")}
    assert scores(found) == {
        "m: b alone, seed 1": 0.5,
        "m: b alone, seed 2": 0.6,
        "m: a -> b, seed 1": 0.7,
        "m: a -> b, seed 2": 0.8,
    }
    assert found.tasks["name"].tolist() == ["b", "a"]
    compared = found.comparisons()
    assert compared[["seed", "stage", "baseline"]].to_numpy().tolist() == [
        [1, "m: a -> b, seed 1", "m: b alone, seed 1"],
        [2, "m: a -> b, seed 2", "m: b alone, seed 2"],
    ]
    assert "say nothing of how other test examples would have come out" in found.notes[0]
    assert "is not given for b (--constant)" in found.notes[1]
    assert len(found.notes) == 2


@pytest.mark.parametrize("arm", ["pair", "pairs", "sequential", "soft"])
def test_models_of_which_nothing_is_said_are_pairs_or_of_the_arm_that_is_asked(read, arm):
    said = {"arm": arm} if arm != "pair" else {}
    label = arm.removesuffix("s")
    reading = "finetune" if arm == "sequential" else "refine"
    assert arms(read(*PAIR, **said)) == {
        ("m", reading, "single", "", "b"),
        ("m", reading, label, "a", "b"),
    }


def test_an_arm_of_pairs_is_asked_of_models_with_one_source_alone(read):
    """As the page on scores has it, by a table with both."""
    found = read(*PAIR, "m,a+c,b,acc,1,.5", "m,a+c,b,acc,2,.5", arm="sequential")
    assert {about[1:4] for about in arms(found)} == {
        *(("refine", "single", ""), ("refine", "full", "a+c")),
        *(("finetune", "single", ""), ("finetune", "sequential", "a")),
    }


def test_a_column_of_arms_comes_before_the_arm_that_is_asked(read):
    lines = (
        *("m,,single,b,1,.5", "m,a,pairs,b,1,.5", "m,a,,b,1,.5", "m,a,soft,b,1,.5"),
        *("m,a,groups,b,1,.5", "m,a,distil,b,1,.5", "m,a+c,group:own,b,1,.5"),
    )
    found = read(*lines, header="encoder,source,arm,target,seed,value", arm="sequential")
    labels = ("single", "pair", "soft", "group:a+b", "distil", "group:own")
    assert {about[1:3] for about in arms(found)} == {
        *(("refine", label) for label in labels),
        *(("finetune", label) for label in ("single", "sequential")),
    }


@pytest.mark.parametrize("joined", ["d+a", "a,d", "d; a", '["d", "a"]', "['d+a']"])
def test_several_sources_are_in_order_and_a_group_unless_they_are_all(read, tmp_path, joined):
    table = pd.DataFrame(
        [("", "b"), (joined, "b"), ("a+c+d", "b"), ("b+d+c", "a"), ("", "a")],
        columns=["source", "target"],
    ).assign(seed=1, value=0.5)
    table.to_csv(tmp_path / "s.csv", index=False)
    if joined == "['d+a']":  # Python's way to write a list is not JSON's
        with pytest.raises(StudyError, match="is no list of names; write it as a"):
            read_scores(tmp_path / "s.csv", TableRequest())
        return
    assert arms(read_scores(tmp_path / "s.csv", TableRequest())) == {
        ("model", "refine", "single", "", "b"),
        ("model", "refine", "single", "", "a"),
        ("model", "refine", "group:a+b+d", "a+d", "b"),
        ("model", "refine", "full", "a+c+d", "b"),
        ("model", "refine", "full", "b+c+d", "a"),
    }


def test_a_group_of_many_is_called_by_how_many_they_are(read):
    names = [f"task-{n}" for n in range(30)]
    mixes = ["+".join(names[:20]), "+".join(names[:21]), "+".join(names)]
    lines = [f"m,{source},b,acc,1,.5" for source in ("", *mixes)]
    labels = [*read(*lines).runs["arm"]]
    assert labels[0] == "single"
    assert labels[3] == "full"
    assert labels[1].startswith("group:21-tasks-")
    assert labels[2].startswith("group:22-tasks-")


def test_a_baseline_stands_in_every_reading_in_which_its_target_is_compared(read):
    lines = (
        *("m,,,b,1,.5", "m,,,c,1,.4", "m,a,,b,1,.6", "m,a,finetune,b,1,.7", "m,a,finetune,c,1,.3"),
        *("k,,refine,b,1,.1", "k,,finetune,b,1,.2", "k,a,finetune,b,1,.3", "k,a,refine,b,1,.3"),
        "m,,,d,1,.2",
    )
    found = read(*lines, header="encoder,source,reading,target,seed,value")
    compared = found.comparisons().set_index(["encoder", "reading", "target"])["baseline"].to_dict()
    assert compared == {
        ("m", "refine", "b"): "m: b alone, seed 1",
        ("m", "finetune", "b"): "m: b alone, seed 1",
        ("m", "finetune", "c"): "m: c alone, seed 1",
        ("k", "refine", "b"): "k: b alone, refine, seed 1",
        ("k", "finetune", "b"): "k: b alone, finetune, seed 1",
    }
    assert scores(found)["k: b alone, finetune, seed 1"] == 0.2
    assert scores(found)["m: a -> b, finetune, seed 1"] == 0.7
    alone = found.runs[found.runs["target"] == "d"]  # nothing is held against it
    assert alone["reading"].tolist() == ["refine", "finetune"]


def test_names_are_what_they_look_like(read):
    lines = [
        f"1e5,{source},{target},NA,1,0.5"
        for target in ("NA", "1", "true", "nan", "None")
        for source in ("", "1.0", "null", " N/A ")
    ]
    found = read(*lines)
    assert {*found.tasks["name"]} == {"NA", "1", "true", "nan", "None", "1.0", "null", "N/A"}
    assert {*found.runs["metric"]} == {"NA"}
    assert {*found.runs["encoder"]} == {"1e5"}


def test_names_of_others_that_make_two_runs_alike_stay_apart(read):
    lines = ["m,,c,1,.5", "m,a,c,1,.6", "m: a -> c,,c,1,.7", "m: a -> c,b,c,1,.8"]
    lines += ["m,a -> c: b,c,1,.9"]
    header = "encoder,source,target,seed,value"
    found = read(*lines, header=header)
    assert sorted(scores(found).values()) == [0.5, 0.6, 0.7, 0.8, 0.9]
    twins = ["m,,c -> d,1,.1", "m,b,c -> d,1,.2", "m,,d,1,.3", "m,b -> c,d,1,.4"]
    found = read(*twins, header=header)  # in different test sets, whose runs are apart anyhow
    assert sorted(scores(found)) == [
        *("m: b -> c -> d, seed 1", "m: b -> c -> d, seed 1, line 5"),
        *("m: c -> d alone, seed 1", "m: d alone, seed 1"),
    ]


def test_runs_say_their_arm_where_there_are_several(read):
    lines = ["m,,,b,1,.5", "m,a,pair,b,1,.5", "m,a,soft,b,1,.5"]
    found = read(*lines, header="encoder,source,arm,target,seed,value")
    assert [*scores(found)] == [
        "m: b alone, seed 1",
        "m: a -> b, pair, seed 1",
        "m: a -> b, soft, seed 1",
    ]


# ---- files


@pytest.mark.parametrize(
    "content",
    [
        'source,target,seed,value\n,b,1,0.5\n\n"a",b,1,0.25\n,,,\n',
        "\ufeffsource,target,seed,value\r\n,b,1,0.5\r\na,b,1.0,2.5e-1\r\n",
        "seed , value,target,source\r1,.5,b,\r1, +0.25,b , a\r",
    ],
)
def test_files_of_spreadsheets_and_of_pandas_are_read(tmp_path, content):
    for name, separator in (("s.csv", ","), ("s.TSV", "\t")):
        (tmp_path / name).write_bytes(content.replace(",", separator).encode())
        found = read_scores(tmp_path / name, TableRequest())
        assert scores(found) == {"model: b alone, seed 1": 0.5, "model: a -> b, seed 1": 0.25}


def test_a_parquet_file_may_have_lists_categories_and_numbers_of_any_kind(tmp_path):
    table = pd.DataFrame(
        {
            "sources": [None, ["c", "a"], ["a"], []],
            "target": pd.Categorical([2, 2, 2, 1]),
            "seed": [1.0, 1.0, 1.0, 1.0],
            "value": np.array([0.3725, 0.1, 1, 0], dtype=np.float32),
            "n_test": pd.array([100, None, 100, None], dtype="Int64"),
        }
    )
    table.to_parquet(tmp_path / "s.parquet")
    found = read_scores(tmp_path / "s.parquet", TableRequest())
    assert scores(found) == {
        "model: 2 alone, seed 1": 0.3725,  # and not what float32 makes of it
        "model: a+c -> 2, group:2+a+c, seed 1": 0.1,
        "model: a -> 2, pair, seed 1": 1.0,
        "model: 1 alone, seed 1": 0.0,
    }
    assert found.test_sets["2"].n == 100
    assert found.test_sets["1"].n == 0
    table.assign(value=[0.5, 3, 0.5, 0.5]).to_parquet(tmp_path / "s.parquet")
    with pytest.raises(StudyError, match=r"s\.parquet, row 2: found scores up to 3 for 2, while"):
        read_scores(tmp_path / "s.parquet", TableRequest())


def test_columns_have_the_names_that_are_said_and_others_are_not_read(read):
    header = "model,from,to,task_metric,run,score,lr,"
    said = {"encoder": "model", "sources": "from", "target": "to", "metric": "task_metric"}
    columns = {**said, "seed": "run", "value": "score"}
    found = read("m,,b,acc,1,0.5,3,0", "m,a,b,acc,1,0.7,3,1", header=header, columns=columns)
    assert scores(found) == {"m: b alone, seed 1": 0.5, "m: a -> b, seed 1": 0.7}
    assert found.notes[-1] == "These columns were not read: lr."


NO_FILES: dict[str, tuple[str, bytes, str]] = {
    "no such file": ("none.csv", b"", "there is no such file; check the path"),
    "a folder": ("folder.csv", b"", "Is a directory; check the path"),
    "a workbook": ("s.xlsx", b"PK", "give one that ends in .csv, .tsv or .parquet"),
    "not UTF-8": ("s.csv", b"source,target\n\xe9,b\n", "byte 0xe9 is not UTF-8"),
    "no parquet": (
        "s.parquet",
        b"source,target,seed,value\n",
        "not a parquet table of texts and numbers (",
    ),
    "empty": ("s.csv", b"\n\n", "the file is empty; give it a header and rows"),
    "a header alone": ("s.csv", b"source,target,seed,value\n,,,\n", "the table has no rows"),
    "semicolons": ("s.csv", b"source;target;seed;value\n", "the header is one column with ';'"),
    "tabs": ("s.csv", b"source\ttarget\n", "write the table with commas (.csv) or tabs (.tsv)"),
}


@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_table_is_told(tmp_path, case):
    name, content, said = NO_FILES[case]
    if case == "a folder":
        (tmp_path / name).mkdir()
    elif case != "no such file":
        (tmp_path / name).write_bytes(content)
    with pytest.raises(StudyError) as caught:
        read_scores(tmp_path / name, TableRequest())
    (problem,) = caught.value.problems
    assert said in problem.message
    assert name in problem.where


# ---- what is said of targets


def test_percent_is_divided(read):
    lines = ("m,,b,acc,1,50,40.5", "m,a,b,acc,1,37.25,", "m,,c,mcc,1,-10,", "m,a,c,mcc,1,0,")
    header = f"{HEADER},constant"
    found = read(*lines, header=header, percent=True, constants={"c": -2})
    assert [*scores(found).values()] == [0.5, 0.3725, -0.1, 0.0]
    assert found.test_sets["b"].constant == 0.405
    assert found.test_sets["c"].constant == -0.02


def test_a_metric_is_chosen_and_the_rest_is_said_to_be_left_out(read):
    others = ("m,a,b,loss,1,11.5", "m,a,b,loss,1,x", "m,,c,f1,1,.2", "m,a,c,f1,1,.2")
    found = read(*PAIR, *others, metrics={"b": "acc"})
    assert len(found.runs) == 6
    assert found.notes[-1] == "Left out: 2 rows of b by loss, for --metric has chosen acc."
    assert dict(zip(found.tasks["name"], found.tasks["metric"], strict=True)) == {
        **{"b": "acc", "c": "f1"},
        "a": "",
    }


def test_a_table_without_metrics_has_those_that_are_named(read):
    lines = (",b,1,.5", "a,b,1,.5", ",c,1,-.5", "a,c,1,.5")
    found = read(*lines, header="source,target,seed,value", metrics={"c": "pearson"})
    assert {*found.runs["metric"]} == {"score", "pearson"}
    assert found.test_sets["c"].least == -1
    assert found.test_sets["b"].least == 0


def test_a_constant_and_a_count_of_examples_are_of_a_target(read):
    lines = ("m,,b,1,.5,.55,200", "m,,b,2,.5,,", "m,a,b,1,.6,.55,", "m,a,b,2,.7,0.550,200.0")
    header = "encoder,source,target,seed,value,constant,n_test"
    found = read(*lines, header=header)
    assert (found.test_sets["b"].constant, found.test_sets["b"].n) == (0.55, 200)
    assert not any("--constant" in note for note in found.notes)
    judgement = Judgement(Margin(absolute=0.01))
    (edge,) = deltas(found.comparisons(), found.test_sets, judgement, ()).to_dict("records")
    assert (edge["verdict"], edge["n_test"]) == ("not_learned", 200)
    asked = read(*lines, header=header, constants={"b": 0.1}, n_test={"b": 7})
    assert (asked.test_sets["b"].constant, asked.test_sets["b"].n) == (0.1, 7)


def test_one_seed_is_no_problem_and_is_said(read):
    found = read(PAIR[0], PAIR[2])
    assert "Every model has one seed" in found.notes[1]
    judgement = Judgement(Margin(absolute=0.01))
    (edge,) = deltas(found.comparisons(), found.test_sets, judgement, ()).to_dict("records")
    assert edge["verdict"] == "undecided"
    assert edge["delta"] == pytest.approx(0.2)
    assert "1 edge of 2 with one seed alone" in read(*PAIR, "m,c,b,acc,2,.1").notes[1]
    assert not any("seed alone" in note for note in read(*PAIR).notes)


METRICS = {
    "accuracy": 0,
    "f1": 0,
    "micro_f1": 0,
    "correct": 0,
    "pearson": -1,
    "spearmanr": -1,
    "cosine_spearman": -1,
    "pearson+spearman": -1,
    "Matthews_correlation": -1,
    "eval_mcc": -1,
    "kendall-tau": -1,
    "f1+spearman": -1,
    "accuracy+f1": 0,
}


@pytest.mark.parametrize("metric", METRICS)
def test_a_correlation_is_known_by_its_name(metric):
    assert least_score(metric) == METRICS[metric]
    assert not is_error(metric)


@pytest.mark.parametrize("metric", ["rmse", "eval_loss", "word_perplexity", "Error rate", "WER"])
def test_an_error_is_known_by_its_name(metric):
    assert is_error(metric)


# ---- what can be wrong


NO_PAIR = ("m,,b,acc,1,0.5", "m,a,b,acc,1,0.7")
WRONG: dict[str, tuple[tuple[str, ...], dict[str, Any], list[str]]] = {
    "columns": (
        (",b,1,0.5",),
        {"header": "auxiliary,task,run,sccore"},
        [
            "s.csv: the table has no column 'source' (what was learned besides the target; empty "
            "in the rows of a baseline); found auxiliary, task, run, sccore; did you mean "
            "'auxiliary'? Then give --column source=auxiliary",
            "s.csv: the table has no column 'target' (the task that is scored); found auxiliary, "
            "task, run, sccore; did you mean 'task'? Then give --column target=task",
            "s.csv: the table has no column 'seed' (a whole number for each run of a model); found "
            "auxiliary, task, run, sccore; did you mean 'run'? Then give --column seed=run",
            "s.csv: the table has no column 'value' (the score); found auxiliary, task, run, "
            "sccore; say which it is by --column value=NAME",
        ],
    ),
    "options of columns": (
        NO_PAIR,
        {"columns": {"sed": "seed", "value": "valu", "seed": "metric"}},
        [
            "s.csv: --column: found the role 'sed'; did you mean 'seed'? Allowed: source, target, "
            "seed, value, encoder, metric, arm, reading, n_test, constant",
            "s.csv: --column value=valu: the table has no such column; did you mean 'value'? "
            "Allowed: encoder, source, target, metric, seed, value",
            "s.csv: the column 'metric' is named for seed and for metric; a role has a column of "
            "its own",
        ],
    ),
    "a column twice": (
        (",a,b,1,0.5,0.5",),
        {"header": "source,sources,target,seed,value,value"},
        [
            "s.csv: the table has the columns source and sources; say which it is by --column "
            "source=NAME",
            "s.csv: the column 'value' stands twice in the header; rename one",
        ],
    ),
    "values": (
        (*NO_PAIR, "m,c,b,acc,1,n/a", "m,d,b,acc,1,", "m,e,b,acc,1,inf", 'm,f,b,acc,1,"0,5"'),
        {},
        [
            "s.csv, line 4: the value 'n/a' is no finite number; write one, or leave the row out",
            "s.csv, line 5: the value '' is no finite number; write one, or leave the row out",
            "s.csv, line 6: the value 'inf' is no finite number; write one, or leave the row out",
            "s.csv, line 7: the value '0,5' is no finite number; write one with a decimal point, "
            "or leave the row out",
        ],
    ),
    "percent": (
        ("m,,b,acc,1,50", "m,a,b,acc,1,70", "m,,c,acc,1,1", "m,a,c,acc,1,3.5", "m,d,c,acc,1,2"),
        {},
        [
            "s.csv, lines 2, 3, 5 and 1 more: found scores up to 70, and scores are fractions of "
            "1; give --percent where all are in percent, or mend them",
        ],
    ),
    "percent of some": (
        (*NO_PAIR, "m,,c,acc,1,50", "m,a,c,acc,1,0.7"),
        {},
        [
            "s.csv, line 4: found scores up to 50 for c, while those of b are fractions of 1; "
            "write all alike, and give --percent where that is in percent",
        ],
    ),
    "fractions of some": (
        (*NO_PAIR, "m,,c,acc,1,50", "m,a,c,acc,1,70", "m,d,c,acc,1,0", "m,e,c,acc,1,0.6"),
        {"percent": True},
        [
            "s.csv, lines 2 and 3: found scores up to 0.7 for b under --percent, while others are "
            "up to 70; write all in percent, or all as fractions of 1 and leave --percent out",
            "s.csv, line 7: found scores up to 0.6 for c under --percent, while others are up to "
            "70; write all in percent, or all as fractions of 1 and leave --percent out",
        ],
    ),
    "fractions": (
        NO_PAIR,
        {"percent": True},
        [
            "s.csv: found no score above 0.7, so that they seem to be fractions of 1; leave "
            "--percent out",
        ],
    ),
    "more than all": (
        ("m,,b,acc,1,50", "m,a,b,acc,1,101", "m,,c,acc,1,-2", "m,a,c,acc,1,3"),
        {"percent": True},
        [
            "s.csv, line 3: found 101 for b, which is more than 100 percent; mend it, or leave "
            "--percent out",
            "s.csv, line 4: found -2 for c, and acc is at least 0; mend it, or call a correlation "
            "so, such as pearson",
        ],
    ),
    "below the least": (
        ("m,,b,pearson,1,-1.01", "m,a,b,pearson,1,-1"),
        {},
        ["s.csv, line 2: found -1.01 for b, and pearson is at least -1; mend it"],
    ),
    "seeds": (
        (*NO_PAIR, "m,a,b,acc,1.5,0.5", "m,a,b,acc,,0.5", "m,a,b,acc,x,0.5", "m,,b,acc,x,0.5"),
        {},
        [
            f"s.csv, {lines}: the seed {seed!r} is no whole number; number the runs of a model 1, "
            "2, 3, and its baseline's alike"
            for seed, lines in (("1.5", "line 4"), ("", "line 5"), ("x", "lines 6 and 7"))
        ],
    ),
    "twice": (
        (*PAIR, PAIR[3], PAIR[0], PAIR[0]),
        {},
        [
            "s.csv, lines 2, 7 and 8: found 3 rows of m: b alone, seed 1; keep one, or give each "
            "run a seed of its own",
            "s.csv, lines 5 and 6: found 2 rows of m: a -> b (pair), seed 2; keep one, or give "
            "each run a seed of its own",
        ],
    ),
    "twice, and what may tell them apart": (
        ("m,1,,b,1,.5", "m,1,a,b,1,.5", "m,1,a,b,1,.5"),
        {"header": "model,lr,source,target,seed,value"},
        [
            "s.csv, lines 3 and 4: found 2 rows of model: a -> b (pair), seed 1; keep one, or give "
            "each run a seed of its own, or by --column a role to what tells them apart (model, lr)"
        ],
    ),
    "twice in two readings": (
        ("m,,,b,1,.5", "m,,refine,b,1,.5", "m,a,refine,b,1,.5", "m,a,finetune,b,1,.5"),
        {"header": "encoder,source,reading,target,seed,value"},
        [
            "s.csv, lines 2 and 3: found 2 rows of m: b alone (refine reading), seed 1; keep one, "
            "or give each run a seed of its own"
        ],
    ),
    "no baseline": (
        (*NO_PAIR, "m,a,c,acc,1,.5", "k,a,b,acc,1,.5", "k,d,b,acc,1,.5"),
        {},
        [
            "s.csv, line 4: found no baseline of c by m, which models are held against; give rows "
            "of c with an empty source",
            "s.csv, lines 5 and 6: found no baseline of b by k, which models are held against; "
            "give rows of b with an empty source",
        ],
    ),
    "a baseline with a source": (
        ("m,None,b,acc,1,.5", "m,a,b,acc,1,.5"),
        {},
        [
            "s.csv, lines 2 and 3: found no baseline of b by m, which models are held against; "
            "give rows of b with an empty source (found the source 'None'; leave it empty in these)"
        ],
    ),
    "no baseline in a reading": (
        ("m,,refine,b,1,.5", "m,a,refine,b,1,.5", "m,a,finetune,b,1,.5"),
        {"header": "encoder,source,reading,target,seed,value"},
        [
            "s.csv, line 4: found no baseline of b by m in the finetune reading, which models are "
            "held against; give rows of b with an empty source"
        ],
    ),
    "baselines alone": (
        PAIR[:2],
        {},
        ["s.csv: every row is a baseline; give the rows of models, which have a source"],
    ),
    "seeds of its own": (
        (*PAIR, "m,a,b,acc,3,.5", "m,c,b,acc,4,.5", "m,c,b,acc,1,.5"),
        {},
        [
            "s.csv, lines 6 and 7: found models of b by m with seeds that b alone lacks: 3, 4 (it "
            "has 1, 2); runs are paired by seed, so add the baseline's rows or leave the models' "
            "out, and where seeds mean nothing number the runs of all alike"
        ],
    ),
    "metrics": (
        (*PAIR, "m,a,b,loss,1,0.3", "m,,c,wer,1,.5", "m,a,c,wer,1,.5"),
        {},
        [
            "s.csv, lines 2, 3, 4 and 2 more: found scores of b by acc and loss; choose one by "
            "--metric b=acc",
            "s.csv, lines 7 and 8: found c by wer, an error by its name, and of a score more is "
            "better; give such a score, as 1 less a rate of errors is, with a name of its own",
        ],
    ),
    "names": (
        (
            *NO_PAIR,
            *("m,a\x1b,b,acc,1,.5", "m,a+,b,acc,1,.5", "m,a~half1,b,acc,1,.5", ",a,b,acc,1,.5"),
            *("m,a,,acc,1,.5", "m,a,x+y,acc,1,.5", "m,a+d+a,b,acc,1,.5", "m,a,b,,1,.5"),
            *("m,[1],b,acc,1,.5", 'm,"[""a,b""]",b,acc,1,.5', "m,b,b,acc,1,.5"),
        ),
        {},
        [
            "s.csv, line 7: the encoder is empty; name it",
            "s.csv, line 4: the source 'a\\x1b' has the control character U+001B; remove it or "
            "write a space",
            "s.csv, line 5: the source 'a+' has an empty name; name a task before and after each "
            "of + , ;",
            "s.csv, line 6: the source 'a~half1' has '~', which derives one task from another; "
            "give the task another name",
            "s.csv, line 10: the source 'a+d+a' names 'a' twice; name it once",
            "s.csv, line 12: the source '[1]' is no list of names; write it as a+b, or in JSON as "
            '["a", "b"]',
            "s.csv, line 13: the source 'a,b' has ',', which joins sources; give the task another "
            "name",
            "s.csv, line 8: the target is empty; name it",
            "s.csv, line 9: the target 'x+y' has '+', which joins sources; give the task another "
            "name",
            "s.csv, line 11: the metric is empty; name it",
            "s.csv, line 14: found the target b among its sources; a source is another task, and a "
            "baseline has none",
        ],
    ),
    "arms": (
        (
            *("m,,single,,b,1,.5", "m,,pair,,b,1,.5", "m,a,single,,b,1,.5", "m,a,pear,,b,1,.5"),
            *("m,a,leave-one-out,,b,1,.5", "m,a,placebo,,b,1,.5", "m,a,group:,,b,1,.5"),
            *("m,a+c,soft,,b,1,.5", "m,a,sequential,refine,b,1,.5", "m,a,,tuned,b,1,.5"),
        ),
        {"header": "encoder,source,arm,reading,target,seed,value"},
        [
            "s.csv, line 5: found the arm 'pear'; did you mean 'pair'? Allowed: single, pair, "
            "full, group:NAME, sequential, soft, distil",
            "s.csv, line 6: found the arm 'leave-one-out', whose models are not held against the "
            "target alone, as all are here; leave its rows out. Allowed: single, pair, full, "
            "group:NAME, sequential, soft, distil",
            "s.csv, line 7: found the arm 'placebo'; allowed: single, pair, full, group:NAME, "
            "sequential, soft, distil",
            "s.csv, line 8: found the arm 'group:'; did you mean 'group:NAME'? Allowed: single, "
            "pair, full, group:NAME, sequential, soft, distil",
            "s.csv, line 3: found the arm 'pair' without a source; name the source, or leave the "
            "arm of a baseline empty",
            "s.csv, line 4: found the arm 'single' with the source a; leave the source of a "
            "baseline empty, or give the model's arm",
            "s.csv, line 9: found the arm 'soft' with the sources a+c, and it has one; write such "
            "rows as full or group:NAME",
            "s.csv, line 10: found the reading 'refine' of the arm 'sequential'; allowed: finetune",
            "s.csv, line 11: found the reading 'tuned'; allowed: refine, finetune",
        ],
    ),
    "the arm that is asked": (
        NO_PAIR,
        {"arm": "single"},
        ["s.csv: --arm: found 'single', which is the arm of rows without a source"],
    ),
    "mixes of one name": (
        (
            *("m,,,b,1,.5", "m,a+c,full,b,1,.5", "m,a+d,full,b,1,.5"),
            *("m,a+c,group:G,b,1,.5", "k,,,c,1,.5", "k,a+d,group:G,c,1,.5"),
        ),
        {"header": "encoder,source,arm,target,seed,value"},
        [
            "s.csv, lines 3 and 4: found the arm full of b by m with the sources a+c and a+d; it "
            "is one mix, call others group:NAME",
            "s.csv, lines 5 and 7: found the arm group:G with the tasks a+b+c and with a+c+d; a "
            "group is the same tasks for each of its targets, give others another name",
        ],
    ),
    "no row that is sound": (
        ("m,,b,acc,x,0.5", "m,a,b,acc,y,0.5"),
        {},
        [
            f"s.csv, line {line}: the seed {seed!r} is no whole number; number the runs of a model "
            "1, 2, 3, and its baseline's alike"
            for line, seed in ((2, "x"), (3, "y"))
        ],
    ),
    "a mix of two names": (
        (
            *("m,,,b,1,.5", "m,a,pair,b,1,.5", "m,a,full,b,1,.5", "m,a,soft,b,1,.9"),
            *("m,c,pair,b,1,.5", "m,c,group:X,b,1,.6"),
        ),
        {"header": "encoder,source,arm,target,seed,value"},
        [
            "s.csv, lines 6 and 7: found m: c -> b as pair and as group:X, which are the same mix "
            "of tasks, with scores that differ; leave one out, or if the models differ otherwise, "
            "say so in the name of the encoder",
        ],
    ),
    "facts": (
        ("m,,b,1,.5,.4,100", "m,a,b,1,.6,.5,101", "m,,c,1,.5,1.5,0", "m,a,c,1,.5,x,1.5"),
        {"header": "encoder,source,target,seed,value,constant,n_test", "n_test": {"d": 3}},
        [
            "s.csv, line 4: the number of test examples '0' is no whole number of at least 1; mend "
            "it, or leave it empty",
            "s.csv, line 5: the number of test examples '1.5' is no whole number of at least 1; "
            "mend it, or leave it empty",
            "s.csv, line 5: the constant 'x' is no finite number; write one",
            "s.csv, lines 2 and 3: found 0.4 and 0.5 as constant of b, which has one test set; "
            "write one number in all its rows, or give it by --constant b=NUMBER",
            "s.csv: --n-test: found the target 'd'; allowed: b, c",
            "s.csv, lines 2 and 3: found 100 and 101 as n_test of b, which has one test set; write "
            "one number in all its rows, or give it by --n-test b=NUMBER",
            "s.csv: found 1.5 as the constant of c, the score of one answer to all examples; it is "
            "from 0 to 1 (in percent under --percent)",
        ],
    ),
    "facts that are asked": (
        NO_PAIR,
        {"constants": {"b": 55.0, "x": 0.5}, "n_test": {"b": 0}, "metrics": {"b": "ac", "y": "f"}},
        [
            "s.csv: --metric: found 'ac' for b; did you mean 'acc'? Allowed: acc",
            "s.csv: --metric: found the target 'y'; allowed: b",
            "s.csv: --constant: found the target 'x'; allowed: b",
            "s.csv: found 55 as the constant of b, the score of one answer to all examples; it is "
            "from 0 to 1 (in percent under --percent)",
            "s.csv: found 0 test examples of b; give a whole number of at least 1",
        ],
    ),
    "rows of another width": (
        (*NO_PAIR, "m,a,b,acc,1,0,5", "m,c,b,acc,1,5", 'm,"d,b,acc,1,.5'),
        {},
        [
            "s.csv, line 4: 7 fields, but the header has 6; mend the separators, and quote a field "
            "that contains one or that begins with a quotation mark",
            "s.csv, line 6: the row cannot be read (unexpected end of data); a field that begins "
            'with a quotation mark ends with one, and the marks within it are doubled: "say '
            '""yes"""',
            "s.csv, line 5: found scores up to 5, and scores are fractions of 1; give --percent "
            "where all are in percent, or mend them",
        ],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_all_that_is_wrong_is_told_with_its_lines(wrong, case):
    lines, said, expected = WRONG[case]
    assert wrong(*lines, **said) == expected


def test_what_is_wrong_without_end_is_counted(wrong):
    told = wrong(*PAIR, *(f"m,a,b,acc,1,v{n}" for n in range(100)))
    assert len(told) == 21
    assert told[-1] == "s.csv: and 81 more faults of this file"


# ---- as a whole


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Some edges among a few tasks and encoders; baselines may have seeds that edges lack."""
    tasks = draw(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=4, unique=True))
    value = st.integers(0, 1000).map(lambda n: n / 1000)
    rows = []
    for encoder in draw(st.sampled_from([["m"], ["m", "k+l"]])):
        for target in tasks:
            seeds = draw(st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True))
            rows += [(encoder, "", target, seed, draw(value)) for seed in seeds]
            for source in tasks:
                if source != target and draw(st.booleans()):
                    own = draw(st.lists(st.sampled_from(seeds), min_size=1, unique=True))
                    rows += [(encoder, source, target, seed, draw(value)) for seed in own]
    table = pd.DataFrame(rows, columns=["encoder", "source", "target", "seed", "value"])
    return table if (table["source"] != "").any() else draw(tables())


@settings(max_examples=10)
@given(tables(), st.randoms(use_true_random=False), st.sampled_from(["csv", "tsv", "parquet"]))
def test_deltas_are_differences_of_means_however_the_table_is_written(
    tmp_path_factory, table, chance, form
):
    file = tmp_path_factory.mktemp("tables") / f"s.{form}"
    order = chance.sample(range(len(table)), len(table))
    written = table.iloc[order][chance.sample([*table], len([*table]))]
    if form == "parquet":
        written.to_parquet(file)
    else:
        written.to_csv(file, sep="," if form == "csv" else "\t", index=chance.random() < 0.5)
    found = read_scores(file, TableRequest())
    assert len(found.runs) == found.runs["run"].nunique() == len(table) == len(scores(found))
    judgement = Judgement(Margin(absolute=0.01), Correction.NONE)
    edges = deltas(found.comparisons(), found.test_sets, judgement, ())
    means = table.groupby(["encoder", "source", "target"])["value"].mean().to_dict()
    measured = {
        (row["encoder"], row["source"], row["target"]): row for row in edges.to_dict("records")
    }
    assert {*measured} == {about for about in means if about[1]}
    for (encoder, source, target), row in measured.items():
        alone = means[encoder, "", target]
        assert row["delta"] == pytest.approx(means[encoder, source, target] - alone, abs=1e-12)


def paired(scores: pd.Series[float], alone: pd.Series[float]) -> tuple[float, float, float, float]:
    """The paired t test over seeds by SciPy: mean, interval and p."""
    difference = (scores - alone).to_numpy()
    test = stats.ttest_1samp(difference, 0)
    interval = test.confidence_interval(0.95)
    return difference.mean(), interval.low, interval.high, test.pvalue


def test_an_edge_by_itself_is_a_paired_t_test_over_seeds(read):
    draw = np.random.default_rng(0)
    lines = [f"m,{source},b,acc,{n},{draw.uniform():.4f}" for source in ("", "a") for n in range(5)]
    found = read(*lines)
    judgement = Judgement(Margin(absolute=0.01), Correction.NONE)
    (edge,) = deltas(found.comparisons(), found.test_sets, judgement, ()).to_dict("records")
    alone, model = (
        pd.Series([float(line.rsplit(",")[-1]) for line in part]) for part in (lines[:5], lines[5:])
    )
    expected = paired(model, alone)
    assert [edge[name] for name in ("delta", "low", "high", "p")] == pytest.approx(expected)


EDGES = [
    *(("t5s", "boolq", "rte"), ("t5b", "mrpc", "stsb"), ("gpt2m", "qnli", "wic")),
    *(("t5b-pfeiffer", "snli", "cb"), ("t5b", "squad_v2", "copa")),
]


@pytest.mark.skipif(not TASKWEB.is_file(), reason=f"needs the scores of TaskWeb at {TASKWEB}")
def test_published_scores_of_22_tasks_are_read_and_judged_as_scipy_does():
    found = read_scores(TASKWEB, TableRequest(arm="sequential"))
    assert len(found.runs) == 14_760
    assert len(found.tasks) == 22
    assert len(found.test_sets) == 21
    assert {*found.runs["arm"]} == {"single", "sequential"}
    compared = found.comparisons()
    assert len(compared) == 1761 * 8
    table = pd.read_csv(TASKWEB, keep_default_na=False)
    values = table.set_index(["encoder", "source", "target", "seed"])["value"].sort_index()
    judgement = Judgement(Margin(absolute=0.01), Correction.NONE)
    for encoder, source, target in EDGES:
        of_target = (compared["encoder"] == encoder) & (compared["target"] == target)
        edges = deltas(compared[of_target], found.test_sets, judgement, ())
        only = deltas(
            compared[of_target & (compared["source"] == source)], found.test_sets, judgement, ()
        )
        expected = paired(values[encoder, source, target], values[encoder, "", target])
        together = edges[edges["source"] == source].iloc[0]
        assert together["delta"] == pytest.approx(expected[0])
        by_itself = only.iloc[0]
        found_ = [by_itself[name] for name in ("delta", "low", "high", "p")]
        assert found_ == pytest.approx(expected)
