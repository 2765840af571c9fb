"""An attempt at a stage that was broken off is taken up where it was, by whatever process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from transfer_study.execute import kept_state as kept_state_module
from transfer_study.execute.program import Program
from transfer_study.execute.run_stage import run_stage
from transfer_study.execute.suspend import Keeping, Suspended
from transfer_study.session.plans import make_plan
from transfer_study.store import checkpoints as checkpoints_module
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study

CODE = """\
import sys
from pathlib import Path
from transfer_study.execute.run_stage import run_stage
from transfer_study.execute.suspend import Keeping
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

run_stage(
    Stage.model_validate_json(sys.stdin.readline()),
    Store(Path(sys.argv[1])),
    keep_model=False,
    keeping=Keeping(minutes=1e-9),
)
"""


WHO, COLOURS = ("anna", "bob", "we", "saw", "the", "house"), ("red", "blue", "anna")


class After:
    """Asks a stage to stop at its n-th update or end of an epoch."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self) -> bool:
        self.n -= 1
        return self.n < 0


def bytes_of(store: Store, stage: Stage) -> dict[str, bytes]:
    """What a stage answers, and its weights."""
    timed = ("stage.json", "history.jsonl")
    files = {file: store.read(stage, file) for file in store.files(stage) if file not in timed}
    folder = store.checked_model(stage)
    model = (path for path in folder.rglob("*.safetensors") if path.is_file())
    return files | {f"model/{path.relative_to(folder)}": path.read_bytes() for path in model}


def kept(store: Store) -> list[Path]:
    return sorted((store.root / "checkpoints").rglob("*-*"))[1:]


def pair_of(study: Study) -> Stage:
    return next(stage for stage in make_plan(study) if len(stage.tasks) == 2)


def end(stage: Stage, store: Store) -> None:
    run_stage(stage, store, keep_model=True, keeping=Keeping(0))


def break_off(stage: Stage, store: Store, after: int) -> None:
    with pytest.raises(Suspended):
        run_stage(stage, store, keep_model=True, keeping=Keeping(0, After(after)))


def longer(study: Study, **more: Any) -> Study:
    recipe = study.refine.model_copy(update={"epochs": 3, "batch_size": 4})
    return study.model_copy(update={"refine": recipe, **more})


def test_every_kind_of_stage_goes_on_to_the_same_bytes(study: Study, tmp_path: Path) -> None:
    written = study.model_dump(mode="json", by_alias=True, exclude_unset=True)
    recipe = {"epochs": 2, "batch_size": 8, "max_length": 16, "precision": "float32"}
    written |= {"arms": ["single", "pairs", "heads-only", "soft", "distil"], "refine": recipe}
    written |= {
        "finetune": recipe,
        "heads": recipe,
        "pretrain": {
            "texts": [str(tmp_path / "lines.txt")],
            "held_out": 0.4,
            "masked": 0.4,
            **recipe,
        },
    }
    lines = "".join(f"we saw {who} near the {colour} house\n" for who in WHO for colour in COLOURS)
    (tmp_path / "lines.txt").write_text(lines)
    plan = make_plan(Study.model_validate(written))
    undisturbed, broken = Store(tmp_path / "undisturbed"), Store(tmp_path / "broken")
    kinds = set()
    for stage in plan:
        end(stage, undisturbed)
        times = 0
        while True:
            try:
                keeping = Keeping(0, After(times % 4))
                run_stage(stage, broken, keep_model=True, keeping=keeping)
                break
            except Suspended:
                times += 1
                assert not broken.is_done(stage) and kept(broken)
        assert times >= 2 and not kept(broken)  # broken off, and nothing is left once it is done
        assert bytes_of(broken, stage) == bytes_of(undisturbed, stage)
        kinds.add((stage.kind, bool(stage.parents)))
    assert len(kinds) >= 6


def test_a_process_that_is_killed_is_gone_on_from_by_another(study: Study, tmp_path: Path) -> None:
    stage = pair_of(longer(study))
    whole, store = Store(tmp_path / "whole"), Store(tmp_path / "store")
    end(stage, whole)
    folder = str(store.root)
    with subprocess.Popen([sys.executable, "-c", CODE, folder], stdin=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        worker.stdin.write(stage.model_dump_json().encode() + b"\n")
        worker.stdin.flush()
        deadline = time.monotonic() + 60
        while len(kept(store)) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(worker.pid, signal.SIGKILL)
    assert not store.is_done(stage) and len(kept(store)) in (1, 2, 3)
    end(stage, store)
    assert bytes_of(store, stage) == bytes_of(whole, stage)
    (continued,) = (
        json.loads(store.read(stage, "stage.json"))["provenance"].get(k) for k in ["continued"]
    )
    assert continued["epoch"] >= 1 and continued["updates"] >= 0
    lines = store.read(stage, "history.jsonl").decode().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3]
    assert not kept(store)


def test_a_damaged_state_falls_back_to_the_one_before_it(study: Study, tmp_path: Path) -> None:
    stage = pair_of(longer(study))
    whole, store = Store(tmp_path / "whole"), Store(tmp_path / "store")
    end(stage, whole)
    begun: list[Any] = []

    def continued(damage: Any) -> Any:
        break_off(stage, store, 5)
        break_off(stage, store, 0)
        before, last = kept(store)
        damage(before, last)
        end(stage, store)
        begun.append(json.loads(store.read(stage, "stage.json"))["provenance"].get("continued"))
        assert bytes_of(store, stage) == bytes_of(whole, stage)
        for part in ("stages", "models"):
            (store.root / part / stage.name).rename(tmp_path / f"{part}-{len(begun)}")

    def cut(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:-1])

    def flip(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    continued(lambda before, last: None)
    continued(lambda before, last: cut(last))
    continued(lambda before, last: flip(last))
    continued(lambda before, last: last.unlink())
    continued(lambda before, last: (cut(before), flip(last)))
    whole_state, *fallen_back, anew = begun
    assert fallen_back == [{**whole_state, "updates": whole_state["updates"] - 1}] * 3
    assert anew is None


def test_no_state_of_other_code_is_gone_on_from(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, store = pair_of(longer(study)), Store(tmp_path / "store")
    break_off(stage, store, 6)
    other = Program.here().model_copy(update={"content": "other"})
    monkeypatch.setattr(kept_state_module.Program, "here", lambda: other)
    end(stage, store)
    assert "continued" not in json.loads(store.read(stage, "stage.json"))["provenance"]
    assert not kept(store)  # those of the other code neither


def test_a_disk_without_room_ends_no_stage(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, store = pair_of(longer(study)), Store(tmp_path / "store")

    def full(_: Any, path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(checkpoints_module, "make_folders", full)
    run_stage(stage, store, keep_model=False, keeping=Keeping(minutes=1e-9))
    assert store.is_done(stage)
