"""Updates that are recorded once and replayed: the same ones, without a number read on the host.

What records here runs the step itself, as a graph's replay does; a GPU's own graphs are tried by
benchmarks/gpu_check.py.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from transfer_study.data.tokens.encode import IGNORED, targets
from transfer_study.learn import train as learning
from transfer_study.learn.batch import STATES
from transfer_study.learn.models.soft import SoftlyShared
from transfer_study.learn.optimise.weigh import FixedWeights, UncertaintyWeights
from transfer_study.learn.replay import ReplayedUpdates, Step, build_updates, can_replay
from transfer_study.learn.resident import Resident
from transfer_study.learn.updates import Updates
from transfer_study.study.tasks import kinds

COLOUR, PETS, CATS = kinds.CLASSIFICATION, kinds.MULTILABEL, kinds.REGRESSION
PEOPLE, REDS = kinds.TAGGING, kinds.MULTIPLE_CHOICE
CPU = torch.device("cpu")
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "gpu_check.py"


def goals(school: Any, material: Any) -> Any:
    train = material.collators["train"]
    return targets(material.task, material.data.train, train.encoded, school.recipe)


@pytest.mark.parametrize("kind", [COLOUR, PETS, CATS, PEOPLE], ids=str)
def test_a_batch_gathered_on_the_device_is_the_collators(school: Any, kind: Any) -> None:
    (material,) = school.materials(school.data(kind)).values()
    collator = material.collators["train"]
    drawn = torch.Generator().manual_seed(0)
    states = tuple(torch.randn(len(ids), 3, generator=drawn) for ids in collator.encoded.ids)
    collator = replace(collator, states=states)
    resident = Resident.of(collator, goals(school, material))
    widths = set()
    for rows in np.random.default_rng(0).permutation(64).reshape(8, 8):
        width = resident.width(rows)
        widths.add(width)
        inputs, wanted = resident.batch(torch.from_numpy(rows), width)
        expected = collator.inputs(rows)
        longest = int(collator.encoded.lengths[rows].max())
        assert inputs.keys() == expected.keys()
        for name, tensor in inputs.items():
            assert tensor.dtype == expected[name].dtype
            assert tensor.shape[1] == width >= longest
            assert torch.equal(tensor[:, :longest], expected[name][:, :longest])
        assert width <= collator.encoded.lengths.max()  # an encoder may have no more positions
        assert not inputs["attention_mask"][:, longest:].any()
        assert not inputs[STATES][:, longest:].any()
        assert (inputs["input_ids"][:, longest:] == collator.padding).all()
        right = collator.targets(rows, goals(school, material))
        if kind is PEOPLE:
            assert torch.equal(wanted[:, :longest], right[:, :longest])
            assert (wanted[:, longest:] == IGNORED).all()
        else:
            assert torch.equal(wanted, right)
    assert len(widths) < 8  # few shapes, whatever the batches


class HostReadError(RuntimeError):
    """A number was read from a tensor."""


class NothingRead(TorchDispatchMode):
    """Refuses what waits for a device, and what a device cannot know beforehand."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select"):
            raise HostReadError(name)
        return func(*args, **(kwargs or {}))


class Recorder:
    """Records a step as a device does: what it replays may read nothing on the host."""

    def __init__(self) -> None:
        self.recorded = 0

    def __call__(self, step: Step) -> Step:
        self.recorded += 1

        def replay() -> None:
            with NothingRead():
                step()

        return replay


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is while a graph is recorded, where transformers leaves masks unread."""
    monkeypatch.setattr("transformers.utils.import_utils.is_cuda_stream_capturing", lambda: True)


@pytest.fixture
def replaying(monkeypatch: pytest.MonkeyPatch, recording: None) -> list[ReplayedUpdates]:
    """Has stages make their updates as on a device that replays; those that were built."""
    made: list[ReplayedUpdates] = []

    def build(*given: Any) -> ReplayedUpdates:
        made.append(ReplayedUpdates(*given, record=Recorder()))
        return made[-1]

    monkeypatch.setattr(learning, "build_updates", build)
    return made


EXACT = {"head_dropout": 0.0, "epochs": 4}


def without_dropout(school: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And in float64: Adam makes steps of gradients that are hardly more than rounding."""
    build = type(school).model

    def exact(self: Any, *data: Any, **how: Any) -> Any:
        model = build(self, *data, **how)
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        return model.double()

    monkeypatch.setattr(type(school), "model", exact)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias_correction": False},
        {"loss_weights": "by_size"},
        {"max_tensor_norm": 0.1, "layer_decay": 0.8},
    ],
    ids=str,
)
def test_replayed_updates_come_to_the_same_weights(
    school: Any, monkeypatch: pytest.MonkeyPatch, request: Any, changes: dict[str, Any]
) -> None:
    """After 84 updates of four tasks, one of which has a batch of three rows in every epoch."""
    without_dropout(school, monkeypatch)
    data = [school.data(COLOUR, 43), *(school.data(kind, 40) for kind in (PETS, CATS, PEOPLE))]
    before, alone = school.learn(*data, **EXACT, **changes)
    made = request.getfixturevalue("replaying")
    after, replayed = school.learn(*data, **EXACT, **changes)
    (updates,) = made
    shapes = updates._shapes.values()
    updates_made = sum(epoch["updates"] for epoch in replayed.history)
    assert updates_made == 84 and updates.fault is None
    assert sum(shape.made for shape in shapes) == updates_made - 4  # the batches of three rows
    assert updates.replayed == sum(max(shape.made - 3, 0) for shape in shapes) > 40
    assert replayed.history[-1]["replayed"] == updates.replayed
    there = after.state_dict()
    for name, tensor in before.state_dict().items():
        # Softmax cancels a bias of keys: its gradients are noise, which Adam makes as large as any.
        assert "key.bias" in name or torch.allclose(tensor, there[name], atol=1e-5), name
    for one, two in zip(alone.history, replayed.history, strict=True):
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
        assert two["dev"] == pytest.approx(one["dev"], abs=1e-3)


