"""Who may say what Ray runs: real clusters with and without a token."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.execute.cluster.test_cluster import HERE, environment, raylet
from transfer_study.errors import ExecutionError
from transfer_study.execute.cluster.authentication import authentication
from transfer_study.execute.cluster.slurm.meeting import free_port

TOKEN, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4
LITTLE = ("--set", "seeds=[0]", "--set", "arms=[single]")


@contextmanager
def listening(folder: Path, **variables: str) -> Iterator[str]:
    """The address of a cluster of one machine."""
    port = free_port("127.0.0.1")
    words = ("--head", f"--port={port}", HERE, "--include-dashboard=false")
    with raylet(folder, *words, variables=variables):
        address, until = f"127.0.0.1:{port}", time.monotonic() + 90
        while "Ray runtime started" not in (said := (folder / "raylet.log").read_text()):
            assert time.monotonic() < until, said
            time.sleep(0.2)
        yield address


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user without a token."""
    for name in ("MODE", "TOKEN", "TOKEN_PATH"):
        monkeypatch.delenv(f"RAY_AUTH_{name}", raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


def has_token(home: Path, token: str) -> None:
    (home / ".ray").mkdir(exist_ok=True)
    (home / ".ray" / "auth_token").write_text(token)


def run(study: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", "run", str(study), *LITTLE, *words],
        env={**environment(home.parent), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_token_of_another_cluster_does_not_kill_workers(
    small_study: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path) as address:
        has_token(home, TOKEN)
        done = run(small_study, home, "--address", address)
        monkeypatch.setenv("RAY_AUTH_MODE", "token")
        with pytest.raises(ExecutionError, match="asks for no token"):
            authentication(address)
    assert done.returncode == 0, done.stderr
    assert "again" not in done.stderr


def test_a_cluster_with_a_token_is_joined_by_who_has_the_same(
    small_study: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN) as address:
        began = time.monotonic()
        refused = run(small_study, home, "--address", address)
        assert time.monotonic() - began < 30
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1].startswith(
            f"error: the cluster at {address} asks for a token, and this user has none; put"
        )
        assert not (tmp_path / "stages" / "stages").exists()
        has_token(home, OTHER)
        with pytest.raises(ExecutionError, match="that of this user is another"):
            authentication(address)
        has_token(home, TOKEN)
        assert authentication(address) == {"RAY_AUTH_MODE": "token"}
        monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
        with pytest.raises(ExecutionError, match="RAY_AUTH_MODE is disabled"):
            authentication(address)


def test_ray_on_this_machine_has_a_token_of_its_own_each_time(
    small_study: Path, home: Path
) -> None:
    one, other = authentication(None), authentication(None)
    assert one["RAY_AUTH_MODE"] == "token"
    assert len(one["RAY_AUTH_TOKEN"]) == 64 and one != other
    done = run(small_study, home)
    assert done.returncode == 0, done.stderr
    assert not (home / ".ray").exists()
