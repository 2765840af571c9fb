"""Which example gets which answer depends on the example alone, however it was batched or cut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from transfer_study.data.splits import TaskData
from transfer_study.data.tokens.encode import encode
from transfer_study.learn import batch
from transfer_study.learn.batch import Collator
from transfer_study.learn.models.heads import _filled
from transfer_study.learn.predict import Predictions, predict
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks import kinds
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task

KINDS = list(kinds.KINDS.values())


class ByPiece(nn.Module):
    """Answers by each piece's own id: whatever moves a piece shows."""

    def forward(self, task: Task, inputs: dict[str, Tensor]) -> Tensor:
        return nn.functional.one_hot(
            inputs["input_ids"] % len(task.outputs), len(task.outputs)
        ).float()


def predicted(school: Any, model: nn.Module, data: TaskData, max_length: int = 24) -> Predictions:
    collator = school.collator(data.task, data.test, max_length)
    return predict(model, data.task, data.test, collator, Precision.FLOAT32)


def long_sentences(school: Any) -> TaskData:
    """A tagging task with sentences of up to 70 words, some of which vanish in tokenisation."""
    data: TaskData = school.data(kinds.TAGGING, test=12)
    words = [word for example in data.test for word in (*example.text, "\ue232", "anna")]
    sizes = (1, 70, 3, 40, 12, 25)
    test = tuple(
        Example(f"e{n}", f"e{n}", tuple(words[n : n + size]), ("O",) * size)
        for n, size in enumerate(sizes)
    )
    return replace(data, test=test)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_examples_does_not_change_their_answers(
    school: Any, kind: kinds.TaskKind
) -> None:
    data = school.data(kind, test=30)
    model = school.model(data)
    order = np.random.default_rng(0).permutation(30)
    shuffled = replace(data, test=tuple(data.test[n] for n in order))
    plain, other = predicted(school, model, data), predicted(school, model, shuffled)
    assert other.examples == shuffled.test
    assert other.gold == [plain.gold[n] for n in order]
    assert other.documents == [plain.documents[n] for n in order]
    for n, answer, scores in zip(order, other.labels, other.scores, strict=True):
        np.testing.assert_allclose(scores, plain.scores[n], atol=1e-6)
        assert answer == plain.labels[n] or kind is kinds.REGRESSION


