"""Every metric against an outside authority, and the matrix-product form against itself."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.scheme import IOB2
from sklearn import metrics as sklearn

from transfer_study import metrics
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.task import MetricName, Task

LABELS = ("false", "a", "b", "c")
POSITIVE = [label for label in LABELS if label != "false"]


def task(kind: kinds.TaskKind, **fields: object) -> Task:
    labels = () if kind is kinds.REGRESSION else LABELS
    source = {"format": "synthetic", "task": "t", "train": 1, "dev": 1, "test": 1}
    return Task.model_validate(
        {"name": "t", "kind": kind, "labels": labels, "source": source, **fields}
    )


TASKS = {
    kinds.CLASSIFICATION: task(kinds.CLASSIFICATION, negative="false"),
    kinds.MULTILABEL: task(kinds.MULTILABEL),
    kinds.REGRESSION: task(kinds.REGRESSION),
    kinds.TAGGING: task(kinds.TAGGING),
}
CASES = [(kind, MetricName(metric)) for kind in TASKS for metric in kind.metrics]


def random_labels(kind: kinds.TaskKind, n: int, rng: np.random.Generator) -> list:
    if kind is kinds.CLASSIFICATION:
        return [str(label) for label in rng.choice(LABELS, n, p=(0.6, 0.2, 0.15, 0.05))]
    if kind is kinds.MULTILABEL:
        return [tuple(x for x in LABELS if rng.random() < 0.3) for _ in range(n)]
    if kind is kinds.REGRESSION:
        return [float(x) for x in rng.normal(3, 1, n)]
    tags = TASKS[kind].outputs
    return [tuple(str(t) for t in rng.choice(tags, rng.integers(1, 9))) for _ in range(n)]


def blurred(gold: list, kind: kinds.TaskKind, rng: np.random.Generator) -> list:
    """Predictions that are right about half of the time, tag by tag where there are tags."""
    other = random_labels(kind, len(gold), rng)
    if kind is kinds.TAGGING:
        tags = TASKS[kind].outputs
        return [
            tuple(t if rng.random() < 0.7 else str(rng.choice(tags)) for t in words)
            for words in gold
        ]
    return [g if rng.random() < 0.5 else o for g, o in zip(gold, other, strict=True)]


def sample(kind: kinds.TaskKind, n: int = 60, seed: int = 0) -> tuple[list, list, list[str]]:
    rng = np.random.default_rng(seed)
    gold = random_labels(kind, n, rng)
    return gold, blurred(gold, kind, rng), [f"d{d}" for d in rng.integers(0, 1 + n // 3, n)]


def by_authority(
    kind: kinds.TaskKind, metric: MetricName, gold: list, predicted: list, documents
) -> float:
    if kind is kinds.REGRESSION:
        correlation = pearsonr if metric is MetricName.PEARSON else spearmanr
        return correlation(gold, predicted).statistic
    if kind is kinds.TAGGING:
        tags = [list(t) for t in gold], [list(t) for t in predicted]
        strict = {"mode": "strict", "scheme": IOB2} if metric is MetricName.ENTITY_F1 else {}
        return seqeval_f1(*tags, zero_division=0, **strict)
    if metric is MetricName.ACCURACY:
        return sklearn.accuracy_score(gold, predicted)
    if metric is MetricName.EXAMPLE_F1:
        true, guessed = united(gold, documents), united(predicted, documents)
        precision, recall = (
            score(true, guessed, average="samples", zero_division=0)
            for score in (sklearn.precision_score, sklearn.recall_score)
        )
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return f1_by_authority(kind, metric, gold, predicted)


def f1_by_authority(kind: kinds.TaskKind, metric: MetricName, gold: list, predicted: list) -> float:
    classes = LABELS if kind is kinds.MULTILABEL else POSITIVE
    if metric is MetricName.MACRO_F1:
        met = set().union(*gold) if kind is kinds.MULTILABEL else set(gold)
        classes = [label for label in classes if label in met]
    if not classes:
        return 0.0
    if kind is kinds.MULTILABEL:
        gold, predicted = indicators(gold), indicators(predicted)
        classes = [LABELS.index(label) for label in classes]
    average = "micro" if metric is MetricName.MICRO_F1 else "macro"
    return sklearn.f1_score(gold, predicted, labels=classes, average=average, zero_division=0)


def indicators(sets: list) -> np.ndarray:
    return np.array([[label in one for label in LABELS] for one in sets], dtype=int)


def united(sets: list, documents: list[str]) -> np.ndarray:
    whole = defaultdict(set)
    for one, document in zip(sets, documents, strict=True):
        whole[document].update(one)
    return indicators(list(whole.values()))


@pytest.mark.parametrize(("kind", "metric"), CASES)
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_the_authority(kind, metric, seed):
    gold, predicted, documents = sample(kind, seed=seed)
    expected = by_authority(kind, metric, gold, predicted, documents)
    assert 0 < expected < 1
    assert metrics.score(metric, TASKS[kind], gold, predicted, documents) == pytest.approx(expected)


# Short words over the tags make ill-formed sequences (a lone I-, a change of type) common.
TAGS = st.sampled_from(TASKS[kinds.TAGGING].outputs)
SENTENCES = st.lists(
    st.lists(st.tuples(TAGS, TAGS), min_size=1, max_size=6), min_size=1, max_size=5
)


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
def test_lenient_entity_f1_is_seqevals_default_on_any_tags(sentences):
    gold = [tuple(g for g, _ in words) for words in sentences]
    predicted = [tuple(p for _, p in words) for words in sentences]
    met = any(tag != "O" for words in (*gold, *predicted) for tag in words)
    metric = MetricName.LENIENT_ENTITY_F1
    expected = by_authority(kinds.TAGGING, metric, gold, predicted, []) if met else 0
    found = metrics.score(metric, TASKS[kinds.TAGGING], gold, predicted, [""] * len(gold))
    assert found == pytest.approx(expected)


@settings(max_examples=150, deadline=None)
@given(SENTENCES)
def test_entity_f1_is_seqevals_on_any_tags(sentences):
    gold = [tuple(g for g, _ in words) for words in sentences]
    predicted = [tuple(p for _, p in words) for words in sentences]
    # seqeval cannot average over no class at all; there its F1 is undefined.
    met = any(tag.startswith("B-") for words in (*gold, *predicted) for tag in words)
    expected = by_authority(kinds.TAGGING, MetricName.ENTITY_F1, gold, predicted, []) if met else 0
    found = metrics.score(
        MetricName.ENTITY_F1, TASKS[kinds.TAGGING], gold, predicted, [""] * len(gold)
    )
    assert found == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(*[st.sampled_from(LABELS)] * 2), min_size=1, max_size=8))
def test_f1_agrees_where_classes_are_missing(pairs):
    gold, predicted = map(list, zip(*pairs, strict=True))
    for metric in map(MetricName, kinds.CLASSIFICATION.metrics):
        expected = by_authority(kinds.CLASSIFICATION, metric, gold, predicted, [])
        found = metrics.score(
            metric, TASKS[kinds.CLASSIFICATION], gold, predicted, [""] * len(gold)
        )
        assert found == pytest.approx(expected)


SETS = st.sets(st.sampled_from(LABELS)).map(lambda s: tuple(x for x in LABELS if x in s))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(SETS, SETS), min_size=1, max_size=6))
def test_f1_of_sets_agrees_where_classes_are_missing(pairs):
    gold, predicted = map(list, zip(*pairs, strict=True))
    for metric in (MetricName.MICRO_F1, MetricName.MACRO_F1):
        expected = by_authority(kinds.MULTILABEL, metric, gold, predicted, [])
        found = metrics.score(metric, TASKS[kinds.MULTILABEL], gold, predicted, [""] * len(gold))
        assert found == pytest.approx(expected)


def test_a_class_without_gold_is_left_out_of_macro_f1_in_every_resample():
    gold = ["a", "b", "a", "b", "false", "c"]
    rows = metrics.statistics(
        MetricName.MACRO_F1, TASKS[kinds.CLASSIFICATION], gold, gold, ["d"] * 6
    )
    draws = np.array(
        [[1, 1, 1, 1, 1, 1], [2, 0, 2, 0, 2, 0], [0, 3, 0, 3, 0, 0], [0, 0, 0, 0, 6, 0]]
    )
    # Right answers are right whatever is drawn; where nothing is to be found the score is 0.
    assert metrics.from_sums(MetricName.MACRO_F1, draws @ rows.values).tolist() == [1, 1, 1, 0]


# What resampled ranks make of Spearman's is tested in test_ranks.py.
@pytest.mark.parametrize(
    ("kind", "metric"), [case for case in CASES if case[1] is not MetricName.SPEARMAN]
)
def test_a_bootstrap_is_one_matrix_product(kind, metric):
    gold, predicted, documents = sample(kind)
    rows = metrics.statistics(metric, TASKS[kind], gold, predicted, documents)
    n = len(rows.values)
    draws = np.random.default_rng(1).integers(0, n, (20, n))
    counts = np.stack([np.bincount(draw, minlength=n) for draw in draws])
    scores = metrics.from_sums(metric, counts @ rows.values)
    assert scores.shape == (20,)
    for draw, found in zip(draws, scores, strict=True):
        # A document drawn twice is two documents.
        drawn = [
            (gold[i], predicted[i], f"{copy} {documents[i]}")
            for copy, row in enumerate(draw)
            for i in (
                [i for i, document in enumerate(documents) if document == rows.units[row]]
                if metric is MetricName.EXAMPLE_F1
                else [row]
            )
        ]
        again = [list(column) for column in zip(*drawn, strict=True)]
        assert found == pytest.approx(metrics.score(metric, TASKS[kind], *again))


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_scores_are_vectorised_over_leading_axes(kind, metric):
    rows = metrics.statistics(metric, TASKS[kind], *sample(kind))
    sums = np.random.default_rng(2).integers(0, 3, (2, 3, len(rows.values))) @ rows.values
    scores = metrics.from_sums(metric, sums)
    assert scores.shape == (2, 3)
    assert scores[1, 2] == metrics.from_sums(metric, sums[1, 2])


@pytest.mark.parametrize(
    ("kind", "metric"), [case for case in CASES if case[0] is not kinds.REGRESSION]
)
def test_statistics_add_up(kind, metric):
    # Correlations are of the data at hand, so that their parts do not add to the whole.
    gold, predicted, _ = sample(kind)
    documents = [str(i) for i in range(60)]

    def sums(part: slice) -> np.ndarray:
        examples = gold[part], predicted[part], documents[part]
        return metrics.statistics(metric, TASKS[kind], *examples).values.sum(axis=0)

    parts = sums(slice(0, 25)) + sums(slice(25, 60))
    np.testing.assert_allclose(parts, sums(slice(0, 60)))


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_units_name_the_document_of_each_row(kind, metric):
    gold, predicted, documents = sample(kind)
    rows = metrics.statistics(metric, TASKS[kind], gold, predicted, documents)
    by_document = metric is MetricName.EXAMPLE_F1
    assert rows.units == tuple(dict.fromkeys(documents) if by_document else documents)
    assert rows.values.shape[0] == len(rows.units)
    assert rows.values.dtype == np.float64


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_nothing_to_score_is_0(kind, metric):
    assert metrics.score(metric, TASKS[kind], [], [], []) == 0.0


@pytest.mark.parametrize(("kind", "metric"), CASES)
def test_perfect_is_1(kind, metric):
    gold = {
        kinds.CLASSIFICATION: ["a", "b", "c", "false"],
        kinds.MULTILABEL: [("false",), ("a", "b"), ("c",), ("a",)],
        kinds.REGRESSION: [1.0, 2.0, 3.0, 7.0],
        kinds.TAGGING: [("B-a", "I-a"), ("O",), ("B-c",), ("B-b",)],
    }[kind]
    assert metrics.score(metric, TASKS[kind], gold, gold, ["1", "2", "3", "4"]) == pytest.approx(1)


@pytest.mark.parametrize(
    "predicted",
    [[0.1] * 7, [1e8 / 3] * 7, [float("nan")] + [1.0] * 6, [float("inf")] + [1.0] * 6],
)
@pytest.mark.parametrize("metric", [*map(MetricName, kinds.REGRESSION.metrics)])
def test_undefined_correlation_is_0(predicted, metric):
    gold = [0.3, 1.7, 2.2, 2.9, 3.1, 4.4, 4.6]
    documents = [""] * 7
    regression = TASKS[kinds.REGRESSION]
    assert metrics.score(metric, regression, gold, predicted, documents) == 0.0
    assert metrics.score(metric, regression, predicted, gold, documents) == 0.0


def test_a_resample_of_one_value_has_no_correlation():
    rows = metrics.statistics(
        MetricName.PEARSON, TASKS[kinds.REGRESSION], *sample(kinds.REGRESSION)
    )
    n = len(rows.values)
    assert not metrics.from_sums(MetricName.PEARSON, n * np.eye(n) @ rows.values).any()


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e9])
def test_correlation_is_stable_far_from_zero(offset):
    gold, predicted, documents = sample(kinds.REGRESSION)
    moved = [p + offset for p in predicted]
    found = metrics.score(MetricName.PEARSON, TASKS[kinds.REGRESSION], gold, moved, documents)
    assert found == pytest.approx(pearsonr(gold, moved).statistic, abs=1e-9)


def test_labels_of_a_document_are_united():
    gold = [("a",), (), ("b",), ("c",)]
    predicted = [(), ("a",), ("b",), ()]
    # Document 1: gold {a, b}, found {a, b}; document 2: gold {c}, found nothing.
    score = metrics.score(
        MetricName.EXAMPLE_F1, TASKS[kinds.MULTILABEL], gold, predicted, ["1", "1", "1", "2"]
    )
    assert score == pytest.approx(0.5)


def test_the_negative_class_is_left_out_of_f1_but_not_of_accuracy():
    gold, predicted = ["false", "false", "a"], ["false", "false", "b"]
    scores = [
        metrics.score(metric, TASKS[kinds.CLASSIFICATION], gold, predicted, ["", "", ""])
        for metric in (MetricName.ACCURACY, MetricName.MICRO_F1, MetricName.MACRO_F1)
    ]
    assert scores == [pytest.approx(2 / 3), 0.0, 0.0]


def test_reported_begins_with_the_tasks_own_metric():
    chosen = task(kinds.CLASSIFICATION, metric="macro_f1")
    assert metrics.reported(chosen) == (
        MetricName.MACRO_F1,
        MetricName.ACCURACY,
        MetricName.MICRO_F1,
    )
    for kind, of in TASKS.items():
        assert metrics.reported(of) == kind.metrics


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="found 2, 1 and 2"):
        metrics.score(
            MetricName.MICRO_F1, TASKS[kinds.CLASSIFICATION], ["a", "b"], ["a"], ["1", "2"]
        )
    with pytest.raises(ValueError, match="as many as its gold tags"):
        metrics.score(MetricName.ENTITY_F1, TASKS[kinds.TAGGING], [("O", "O")], [("O",)], ["1"])
