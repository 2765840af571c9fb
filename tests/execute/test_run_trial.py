"""A trial learns as its stage would; test is not touched by it, and of the store no stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from transfer_study.data.tokens import encode as encode_module
from transfer_study.execute import materials as materials_module
from transfer_study.execute.run_stage import run_stage
from transfer_study.execute.run_trial import run_trial
from transfer_study.learn import train as train_module
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study
from transfer_study.study.tasks.example import Example


def test_a_trial_says_of_dev_what_its_stage_does_and_leaves_nothing(
    small_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = read_study(small_study, ["arms=[single]", "seeds=[5]"])
    store = Store(tmp_path / "store")
    seen: list[Sequence[Example]] = []
    predict, encode = train_module.predict, materials_module.encode_once

    def predicted(model: Any, task: Any, examples: Sequence[Example], *rest: Any) -> Any:
        seen.append(examples)
        return predict(model, task, examples, *rest)

    def encoded(task: Any, examples: Sequence[Example], *rest: Any, **more: Any) -> Any:
        seen.append(examples)
        return encode(task, examples, *rest, **more)

    for stage in make_plan(study):
        told: dict[int, float] = {}
        with monkeypatch.context() as patch:
            patch.setattr(train_module, "predict", predicted)
            patch.setattr(materials_module, "encode_once", encoded)
            run_trial(stage, store, told.__setitem__)
        run_stage(stage, Store(tmp_path / "other"), keep_model=False)
        (name,) = stage.task_names
        lines = Store(tmp_path / "other").read(stage, "history.jsonl").decode().splitlines()
        history = [json.loads(line) for line in lines]
        assert told == {epoch["epoch"]: epoch["dev"][name] for epoch in history}
        data = materials_module.load_planned_once(stage.tasks[0])
        assert data.dev in seen and data.train in seen
        ids = {id(example) for examples in seen for example in examples}
        assert data.test and not ids.intersection(map(id, data.test))
    assert not (store.root / "stages").exists()
    assert encode_module.encode_once is encode
