"""A cluster of two machines, one of which is not as it should be: real raylets, real workers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import transfer_study
from transfer_study.execute.cluster.process_session import end_session
from transfer_study.session.plans import make_plan
from transfer_study.store.runs.running import running
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

PACKAGE = Path(transfer_study.__file__).parent
PATIENCE = 240
HERE = "--node-ip-address=127.0.0.1"


def can_mount() -> bool:
    """Whether a process can be shown other files than all others."""
    if shutil.which("unshare") is None:
        return False
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not can_mount(), reason="this user cannot show one machine other files than another"
)


@contextmanager
def raylet(
    folder: Path, *words: str, mount: str | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """One machine of a cluster; what is mounted there is seen by nothing else."""
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "start", "--block", "--num-cpus=1", "--disable-usage-stats", *words]
    if mount is not None:
        command = ["unshare", "--mount", "sh", "-c", f"mount {mount} && exec {' '.join(command)}"]
    with (folder / "raylet.log").open("a") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            text=True,
            env={**environment(folder), **(variables or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end_session(process.pid)
        process.kill()
        process.wait()


def environment(folder: Path) -> dict[str, str]:
    """A home without a token of another cluster, and our sources."""
    return {
        **os.environ,
        "HOME": str(folder),
        "PYTHONPATH": str(PACKAGE.parent),
        "RAY_worker_niceness": "0",
        "TRANSFER_STUDY_STORE": str(folder / "stages"),
        "TRANSFER_STUDY_RESULTS": str(folder / "results"),
        "TRANSFER_STUDY_PLOTS": str(folder / "plots"),
    }


@contextmanager
def first(folder: Path) -> Iterator[str]:
    """The address of a cluster of one machine, with one processor."""
    port = 20_000 + os.getpid() % 10_000
    address = f"127.0.0.1:{port}"
    with raylet(folder, "--head", f"--port={port}", HERE, "--include-dashboard=false"):
        wait_for(1, address, folder)
        yield address


@contextmanager
def cluster(folder: Path, mount: str) -> Iterator[str]:
    """The address of two machines with a processor each, the second with this mounted."""
    with first(folder) as address, raylet(folder, f"--address={address}", HERE, mount=mount):
        wait_for(2, address, folder)
        yield address


def wait_for(count: int, address: str, folder: Path) -> None:
    until = time.monotonic() + 90
    while machines(address, folder) < count:
        if time.monotonic() > until:
            pytest.fail((folder / "raylet.log").read_text())
        time.sleep(0.5)


def machines(address: str, folder: Path) -> int:
    code = f"import ray; ray.init({address!r}, log_to_driver=False); print(len(ray.nodes()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stdout or 0)


def run(study: Path, folder: Path, address: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", "run", str(study), "--address", address],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def committed(study: Path, folder: Path) -> int:
    store = Store(folder / "stages")
    return sum(store.is_done(stage) for stage in make_plan(read_study(study)))


def test_a_machine_with_other_code_is_refused_by_name(small_study: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(PACKAGE, other / "transfer_study", ignore=shutil.ignore_patterns("*.pyc"))
    ran = tmp_path / "ran"
    with (other / "transfer_study" / "learn" / "train.py").open("a") as file:
        file.write(f"\nopen({str(ran)!r}, 'w')\n")
    with cluster(tmp_path, f"--bind {other / 'transfer_study'} {PACKAGE}") as address:
        done = run(small_study, tmp_path, address)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("REFUSED") == 1
    assert "has another transfer_study (its files differ)" in done.stderr
    assert committed(small_study, tmp_path) == len(make_plan(read_study(small_study)))
    assert not ran.exists()


def test_a_machine_that_does_not_see_the_store_is_refused(
    small_study: Path, tmp_path: Path
) -> None:
    (tmp_path / "stages").mkdir()
    with cluster(tmp_path, f"-t tmpfs none {tmp_path / 'stages'}") as address:
        done = run(small_study, tmp_path, address)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("REFUSED") == 1
    assert f"doesnotseethestoreat{tmp_path / 'stages'}" in "".join(done.stderr.split())  # folded
    assert committed(small_study, tmp_path) == len(make_plan(read_study(small_study)))


COLOURS = """\
name: colours
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: colour
    kind: classification
    labels: [red, blue]
    source: {format: tsv, folder: colour}
