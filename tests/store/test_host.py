"""Names of machines, where they are to be known and where they are not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Command
from transfer_study.errors import StoreError
from transfer_study.store.runs.host import VARIABLE, host_name
from transfer_study.store.runs.running import running, tell_running
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "annas-laptop")


def test_hosts_without_names_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert host_name() == "annas-laptop"
    monkeypatch.setenv(VARIABLE, "no")
    sign = host_name()
    assert sign == host_name()
    assert "anna" not in sign
    monkeypatch.setattr(socket, "gethostname", lambda: "berts-laptop")
    assert host_name() != sign


def test_an_unknown_word_is_refused_before_anything_is_written(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "false")
    with pytest.raises(StoreError, match="give `no`"):
        Store(tmp_path / "stages")
    code, _, err = command("run", str(small_study), "--executor=in-process")
    assert code == 2
    assert f"{VARIABLE} is 'false'" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]


def test_what_a_named_process_left_is_swept_by_one_without_a_name(
    store: Store, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    with store.scratch("x") as here:
        name = here.name.split("@")
    left = store.root / "attempts" / f"{stage.name}@{name[1]}@{dead.pid}@0123abcd"
    left.mkdir()
    monkeypatch.setenv(VARIABLE, "no")
    store.sweep()
    assert not left.exists()
    with tell_running(stage, store):
        (one,) = running(store)
        assert one.host == host_name() != "annas-laptop"
        assert not any("annas" in path.name for path in (store.root / "attempts").iterdir())


def test_a_run_without_names_leaves_none_in_its_store(
    small_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "no")
    monkeypatch.setattr("platform.node", lambda: "annas-laptop")
    few = ("--set", "arms=[single]", "--set", "seeds=1")
    assert command("run", str(small_study), *few, "--executor=in-process", "-q")[0] == 0
    for path in tmp_path.rglob("*"):
        assert "annas-laptop" not in path.name
        if path.suffix in (".json", ".jsonl", ".html", ".md", ".csv", ".txt"):
            assert "annas-laptop" not in path.read_text(encoding="utf-8"), path
    told = json.loads(command("status", str(small_study), *few, "--json")[1])
    assert [node["host"] for node in told["nodes"]] == [host_name()]
