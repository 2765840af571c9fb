"""Stages that learn adapters: every kind of them, what they keep, hand on and take home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from transformers import pipeline

from transfer_study.data.encoders import limits
from transfer_study.errors import EncoderError
from transfer_study.execute.disk import forecast
from transfer_study.execute.executor import Todo
from transfer_study.execute.in_process import InProcess
from transfer_study.execute.materials import read_materials, tokenizer_of
from transfer_study.execute.progress import Silent
from transfer_study.execute.run_stage import run_stage
from transfer_study.execute.start import begin
from transfer_study.execute.suspend import Keeping, Suspended
from transfer_study.learn.checkpoint import read_state
from transfer_study.learn.models.model import build_model, load_heads
from transfer_study.learn.predict import predict
from transfer_study.session.plans import make_plan
from transfer_study.store.predictions import StoredAnswers
from transfer_study.store.store import Store
from transfer_study.study.plan import Plan
from transfer_study.study.stage import Stage, StageKind
from transfer_study.study.study import Study
from transfer_study.take_home.export import Wanted, export_model

LORA = {"kind": "lora", "rank": 2}
BOTTLENECK = {"kind": "bottleneck", "size": 4}
BOTH = pytest.mark.parametrize("adapter", [LORA, BOTTLENECK], ids=["lora", "bottleneck"])
RECIPE = {"epochs": 2, "batch_size": 8, "max_length": 16, "precision": "float32"}


def adapted(study: Study, adapter: dict[str, Any] | None, **changes: Any) -> Plan:
    recipe = {**RECIPE, "adapter": adapter, "learning_rate": 0.01}
    written = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    written |= {"refine": recipe, "finetune": recipe, "heads": RECIPE}
    return make_plan(Study.model_validate({**written, **changes}))


def pretraining(folder: Path) -> dict[str, Any]:
    lines = [f"we saw {who} near the {what} house" for who in ("anna", "bob") for what in ("red",)]
    (folder / "lines.txt").write_text("\n".join(lines * 4) + "\n")
    return {"texts": [str(folder / "lines.txt")], "held_out": 0.4, "masked": 0.4, **RECIPE}


def files(folder: Path) -> set[str]:
    """The names of what is in a folder, the commit record left out."""
    return {path.name for path in folder.iterdir()} - {"model.json"}


def answers_from_what_is_kept(stage: Stage, store: Store) -> None:
    """A stage's model, built from its folder alone, gives its stored test answers to the bit."""
    heads = [(member.task, member.data.key) for member in stage.tasks]
    folder = store.checked_model(stage)
    model = build_model(stage.encoder, folder, heads, stage.seed, stage.recipe)
    load_heads(model, folder)
    materials = read_materials(stage, tokenizer_of(stage), torch.device("cpu"))
    record = store.record(stage)
    same = [n for n, epoch in record.selected_epoch.items() if epoch == record.handed_on_epoch]
    assert same
    for name in same:
        m = materials[name]
        now = predict(model, m.task, m.data.test, m.collators["test"], stage.recipe.precision)
        before = StoredAnswers(store).answers(stage, m.task)
        assert now.labels == list(before.predicted)
        assert before.scores is not None
        stored = pa.array(now.scores, before.scores.type)
        assert stored.equals(before.scores.combine_chunks())


@BOTH
@pytest.mark.parametrize("pretrained", [False, True])
def test_every_kind_of_stage_learns_an_adapter_and_keeps_it_alone(
    study: Study, tmp_path: Path, adapter: dict[str, Any], pretrained: bool
) -> None:
    arms = ["single", "pairs", "full", "sequential", "heads-only", "distil"]
    pretrain = {"pretrain": {**pretraining(tmp_path), "compare": False}} if pretrained else {}
    plan, store = adapted(study, adapter, arms=arms, **pretrain), Store(tmp_path / "store")
    expected = forecast(plan, store, None)
    InProcess().run(Todo(plan, plan.parents()), store, Silent())
    assert {stage.kind for stage in plan} == {*StageKind} - {
        StageKind.SOFT,
        *(() if pretrained else (StageKind.PRETRAIN,)),
    }
    kept = 0
    for stage in plan:
        assert store.is_done(stage)
        lora = adapter is LORA and stage.recipe.adapter is not None
        assert ("peft" in store.record(stage).provenance.versions) is lora
        if not store.has_model(stage) or stage.kind in (StageKind.PRETRAIN, StageKind.HEADS):
            continue
        kept += 1
        alone = {"adapter.json", "adapter.safetensors", "heads.safetensors"}
        whole = {"config.json", "model.safetensors"} if pretrained else set()
        assert files(store.checked_model(stage)) == alone | whole
        answers_from_what_is_kept(stage, store)
    assert kept == 6  # two tasks alone and fine-tuned, both together, and taught
    # Each file has a header, and the heads are counted with nothing.
    models = sum(f.stat().st_size for f in (store.root / "models").rglob("*.safetensors"))
    assert 0 <= models - expected.needed.bytes <= 8_000 * (kept + pretrained)