arms: [single]
seeds: 6
refine: {epochs: 2, precision: float32}
readings: [refine]
"""


def write_colours(folder: Path, red: str = "red") -> Path:
    """The data of the study below, in which `red` houses may have another colour."""
    data = folder / "colour"
    data.mkdir(parents=True)
    for split, size in (("train", 40), ("dev", 10), ("test", 10)):
        rows = (
            f"the {(red, 'blue')[n % 2]} house {split}{n}\t{('red', 'blue')[n % 2]}"
            for n in range(size)
        )
        (data / f"{split}.tsv").write_text("text\tlabel\n" + "\n".join(rows) + "\n")
    return data


@pytest.mark.parametrize("there", ["nothing", "other data"])
def test_a_machine_without_the_data_is_sent_them_once(tmp_path: Path, there: str) -> None:
    data, study = write_colours(tmp_path), tmp_path / "colours.yaml"
    study.write_text(COLOURS)
    mount = f"-t tmpfs none {data}"
    if there == "other data":
        mount = f"--bind {write_colours(tmp_path / 'others', red='pink')} {data}"
    with cluster(tmp_path, mount) as address:
        done = run(study, tmp_path, address)
    assert done.returncode == 0, done.stderr
    assert "REFUSED" not in done.stderr and "again" not in done.stderr
    assert committed(study, tmp_path) == 6
    sent = [path for path in (tmp_path / ".cache").rglob("*") if path.is_file()]
    assert sorted(path.name for path in sent if path.suffix == ".tsv") == [
        "dev.tsv",
        "test.tsv",
        "train.tsv",
    ]
    copies = [path for path in sent if path.suffix == ".tsv"]
    assert all(path.read_bytes() == (data / path.name).read_bytes() for path in copies)
    assert not (tmp_path / "stages" / "failures").exists()


def test_a_machine_without_the_encoder_is_sent_it(tmp_path: Path, bert_folder: Path) -> None:
    write_colours(tmp_path)
    encoder, study = tmp_path / "bert", tmp_path / "colours.yaml"
    shutil.copytree(bert_folder, encoder)
    study.write_text(COLOURS.replace(COLOURS.splitlines()[1], f"encoder: {encoder}"))
    with cluster(tmp_path, f"-t tmpfs none {encoder}") as address:
        done = run(study, tmp_path, address)
    assert done.returncode == 0, done.stderr
    assert "REFUSED" not in done.stderr and "again" not in done.stderr
    assert committed(study, tmp_path) == 6
    sent = {path.name for path in (tmp_path / ".cache").rglob("*") if path.is_file()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= sent
    assert not (tmp_path / "stages" / "failures").exists()


@pytest.mark.slow  # Ray gives a machine half a minute to show itself again
@pytest.mark.timeout(600)
def test_what_ran_on_a_lost_machine_runs_on_another(small_study: Path, tmp_path: Path) -> None:
    longer = small_study.read_text().replace("refine: {epochs: 2,", "refine: {epochs: 60,")
    small_study.write_text(longer)
    store = Store(tmp_path / "stages")
    with first(tmp_path) as address:
        with raylet(tmp_path, f"--address={address}", HERE):
            wait_for(2, address, tmp_path)
            study = subprocess.Popen(
                [sys.executable, "-m", "transfer_study", "run", str(small_study)],
                env={**environment(tmp_path), "RAY_ADDRESS": address},
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
            )
            until = time.monotonic() + PATIENCE
            while len(running(store)) < 2:
                assert time.monotonic() < until and study.poll() is None
                time.sleep(0.2)
        _, told = study.communicate(timeout=PATIENCE)
    assert study.returncode == 0, told
    assert "its machine" in told and "lost" in told
    assert committed(small_study, tmp_path) == len(make_plan(read_study(small_study)))
