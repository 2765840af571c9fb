"""Commands on a store on object storage: shared, seen and continued from any machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests import object_server
from tests.object_server import BUCKET, KEY_ID, SECRET, Between, between, moto_server
from tests.test_shared_store import own_and_others

STORE = f"s3://{BUCKET}/shared/stages"
SETTINGS = ("--set", "seeds=[0]", "--set", "arms=[single, full]")
STAGES = 4
PATIENCE = 280


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as endpoint:
        yield endpoint


@pytest.fixture
def proxy(server: str) -> Iterator[Between]:
    with between(server) as proxy:
        yield proxy


class Machine:
    """A folder for a cache and results of its own, and an address at which it has the storage."""

    def __init__(self, folder: Path, endpoint: str, study: Path) -> None:
        self.folder = folder
        self.study = study
        folder.mkdir()
        self._environment = {
            **os.environ,
            **object_server.environment(endpoint, folder / "cache"),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
        }

    def start(self, verb: str, *more: str, store: str = STORE) -> subprocess.Popen[str]:
        words = [verb, str(self.study), *SETTINGS, "--store", store, *more]
        return subprocess.Popen(
            [sys.executable, "-m", "transfer_study", *words],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, verb: str, *more: str, store: str = STORE) -> tuple[int, str]:
        process = self.start(verb, *more, store=store)
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said


def end(runs: Sequence[subprocess.Popen[str]]) -> list[str]:
    """What commands say that end well."""
    said = [run.communicate(timeout=PATIENCE)[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * len(runs), said
    return said


def has_no_secret(folder: Path, *said: str) -> None:
    """Keys stand nowhere: neither in what commands say nor in what they write."""
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    for secret in (KEY_ID, SECRET):
        assert not any(secret in text for text in said)
        assert not any(secret.encode() in content for content in written)


def test_two_runs_share_a_bucket_and_a_third_machine_sees_and_continues_them(
    proxy: Between, tmp_path: Path, small_study: Path
) -> None:
    one, two, three = (Machine(tmp_path / n, proxy.endpoint, small_study) for n in ("1", "2", "3"))
    hiccups = iter(["lost", 503, "hung up", 500, "lost"])
    proxy.fault = lambda method, path, n: (
        next(hiccups, None) if method == "PUT" and "/stages/" in path and n == 1 else None
    )
    said = end([m.start("run", "--executor", "in-process") for m in (one, two)])
    assert next(hiccups, None) is None  # all were met
    counts = [own_and_others(text) for text in said]
    assert sum(own for own, _ in counts) == STAGES, said
    tables = [(m.folder / "results" / "small" / "deltas.csv").read_bytes() for m in (one, two)]
    assert tables[0] == tables[1]

    code, status = three.run("status")
    assert code == 0 and f"small: {STAGES} of {STAGES} stages done, 0 running" in status
    puts = [path for method, path in proxy.seen if method == "PUT"]
    code, again = three.run("run", "--executor", "in-process")
    assert code == 0 and f"All {STAGES} stages are done; nothing to run." in again
    after = [path for method, path in proxy.seen if method == "PUT"][len(puts) :]
    assert [path for path in after if "/attempts/" not in path] == []
    assert (three.folder / "results" / "small" / "deltas.csv").read_bytes() == tables[0]
    (three.folder / "results" / "small" / "deltas.csv").unlink()
    assert three.run("report")[0] == 0
    assert (three.folder / "results" / "small" / "deltas.csv").read_bytes() == tables[0]

    has_no_secret(tmp_path, *said, status, again)


def test_a_run_through_ray_that_is_killed_is_continued_on_another_machine(
    server: str, tmp_path: Path, small_study: Path
) -> None:
    store = f"s3://{BUCKET}/killed"
    first = Machine(tmp_path / "1", server, small_study)
    run = first.start("run", "--workers", "1", store=store)
    assert run.stdout is not None
    for line in run.stdout:
        if f"[1/{STAGES}]" in line:
            break
    run.kill()
    run.communicate()
    second = Machine(tmp_path / "2", server, small_study)
    code, said = second.run("run", "--executor", "in-process", store=store)
    assert code == 0, said
    own, _ = own_and_others(said)
    assert 0 < own < STAGES
    assert list((first.folder / "cache").rglob("ray.log"))
    has_no_secret(tmp_path, said)


def test_a_store_that_cannot_be_reached_or_used_is_told_in_one_sentence(
    server: str, tmp_path: Path, small_study: Path
) -> None:
    machine = Machine(tmp_path / "1", server, small_study)
    for store, told in (
        ("s3://no-such-bucket/x", "there is no such bucket"),
        (f"s3://{KEY_ID}:{SECRET}@{BUCKET}/x", "it has a name, key or query in it"),
        (f"s3://{BUCKET}/../x", "letters, digits"),
    ):
        began = time.monotonic()
        code, said = machine.run("run", store=store)
        assert code == 2, said
        assert time.monotonic() - began < PATIENCE / 2
        (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert told in line and "Traceback" not in said
        assert SECRET not in said
    assert not (machine.folder / "results").exists()
