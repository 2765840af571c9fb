"""A stage that is broken off goes on to the same bytes, wherever it was broken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from transfer_study.learn.checkpoint import Hold, State, read_state, write_state
from transfer_study.learn.losses import LearningError
from transfer_study.learn.models.model import MultiTaskModel
from transfer_study.learn.models.soft import SoftlyShared
from transfer_study.learn.train import Learned, train
from transfer_study.learn.updates import Updates
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.tasks import kinds

CPU = torch.device("cpu")


class BrokenOffError(Exception):
    pass


class Holding(Hold):
    """Keeps the state and breaks off when it is asked for the n-th time; goes on from a file."""

    def __init__(self, file: Path, at: int | None) -> None:
        self.file = file
        self.at = at
        self.asked = 0

    def found(self, device: torch.device) -> State | None:
        return read_state(self.file, device) if self.file.exists() else None

    def __call__(self, state: Callable[[], State]) -> None:
        self.asked += 1
        if self.asked == self.at:
            write_state(self.file, state())
            raise BrokenOffError


class Learning:
    """One way to learn, begun as often as it is broken off."""

    def __init__(self, school: Any, file: Path, soft: bool = False, **recipe: Any) -> None:
        tasks = recipe.pop("tasks", (kinds.CLASSIFICATION, kinds.TAGGING))
        self.school, self.file, self.soft = school, file, soft
        self.data = [school.data(kind, train=20, dev=8, test=8) for kind in tasks]
        written = {**school.recipe.model_dump(), "epochs": 3, "head_dropout": 0.3, **recipe}
        self.recipe = Recipe.model_validate(written)
        self.model: Any = None

    def __call__(self, at: int | None, seed: int = 0) -> tuple[Learned, int]:
        """Learn until it breaks off; the seed is that of whatever was drawn before it goes on."""
        if self.soft:
            members = {d.task.name: self.school.model(d, dropout=0.3) for d in self.data}
            self.model = SoftlyShared(members)
        else:
            self.model = self.school.model(*self.data, dropout=0.3)
        torch.manual_seed(seed)
        hold = Holding(self.file, at)
        materials = self.school.materials(*self.data)
        told = train(self.model, materials, self.recipe, 0, lambda _: None, None, hold)
        return told, hold.asked


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The rows of every update that is made, in order."""
    made: list[Any] = []
    update = Updates._update

    def noted(self: Any, batches: Any) -> Any:
        made.append([(name, rows.tolist()) for name, rows in batches])
        return update(self, batches)

    monkeypatch.setattr(Updates, "_update", noted)
    yield made


def said(learned: Learned) -> dict[str, Any]:
    """All that a stage says, times left out."""
    clocks = {"train_seconds", "dev_seconds"}
    return {
        "history": [{k: v for k, v in e.items() if k not in clocks} for e in learned.history],
        "selected": learned.selected,
        "handed_on": learned.handed_on,
        "predictions": {key: (p.labels, p.scores) for key, p in learned.predictions.items()},
        "every_epoch": {key: (p.labels, p.scores) for key, p in learned.every_epoch.items()},
    }


def weights(model: MultiTaskModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


WAYS: dict[str, dict[str, Any]] = {
    "pair": {},
    "alone": {"tasks": (kinds.REGRESSION,), "patience": 1},
    "test selects": {"selection": "best_test"},
    "last": {"selection": "last", "bias_correction": False},
    "BERT's optimiser": {"optimizer": "bert_adam", "schedule": "warmup_linear"},
    "MT-DNN's optimiser": {"optimizer": "bert_adamax", "max_tensor_norm": 1.0},
    "uncertainty": {"loss_weights": "uncertainty"},
    "every task": {"updates": "every_task", "aggregation": "pcgrad"},
    "soft": {"soft": True},
    "skipping": {"non_finite": "skip", "tasks": (kinds.MULTILABEL, kinds.MULTIPLE_CHOICE)},
    "bfloat16": {"precision": "bfloat16"},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_stage_broken_off_after_every_update_ends_as_if_it_had_not_been(
    way: str, school: Any, tmp_path: Path, order: list[Any]
) -> None:
    undisturbed = Learning(school, tmp_path / "none", **WAYS[way])
    expected, asked = undisturbed(None)
    whole_order, end = list(order), weights(undisturbed.model)
    order.clear()
    broken = Learning(school, tmp_path / "state", **WAYS[way])
    for seed in range(asked):  # each does one more update, or the end of one more epoch
        with pytest.raises(BrokenOffError):
            broken(1, seed)
    learned, more = broken(None, 99)
    assert (more, order) == (0, whole_order) and len(whole_order) >= 6
    assert said(learned) == said(expected)
    gone_on = weights(broken.model)
    assert all(torch.equal(gone_on[name], end[name]) for name in end)


def test_a_state_that_is_kept_changes_nothing(school: Any, tmp_path: Path) -> None:
    class Keeping(Hold):
        def __call__(self, state: Callable[[], State]) -> None:
            write_state(tmp_path / "state", state())

    plain, kept = (Learning(school, tmp_path / "none") for _ in range(2))
    expected, _ = plain(None)
    torch.manual_seed(0)
    kept.model = school.model(*kept.data, dropout=0.3)
    torch.manual_seed(0)
    materials = school.materials(*kept.data)
    told = train(kept.model, materials, kept.recipe, 0, lambda _: None, None, Keeping())
    assert said(told) == said(expected)


def test_a_state_reads_back_as_it_was_written(tmp_path: Path) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    state = {
        "same": [shared, shared],
        "row": shared[1],
        "none": None,
        "empty": torch.zeros(0),
        "bytes": torch.arange(4, dtype=torch.uint8),
        ("task", 3): {1: (0.1, "a", ("b",)), 2: [float("inf"), -0.0]},
    }
    write_state(tmp_path / "state", state)
    found = read_state(tmp_path / "state", CPU)
    assert list(found) == list(state)
    assert torch.equal(found["same"][0], shared) and found["same"][0] is found["same"][1]
    assert torch.equal(found["row"], shared[1]) and found["empty"].shape == (0,)
    assert found["bytes"].dtype == torch.uint8
    assert found[("task", 3)] == state[("task", 3)] and found["none"] is None
    assert type(found[("task", 3)][1]) is tuple


def test_updates_that_went_wrong_are_skipped_and_counted(school: Any, tmp_path: Path) -> None:
    data = school.data(kinds.REGRESSION, train=128)
    (wrong, *others) = data.train
    data = replace(data, train=(replace(wrong, label=float("nan")), *others))
    _, learned = school.learn(data, epochs=3, non_finite="skip")
    assert [epoch["skipped"] for epoch in learned.history] == [1, 1, 1]
    assert all(epoch["loss"]["cats"] > 0 for epoch in learned.history)
    assert learned.history[-1]["dev"]["cats"] > 0.5  # it learned from all the others


def test_many_updates_that_went_wrong_end_the_stage(school: Any) -> None:
    data = school.relabelled(school.data(kinds.REGRESSION), "train", float("nan"))
    with pytest.raises(LearningError, match="and 8 updates of the epoch, more than are skipped"):
        school.learn(data, non_finite="skip")