@pytest.mark.parametrize("kind", KINDS)
def test_batches_do_not_change_answers(
    school: Any, kind: kinds.TaskKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = school.data(kind, test=30)
    model = school.model(data)
    together = predicted(school, model, data)
    monkeypatch.setitem(batch._PREDICT_PIECES, "cpu", 1)
    alone = predicted(school, model, data)
    assert len({len(scores) for scores in alone.scores}) == 1 or kind.words or kind.candidates
    for a, b in zip(together.scores, alone.scores, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_rows_come_once_each_the_longest_first_within_the_budget(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION, test=700)
    collator: Collator = school.collator(data.task, data.test, 24)
    batches = list(collator.by_length())
    lengths = [collator.encoded.lengths[rows] for rows in batches]
    assert sorted(np.concatenate(batches)) == list(range(700))
    assert (np.diff(np.concatenate(lengths)) <= 0).all()
    assert len(batches) > 1
    assert all(len(n) * n.max() <= batch._PREDICT_PIECES["cpu"] for n in lengths)


def test_padding_is_masked_and_stays_within_the_length_of_the_recipe(school: Any) -> None:
    data = school.data(kinds.REGRESSION, test=30)
    for max_length in (10, 11, 24):
        collator = school.collator(data.task, data.test, max_length)
        inputs = collator.inputs(np.arange(30))
        lengths = collator.encoded.lengths
        assert {tensor.shape for tensor in inputs.values()} == {inputs["input_ids"].shape}
        assert lengths.max() <= inputs["input_ids"].shape[1] <= max_length
        assert inputs["attention_mask"].sum(dim=1).tolist() == lengths.tolist()
        assert (inputs["input_ids"][inputs["attention_mask"] == 0] == collator.padding).all()
        for row, ids in enumerate(collator.encoded.ids):
            assert inputs["input_ids"][row, : len(ids)].tolist() == ids.tolist()


@pytest.mark.parametrize("max_length", [8, 9, 13, 24])
def test_windows_are_joined_to_whole_sentences(school: Any, max_length: int) -> None:
    data = long_sentences(school)
    pieces = school.tokenizer
    whole = predicted(school, ByPiece(), data, 512)
    cut = predicted(school, ByPiece(), data, max_length)
    rows = len(encode(data.task, data.test, pieces, Recipe(max_length=max_length)))
    assert (
        rows > len(encode(data.task, data.test, pieces, Recipe(max_length=512))) == len(data.test)
    )
    assert cut.labels == whole.labels
    assert cut.scores == whole.scores
    assert [len(labels) for labels in cut.labels] == [len(e.text) for e in data.test]
    for example, labels in zip(data.test, whole.labels, strict=True):
        for word, tag in zip(example.text, labels, strict=True):
            ids = pieces(word, add_special_tokens=False)["input_ids"]
            (first, *_) = ids or [pieces.unk_token_id]
            assert tag == data.task.outputs[first % len(data.task.outputs)]


@pytest.mark.parametrize(
    ("tags", "filled"),
    [
        (["B-X", None, None, "I-X"], ["B-X", "I-X", "I-X", "I-X"]),
        (["B-X", "I-X", None], ["B-X", "I-X", "O"]),
        ([None, "B-X", None, "B-X"], ["O", "B-X", "O", "B-X"]),
        (["B-X", None, "I-Y"], ["B-X", "O", "I-Y"]),
        (["O", None, "I-X", None, "O"], ["O", "O", "I-X", "O", "O"]),
        ([None, None], ["O", "O"]),
    ],
)
def test_words_without_a_piece_part_no_mention(tags: list[str | None], filled: list[str]) -> None:
    assert _filled(tags) == tuple(filled)


def test_scores_are_probabilities_of_the_answers(school: Any) -> None:
    classes = school.data(kinds.CLASSIFICATION)
    answers = predicted(school, school.model(classes), classes)
    for label, shares in zip(answers.labels, answers.scores, strict=True):
        assert sum(shares) == pytest.approx(1)
        assert classes.task.labels[int(np.argmax(shares))] == label
    several = school.data(kinds.MULTILABEL)
    answers = predicted(school, school.model(several), several)
    for labels, shares in zip(answers.labels, answers.scores, strict=True):
        chosen = (t for t, share in zip(several.task.labels, shares, strict=True) if share > 0.5)
        assert labels == tuple(chosen)
    values = school.data(kinds.REGRESSION)
    answers = predicted(school, school.model(values), values)
    assert [[label] for label in answers.labels] == answers.scores
    assert all(type(label) is float for label in answers.labels)


def test_predicting_draws_no_random_numbers_and_keeps_no_gradients(school: Any) -> None:
    data = school.data(kinds.CLASSIFICATION)
    model = school.model(data)
    before = torch.get_rng_state()
    first, second = predicted(school, model, data), predicted(school, model, data)
    assert torch.equal(torch.get_rng_state(), before)
    assert first.scores == second.scores
    assert all(parameter.grad is None for parameter in model.parameters())


def test_predicting_pads_little(school: Any) -> None:
    """Rows of like length stand together, in batches that a CPU's cache holds."""
    data = school.data(kinds.CLASSIFICATION, test=2000)
    collator = school.collator(data.task, data.test, 24)
    rounded = np.ceil(collator.encoded.lengths / 8) * 8  # as widths are
    batches = list(collator.by_length())
    assert sorted(np.concatenate(batches)) == list(range(2000))
    shapes = [collator.inputs(rows)["input_ids"].shape for rows in batches]
    assert all(rows * width <= 1024 for rows, width in shapes)
    assert sum(rows * width for rows, width in shapes) < 1.05 * rounded.sum()