@BOTH
def test_a_stage_starts_from_its_parents_adapter(
    study: Study, tmp_path: Path, adapter: dict[str, Any]
) -> None:
    plan, store = adapted(study, adapter), Store(tmp_path / "store")
    child = next(s for s in plan if s.parents and len(s.parents[0].tasks) == 2)
    run_stage(child.parents[0], store, keep_model=True)
    cpu = torch.device("cpu")
    model, _ = begin(child, store, read_materials(child, tokenizer_of(child), cpu), cpu)
    tensors = load_file(store.checked_model(child.parents[0]) / "adapter.safetensors")
    now, drawn = model.state_dict(), build_model(child.encoder, None, [], 0, child.recipe)
    for name, tensor in tensors.items():
        assert torch.equal(now[name], tensor)
        assert not torch.equal(drawn.state_dict()[name], tensor)


def test_all_weights_learn_after_an_adapter(study: Study, tmp_path: Path) -> None:
    plan = adapted(study, LORA, finetune=RECIPE)
    store = Store(tmp_path / "store")
    child = next(s for s in plan if s.parents and len(s.parents[0].tasks) == 2)
    run_stage(child.parents[0], store, keep_model=True)
    run_stage(child, store, keep_model=True)
    assert files(store.checked_model(child)) == {
        "config.json",
        "model.safetensors",
        "heads.safetensors",
    }


class After:
    """Asks a stage to stop at its n-th update or end of an epoch."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self) -> bool:
        self.n -= 1
        return self.n < 0


@BOTH
def test_a_stage_that_was_broken_off_goes_on_to_the_same_bytes(
    study: Study, tmp_path: Path, adapter: dict[str, Any]
) -> None:
    stage = next(s for s in adapted(study, adapter) if len(s.tasks) == 2)
    undisturbed, broken = Store(tmp_path / "undisturbed"), Store(tmp_path / "broken")
    run_stage(stage, undisturbed, keep_model=True)
    with pytest.raises(Suspended):
        run_stage(stage, broken, keep_model=True, keeping=Keeping(0, After(9)))
    (state,) = (p for p in (broken.root / "checkpoints").rglob("*") if p.is_file())
    held = read_state(state, torch.device("cpu"))["state"]
    for weights in (held["updates"]["model"], *held["selection"]["states"].values()):
        assert weights
        assert not [name for name in weights if "base_layer" in name or "embeddings" in name]
    run_stage(stage, broken, keep_model=True)
    for name in ("adapter.safetensors", "heads.safetensors"):
        one, other = (s.checked_model(stage) / name for s in (undisturbed, broken))
        assert one.read_bytes() == other.read_bytes()
    for file in undisturbed.files(stage):
        if file.endswith(".parquet"):
            assert undisturbed.read(stage, file) == broken.read(stage, file)


@BOTH
def test_a_model_taken_home_needs_no_library_of_adapters(
    study: Study, tmp_path: Path, adapter: dict[str, Any]
) -> None:
    plan, store = adapted(study, adapter, readings=["refine"]), Store(tmp_path / "store")
    InProcess().run(Todo(plan, plan.parents()), store, Silent())
    for name, kind in (("colour", "text-classification"), ("people", "token-classification")):
        exported = export_model(
            plan, store, Wanted(task=name, arm="pair"), tmp_path / f"home-{name}"
        )
        assert exported.card.checked == {name: 9}
        found = files(exported.folder)
        assert "adapter.json" not in found and "adapter_config.json" not in found
        assert exported.card.loader is ("load_model.py" in found) is (adapter is BOTTLENECK)
        assert "adapter" in exported.card.markdown()
        if adapter is LORA:
            assert pipeline(kind, model=str(exported.folder))("the red house")
    wanted = Wanted(task="people", multi=True, arm="pair")
    assert export_model(plan, store, wanted, tmp_path / "both").card.checked.keys() == {
        "colour",
        "people",
    }


def test_lora_without_its_library_is_told_before_anything_runs(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "find_spec", lambda _: None)
    with pytest.raises(EncoderError, match=r"pip install 'transfer-study\[adapters\]'"):
        adapted(study, LORA)
    adapted(study, BOTTLENECK)
    adapted(study, None)
