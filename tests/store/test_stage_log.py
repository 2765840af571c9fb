"""What is said of stages as they run: appended, bounded, without secrets, and never in the way."""

from __future__ import annotations

import errno
import json
import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from transfer_study.store.runs import stage_log
from transfer_study.store.runs.stage_log import StageLog, logged, without_secrets
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


def test_a_stage_that_ends_warns_and_fails_says_so(store: Store, stage: Stage) -> None:
    with logged(stage, store, "0123abcd") as say, warnings.catch_warnings():
        warnings.simplefilter("always")
        say("epoch", epoch=1, loss={"a": float("nan"), "b": 0.1234567})
        with pytest.warns(UserWarning, match="thin"):
            warnings.warn("thin ice", stacklevel=1)
    with pytest.raises(ValueError, match="fell"), logged(stage, store, "4567cdef"):
        raise ValueError("it fell")
    with pytest.raises(KeyboardInterrupt), logged(stage, store, "89ab0123"):
        raise KeyboardInterrupt
    lines = (store.logs / f"{stage.name}.jsonl").read_text(encoding="utf-8").splitlines()
    said = list(map(json.loads, lines))
    assert [line["event"] for line in said if line["event"] != "warning"] == [
        *("begins", "epoch", "done"),
        *("begins", "failed", "begins", "interrupted"),
    ]
    assert {line["process"] for line in said} == {os.getpid()}
    assert said[0]["attempt"] == "0123abcd"
    epoch = next(line for line in said if line["event"] == "epoch")
    assert epoch["loss"] == {"a": None, "b": 0.123457}
    assert next(line for line in said if line["event"] == "failed")["message"] == (
        "ValueError: it fell"
    )


def test_warnings_of_a_stage_are_logged_and_shown(store: Store, stage: Stage) -> None:
    shown: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: shown.append(str(message))
        with logged(stage, store, "0123abcd"):
            for _ in range(30):
                warnings.warn("thin ice", stacklevel=1)
    assert len(shown) == 30
    of_warnings = [s for s in StageLog(store, stage.name).last(99) if s["event"] == "warning"]
    assert len(of_warnings) == 20
    assert of_warnings[0]["message"] == "UserWarning: thin ice"


def test_a_log_stays_bounded_and_keeps_its_end(
    store: Store, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_log, "_MOST_BYTES", 20_000)
    log = StageLog(store, stage.name)
    for n in range(500):
        log.say("epoch", epoch=n, message="x" * 10_000)
    size = sum(path.stat().st_size for path in store.logs.iterdir())
    assert size < 50_000
    assert [line["epoch"] for line in log.last(3)] == [497, 498, 499]
    assert len(log.last(10**6)) >= 5


def test_torn_lines_are_passed_over(store: Store, stage: Stage) -> None:
    log = StageLog(store, stage.name)
    log.say("begins")
    path = store.logs / f"{stage.name}.jsonl"
    path.write_bytes(path.read_bytes() + b'{"time": "20\n\xff\xfe\n[1]\n' + b"[" * 50_000 + b"\n")
    log.say("done")
    assert [line["event"] for line in log.last(9)] == ["begins", "done"]


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.ESTALE])
def test_a_log_that_cannot_be_written_ends_no_stage(
    store: Store, stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    def full(*_: Any) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(stage_log.os, "write", full)
    with logged(stage, store, "0123abcd") as say:
        say("epoch", epoch=1)


def test_a_pipe_in_the_place_of_a_log_is_not_waited_for(store: Store, stage: Stage) -> None:
    store.logs.mkdir(parents=True)
    os.mkfifo(store.logs / f"{stage.name}.jsonl")
    with logged(stage, store, "0123abcd"):
        pass
    assert StageLog(store, stage.name).last(5) == []


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("cannot read s3://anna:Geheim1@store/x", "cannot read s3://***@store/x"),
        ("AWS_SECRET_ACCESS_KEY=abc/def+1 is wrong", "AWS_SECRET_ACCESS_KEY=*** is wrong"),
        ('{"api_key": "0123"}', '{"api_key": "***"}'),
        ("HF_TOKEN: hf_abcdefghijklmnopqrstuvwxyz", "HF_TOKEN: ***"),
        ("with AKIA0123456789ABCDEF", "with ***"),
        ("the tokenizer: 30522 tokens, keys: 3", "the tokenizer: 30522 tokens, keys: 3"),
    ],
)
def test_secrets_are_left_out(store: Store, stage: Stage, said: str, kept: str) -> None:
    assert without_secrets(said) == kept
    StageLog(store, stage.name).say("failed", message=said)
    assert StageLog(store, stage.name).last(1)[0]["message"] == kept


def test_a_log_is_no_reason_to_make_a_folder_of_a_stage(tmp_path: Path, stage: Stage) -> None:
    store = Store(tmp_path / "none")
    assert StageLog(store, stage.name).last(5) == []
    assert not store.root.exists()