@pytest.mark.usefixtures("replaying")
def test_dropout_is_drawn_anew_in_every_replay(school: Any) -> None:
    _, one = school.learn(school.data(COLOUR), epochs=6)
    _, two = school.learn(school.data(COLOUR), epochs=6, seed=1)
    _, again = school.learn(school.data(COLOUR), epochs=6)
    losses = [[epoch["loss"]["colour"] for epoch in learned.history] for learned in (one, two)]
    assert losses[0] != losses[1]
    assert [epoch["loss"]["colour"] for epoch in again.history] == losses[0]
    assert one.history[-1]["dev"]["colour"] > 0.9  # and it learns


def test_what_cannot_be_recorded_is_made_as_ever(
    school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mask is read on the host here, as an encoder's own code may do anywhere."""
    without_dropout(school, monkeypatch)

    class Refusing(Recorder):
        def __call__(self, step: Step) -> Step:
            super().__call__(step)
            raise RuntimeError("operation not permitted when stream is capturing\nat some line")

    made: list[ReplayedUpdates] = []

    def build(*given: Any) -> ReplayedUpdates:
        made.append(ReplayedUpdates(*given, record=Refusing()))
        return made[-1]

    before, _ = school.learn(school.data(COLOUR), **EXACT)
    monkeypatch.setattr(learning, "build_updates", build)
    after, learned = school.learn(school.data(COLOUR), **EXACT)
    (updates,) = made
    assert updates._record.recorded == 1  # asked once, and not at every update
    told = {"replayed": 0, "fault": "operation not permitted when stream is capturing"}
    assert told.items() <= learned.history[-1].items()
    for one, two in zip(before.state_dict().values(), after.state_dict().values(), strict=True):
        assert torch.allclose(one, two, atol=1e-5)


def test_gradients_of_a_recording_that_broke_off_are_added_to_no_others(
    school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be recorded may come late in an update, when there are gradients."""
    without_dropout(school, monkeypatch)

    def refuse(*_: Any) -> None:
        raise RuntimeError("not permitted")

    def breaks_off(step: Step) -> Step:
        with monkeypatch.context() as recording:
            recording.setattr(torch.optim.AdamW, "step", refuse)
            step()
        raise AssertionError("it was recorded")

    before, _ = school.learn(school.data(COLOUR), **EXACT)
    monkeypatch.setattr(
        learning, "build_updates", lambda *given: ReplayedUpdates(*given, record=breaks_off)
    )
    after, learned = school.learn(school.data(COLOUR), **EXACT)
    assert learned.history[-1]["fault"] == "not permitted"
    there = after.state_dict()
    for name, tensor in before.state_dict().items():
        assert "key.bias" in name or torch.allclose(tensor, there[name], atol=1e-5), name


def test_the_recorder_of_these_tests_sees_what_is_read(
    school: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it could not tell that a step reads nothing."""
    monkeypatch.setattr(
        learning, "build_updates", lambda *given: ReplayedUpdates(*given, record=Recorder())
    )
    with pytest.raises(HostReadError):  # transformers reads the mask, unless it is being recorded
        school.learn(school.data(COLOUR))


def test_only_updates_that_are_nothing_but_kernels_are_replayed(school: Any) -> None:
    data = [school.data(COLOUR), school.data(PEOPLE)]
    model, materials, recipe = school.model(*data), school.materials(*data), school.recipe

    def can(changes: dict[str, Any], weights: Any = None, **other: Any) -> bool:
        given = {"model": model, "materials": materials, **other}
        changed = recipe.model_copy(update=changes)
        return can_replay(given["model"], given["materials"], changed, weights)

    tasks = [d.task for d in data]
    assert can({})
    assert can({}, FixedWeights({"colour": 1.0, "people": 1.0}, CPU))
    assert not can({}, UncertaintyWeights(tasks, CPU))
    assert not can({"optimizer": "bert_adam"})
    assert not can({"updates": "every_task"})
    assert not can({}, model=SoftlyShared({d.task.name: school.model(d) for d in data}))
    assert not can({}, materials=school.materials(school.data(REDS)))
    taught = {name: replace(m, taught=[np.zeros(2)]) for name, m in materials.items()}
    assert not can({}, materials=taught)
    # And none on a CPU, whose results are promised to the byte.
    assert type(build_updates(model, materials, {}, recipe, {}, None)) is Updates


def test_rows_of_several_sequences_do_not_lie_on_a_device(school: Any) -> None:
    (material,) = school.materials(school.data(REDS)).values()
    with pytest.raises(ValueError, match="several sequences"):
        Resident.of(material.collators["train"], goals(school, material))


def test_the_check_for_a_gpu_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one, so that the few minutes on a device need no repair of the script."""
    spec = spec_from_file_location("gpu_check", BENCHMARK)
    assert spec is not None and spec.loader is not None
    script = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_check", script)
    spec.loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py", "--train", "160", "--rounds", "1"])
    assert script.main() == 0
    told = capsys.readouterr().out
    assert "FAIL" not in told and told.count("ok ") == 11
    assert told.count("ratio") == 2
