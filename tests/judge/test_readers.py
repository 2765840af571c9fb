"""What other programs write of their runs: files in `written_by` are what these really wrote.

- `trainer`: `Trainer.predict` of transformers 5.23 with BERTs of one layer and random weights, kept
  by `numpy.savez("predictions.npz", predictions=p.predictions, label_ids=p.label_ids)`, and the
  `config.json` of `trainer.save_model()`.
- `lm_eval`: lm-evaluation-harness 0.4.13 with GPT-2s of one layer and random weights on two made-up
  tasks: `lm_eval run --model hf --model_args pretrained=models/$MODEL --include_path tasks
  --tasks quiz,words --limit 6 --log_samples --output_path .`; of its results, scores are kept.
- `mteb`: `mteb.evaluate` of mteb 2.26.24, random vectors on a made-up STS task.
- `mlflow`: `search_runs(...).to_csv("runs.csv", index=False)` of mlflow 3.17.2.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.effects.deltas import deltas
from transfer_study.analysis.effects.judgement import Judgement
from transfer_study.errors import StudyError
from transfer_study.judge.answer_files import given_from_answers
from transfer_study.judge.answer_kind import TargetRequest
from transfer_study.judge.given import Given
from transfer_study.judge.judged import JudgedPlaces, JudgeRequest, judge_runs
from transfer_study.judge.named_files import AnswerFile, files_of_patterns
from transfer_study.judge.readers.export import ScoreColumn, rows_of_export
from transfer_study.judge.readers.lm_eval import given_from_samples
from transfer_study.judge.readers.mteb import rows_of_mteb
from transfer_study.judge.score_table import TableRequest, read_scores
from transfer_study.study.margin import Margin
from transfer_study.study.tasks.task import MetricName

WRITTEN = Path(__file__).parent / "written_by"
SAMPLES = (
    "models__alone-s{seed}/samples_{target}_{date}.jsonl",
    "models__{source}-to-quiz-s{seed}/samples_{target}_{date}.jsonl",
)


def problems(error: pytest.ExceptionInfo[StudyError]) -> list[str]:
    return [str(problem) for problem in error.value.problems]


def samples(folder: Path = WRITTEN / "lm_eval", target: str = "quiz") -> list[AnswerFile]:
    return [f for f in files_of_patterns(SAMPLES, folder) if f.run.target == target]


@pytest.mark.parametrize("metric", ["acc", "acc_norm"])
def test_lm_eval_scores_are_those_of_its_results(metric: str) -> None:
    found = given_from_samples(samples(), {"quiz": metric})
    assert set(found.runs["metric"]) == {metric}
    test_set = found.test_sets["quiz"]
    assert (test_set.n, test_set.documents) == (6, 6)
    for run in found.runs.itertuples():
        folder = f"models__{f'{run.source}-to-quiz' if run.source else 'alone'}-s{run.seed}"
        (results,) = (WRITTEN / "lm_eval" / folder).glob("results_*.json")
        score = json.loads(results.read_bytes())["results"]["quiz"][f"{metric},none"]
        assert test_set.scores()[run.run] == pytest.approx(score)
    judged = deltas(found.comparisons(), found.test_sets, Judgement(Margin(absolute=0.01)), ())
    assert judged[["source", "target", "n_seeds", "n_test"]].values.tolist() == [
        ["a", "quiz", 2, 6]
    ]


def test_lm_eval_is_judged_the_whole_way(tmp_path: Path) -> None:
    places = JudgedPlaces.of("quiz", tmp_path / "results", tmp_path / "plots")
    asked = JudgeRequest(Judgement(Margin(absolute=0.01)), "judge")
    outcome = judge_runs(given_from_samples(samples()), asked, places)
    assert outcome.deltas[["source", "target", "metric"]].values.tolist() == [["a", "quiz", "acc"]]
    report = (tmp_path / "results" / "quiz" / "report.md").read_text()
    assert "The score of quiz is the mean of acc over the logged samples." in report


def test_lm_eval_has_the_constant_of_the_text_that_is_right_most_often() -> None:
    (path, *_) = (WRITTEN / "lm_eval" / "models__alone-s0").glob("samples_quiz_*")
    right = [
        row["doc"]["choices"][row["doc"]["answer"]]
        for row in map(json.loads, path.read_text().splitlines())
    ]
    most = max(map(right.count, right))
    assert given_from_samples(samples()).test_sets["quiz"].constant == most / 6


def test_lm_eval_metrics_with_filters() -> None:
    found = given_from_samples(samples(target="words"), {"words": "exact_match,letter"})
    assert set(found.runs["metric"]) == {"exact_match,letter"}
    with pytest.raises(StudyError, match=r"found 2 filters .* by --metric TARGET=METRIC"):
        given_from_samples(samples(target="words"))
    with pytest.raises(StudyError) as raised:
        given_from_samples(samples(target="words"), {"words": "bleu,first"})
    said = problems(raised)
    assert len(said) == 4
    assert all("line 1: the bleu of a sample is (" in one for one in said)
    with pytest.raises(StudyError, match="found the metric 'f1'; allowed: acc, acc_norm"):
        given_from_samples(samples(), {"quiz": "f1"})
    with pytest.raises(StudyError, match="found the target 'quizz'; did you mean 'quiz'"):
        given_from_samples(samples(), {"quizz": "acc"})


def changed_samples(folder: Path, change: dict[int, dict[str, object]]) -> list[AnswerFile]:
    shutil.copytree(WRITTEN / "lm_eval", folder / "lm_eval")
    (path,) = (folder / "lm_eval").glob("models__a-to-quiz-s1/samples_quiz_*")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [{**row, **change.get(n, {})} for n, row in enumerate(rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return samples(folder / "lm_eval")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({2: {"doc_hash": "other"}}, "line 3: the gold label of '2' is "),
        ({2: {"doc_id": 1}}, "line 3: found doc_id 1 twice, first in line 2"),
        ({2: {"acc": 2.5}}, "line 3: the acc of a sample is 2.5, no value from 0 to 1 whose mean"),
        ({2: {"filter": "strict"}}, "lacks 1 example: 2; all models of a target answer the same"),
        ({n: {"acc": 0.25} for n in range(6)}, "the acc of quiz is "),
    ],
)
def test_what_wrong_samples_are_told(tmp_path: Path, change, said: str) -> None:
    with pytest.raises(StudyError) as raised:
        given_from_samples(changed_samples(tmp_path, change))
    (found,) = problems(raised)
    assert said in found


def test_lm_eval_documents_are_drawn_together(tmp_path: Path) -> None:
    shutil.copytree(WRITTEN / "lm_eval", tmp_path / "lm_eval")
    for path in (tmp_path / "lm_eval").glob("*/samples_quiz_*"):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for n, row in enumerate(rows):
            row["doc"]["article"] = f"article {n // 2}"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = given_from_samples(samples(tmp_path / "lm_eval"), document="doc.article")
    assert (found.test_sets["quiz"].n, found.test_sets["quiz"].documents) == (6, 3)


def of_trainer(folder: Path, kind: str, **asked: TargetRequest) -> Given:
    """The real predictions of a kind as the pair's, right ones as the target's alone."""
    for source in ("none", "a"):
        shutil.copytree(WRITTEN / "trainer" / kind, folder / f"{source}-to-b")
    with np.load(folder / "none-to-b" / "predictions.npz") as file:
        predicted, gold = file["predictions"], file["label_ids"]
    if gold.dtype.kind == "i":
        predicted = np.eye(predicted.shape[-1])[np.maximum(gold, 0)]
    else:
        predicted = (gold - 0.5).reshape(predicted.shape)
    path = folder / "none-to-b" / "predictions.npz"
    np.savez(path, predictions=predicted, label_ids=gold)
    return given_from_answers(
        files_of_patterns(["{source}-to-{target}/predictions.npz"], folder), asked
    )


def scores(found: Given) -> dict[str, float]:
    by_run = found.test_sets["b"].scores()
    return {run.source: by_run[run.run] for run in found.runs.itertuples()}


def arrays(kind: str) -> tuple[np.ndarray, np.ndarray]:
    with np.load(WRITTEN / "trainer" / kind / "predictions.npz") as file:
        return file["predictions"], file["label_ids"]


def test_trainer_classes(tmp_path: Path) -> None:
    found = of_trainer(tmp_path, "classes")
    logits, gold = arrays("classes")
    assert scores(found) == {"": 1, "a": (logits.argmax(1) == gold).mean()}
    assert found.notes[0] == "The answers to b are read as classification and scored by accuracy."
    assert found.test_sets["b"].constant == max(np.bincount(gold)) / 8


def test_trainer_values(tmp_path: Path) -> None:
    logits, gold = arrays("numbers")
    expected = np.corrcoef(logits.ravel(), gold)[0, 1]
    assert scores(of_trainer(tmp_path, "numbers")) == pytest.approx({"": 1, "a": expected})


def test_trainer_several_labels(tmp_path: Path) -> None:
    from sklearn.metrics import f1_score

    logits, gold = arrays("several")
    found = of_trainer(tmp_path, "several", b=TargetRequest(metric=MetricName.MICRO_F1))
    expected = f1_score(gold, logits > 0, average="micro")
    assert "multilabel" in found.notes[0]
    assert scores(found) == pytest.approx({"": 1, "a": expected})


def test_trainer_tags(tmp_path: Path) -> None:
    from seqeval.metrics import f1_score
    from seqeval.scheme import IOB2

    logits, gold = arrays("tags")
    names = np.array(["O", "B-x", "I-x"])
    true = [names[row[row >= 0]].tolist() for row in gold]
    said = [
        names[row.argmax(-1)[keep]].tolist() for row, keep in zip(logits, gold >= 0, strict=True)
    ]
    expected = f1_score(true, said, mode="strict", scheme=IOB2)
    found = of_trainer(tmp_path, "tags")
    assert scores(found) == pytest.approx({"": 1, "a": expected})


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("classes", {"label_ids": None}, "has no array 'label_ids'; found: predictions. Save it"),
        ("classes", {"predictions": np.full((8, 3), np.nan)}, "has predictions that are no finite"),
        ("classes", {"predictions": np.zeros((7, 3))}, "has 7 predictions for 8 labels; give one"),
        (
            "classes",
            {"label_ids": np.full(8, -1)},
            "has the label -1, which is none; predict on ex",
        ),
        (
            "classes",
            {"predictions": np.zeros((8, 2, 3))},
            "has predictions [8, 2, 3] and labels [8]",
        ),
        ("classes", {"predictions": np.eye(8)}, "has the class 7, and config.json beside it names"),
        (
            "classes",
            {"label_ids": np.array([{}] * 8)},
            "no arrays of numbers as numpy.savez writes",
        ),
        ("tags", {}, "has tags by number; put the model's config.json beside it, which names them"),
    ],
)
def test_what_wrong_predictions_of_a_trainer_are_told(tmp_path: Path, kind, change, said) -> None:
    for source in ("none", "a"):
        shutil.copytree(WRITTEN / "trainer" / kind, tmp_path / f"{source}-to-b")
    path = tmp_path / "a-to-b" / "predictions.npz"
    content = dict(zip(("predictions", "label_ids"), arrays(kind), strict=True)) | change
    np.savez(path, **{name: array for name, array in content.items() if array is not None})
    if kind == "tags":
        (tmp_path / "a-to-b" / "config.json").unlink()
    with pytest.raises(StudyError) as raised:
        given_from_answers(files_of_patterns(["{source}-to-{target}/predictions.npz"], tmp_path))
    assert problems(raised)[0].startswith(f"{path}: {said}")


def test_results_of_run_glue_and_a_file_of_gold_labels(tmp_path: Path) -> None:
    gold, answers = ["yes", "no", "no", "yes"], {"none": "yes no yes yes", "a": "yes no no yes"}
    for source, said in answers.items():
        lines = [f"{n}\t{label}" for n, label in enumerate(said.split())]
        (tmp_path / f"{source}-to-b").mkdir()
        path = tmp_path / f"{source}-to-b" / "predict_results_b.txt"
        path.write_text("\n".join(["index\tprediction", *lines]) + "\n")
    key = tmp_path / "test.tsv"
    key.write_text("\n".join(["gold\tdocument", *(f"{g}\td{n % 2}" for n, g in enumerate(gold))]))
    files = files_of_patterns(["{source}-to-{target}/predict_results_{target}.txt"], tmp_path)
    found = given_from_answers(files, gold={"b": key})
    assert scores(found) == {"": 0.75, "a": 1}
    assert found.test_sets["b"].documents == 2
    with pytest.raises(
        StudyError, match="no column 'gold', which holds the gold; found: id, index"
    ):
        given_from_answers(files)
    key.write_text("\n".join(["gold", *gold, "yes"]))
    with pytest.raises(StudyError, match=r"lacks 1 example of .*test.tsv: 4"):
        given_from_answers(files, gold={"b": key})
    key.write_text("\n".join(["gold", *gold[:3]]))
    with pytest.raises(StudyError, match=r"line 5: found the id '3', which .*test.tsv lacks"):
        given_from_answers(files, gold={"b": key})


MTEB = "me__{source}-s{seed}/*/{target}.json"


def test_mteb_scores() -> None:
    files = files_of_patterns([MTEB], WRITTEN / "mteb")
    rows = rows_of_mteb(files)
    assert set(rows["metric"]) == {"spearman"}
    assert rows[["source", "target", "seed", "value"]].values.tolist() == [
        [f.run.source, "MadeUpSTS", f.run.seed, main(f.path)] for f in files
    ]
    other = rows_of_mteb(files, {"MadeUpSTS": "cosine_pearson"})
    assert set(other["metric"]) == {"cosine_pearson"}
    assert (other["value"] != rows["value"]).all()
    with pytest.raises(StudyError, match="has no number 'accuracy'; found: pearson, spearman"):
        rows_of_mteb(files, {"MadeUpSTS": "accuracy"})
    with pytest.raises(StudyError, match="has no scores of the split 'dev'; found: test"):
        rows_of_mteb(files, split="dev")


def main(path: Path) -> float:
    score: float = json.loads(path.read_bytes())["scores"]["test"][0]["main_score"]
    return score


def test_mteb_means_over_subsets_and_files_that_are_none(tmp_path: Path) -> None:
    subsets = [{"main_score": 0.5, "f1": 0.5}, {"main_score": 0.0, "f1": 0.1}]
    (tmp_path / "none-x.json").write_text(json.dumps({"scores": {"test": subsets}}))
    files = files_of_patterns(["{source}-{target}.json"], tmp_path)
    assert rows_of_mteb(files)[["metric", "value"]].values.tolist() == [["main_score", 0.25]]
    (tmp_path / "none-x.json").write_text("[]")
    with pytest.raises(StudyError, match="no results as mteb writes them"):
        rows_of_mteb(files)


COLUMNS = {"encoder": "model", "source": "source", "target": "target", "seed": "seed"}


def test_mlflow_runs() -> None:
    columns = {role: f"params.{name}" for role, name in COLUMNS.items()}
    scores = [
        ScoreColumn(name="metrics.eval_accuracy", metric="accuracy"),
        ScoreColumn(name="metrics.eval_f1", metric="f1"),
    ]
    rows, unfinished = rows_of_export(WRITTEN / "mlflow" / "runs.csv", columns, scores)
    assert unfinished == 0
    about = ["encoder", "source", "target", "seed", "value"]
    assert rows[rows["metric"] == "accuracy"][about].values.tolist() == [
        ["bert", "a", "b", "1", "0.77"],
        ["bert", "a", "b", "0", "0.75"],
        ["bert", "", "b", "1", "0.72"],
        ["bert", "", "b", "0", "0.7"],
    ]
    assert rows[rows["metric"] == "f1"]["value"].tolist() == ["0.6"] * 4


def as_table(rows: pd.DataFrame, folder: Path) -> dict[str, list[float]]:
    """The scores by source that such rows have as a table of scores."""
    path = folder / "scores.csv"
    rows.to_csv(path, index=False)
    given = read_scores(path, TableRequest())
    found: dict[str, list[float]] = {}
    for run in given.runs.itertuples():
        found.setdefault(run.source, []).append(given.test_sets[run.target].scores()[run.run])
    return found


def test_rows_without_answers_are_those_of_a_table_of_scores(tmp_path: Path) -> None:
    columns = {role: f"params.{name}" for role, name in COLUMNS.items()}
    accuracy = [ScoreColumn(name="metrics.eval_accuracy", metric="accuracy")]
    rows, _ = rows_of_export(WRITTEN / "mlflow" / "runs.csv", columns, accuracy)
    assert as_table(rows, tmp_path) == {"a": [0.77, 0.75], "": [0.72, 0.7]}
    files = files_of_patterns([MTEB], WRITTEN / "mteb")
    found = as_table(rows_of_mteb(files), tmp_path)
    assert found == {"a": [main(f.path) for f in files[:2]], "": [main(f.path) for f in files[2:]]}


def test_runs_of_weights_and_biases_with_a_column_a_target(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(
        '"Name","State","seed","source","rte/accuracy","sst2/accuracy"\n'
        '"one","finished","0","","0.6","0.9"\n"two","finished","0","mnli","0.7",""\n'
        '"three","crashed","0","mnli","0.1",""\n'
    )
    scores = [
        ScoreColumn(name=f"{t}/accuracy", metric="accuracy", target=t) for t in ("rte", "sst2")
    ]
    named = {"source": "source", "seed": "seed"}
    rows, unfinished = rows_of_export(path, named, scores)
    assert unfinished == 1
    assert rows[["encoder", "source", "target", "value"]].values.tolist() == [
        ["model", "", "rte", "0.6"],
        ["model", "", "sst2", "0.9"],
        ["model", "mnli", "rte", "0.7"],
    ]
    with pytest.raises(StudyError) as raised:
        rows_of_export(path, {"source": "sources"}, scores)
    said = problems(raised)
    assert "no column 'sources' (source); found: Name, State" in said[0]
    assert "did you mean 'source'" in said[0]
    assert "no column is named for the seed" in said[1]
