"""The whole way from a study file to its figure, with real processes and real Ray."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest

import transfer_study
from tests.conftest import Command
from transfer_study.analysis.edges import COLUMNS, Verdict
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

STAGES = 14


def run_words(study: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "transfer_study", "run", str(study), *options]


def environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "TRANSFER_STUDY_STORE": str(folder / "stages"),
        "TRANSFER_STUDY_RESULTS": str(folder / "results"),
        "TRANSFER_STUDY_PLOTS": str(folder / "plots"),
        "HF_HUB_OFFLINE": "1",
    }


def run(study: Path, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        run_words(study, *options),
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@contextmanager
def started(study: Path, folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        run_words(study, *options),
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # In the background of a shell Ctrl-C is ignored, and would be in what is started here.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        yield process


def stage_times(folder: Path) -> dict[str, int]:
    """When each committed stage was committed: a stage that ran again has another time."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in (folder / "stages" / "stages").glob("*/result.json")
    }


def wait_for_stages(folder: Path, count: int) -> None:
    for _ in range(1200):
        if len(stage_times(folder)) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{count} stages never came")


def ray_workers(driver: int) -> Iterator[int]:
    """The processes below a driver that train stages."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            pid = ancestor = int(folder.name)
            if b"ray::ImplicitFunc" in (folder / "cmdline").read_bytes():
                while ancestor not in (0, driver):
                    status = Path(f"/proc/{ancestor}/stat").read_text()
                    ancestor = int(status.rpartition(")")[2].split()[1])
                if ancestor == driver:
                    yield pid


def deltas(folder: Path) -> bytes:
    return (folder / "results" / "small" / "deltas.csv").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in-process that nothing disturbed."""
    from tests.conftest import SMALL

    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "small.yaml").write_text(SMALL, encoding="utf-8")
    done = run(folder / "small.yaml", folder, "--executor", "in-process")
    assert done.returncode == 0, done.stderr
    return folder


def test_everything_that_is_promised_is_written(undisturbed: Path) -> None:
    assert len(stage_times(undisturbed)) == STAGES
    results, plots = undisturbed / "results" / "small", undisturbed / "plots" / "small"
    edges = pd.read_csv(results / "deltas.csv", keep_default_na=False)
    assert list(edges.columns) == [n for n, c in COLUMNS.items() if not c.optional]
    assert len(edges) == 3 * 2 + 3  # directed pairs, and the full mix for each task
    assert set(edges[edges["arm"] == "full"]["source"]) == {
        "entities+topics",
        "entities+relation",
        "topics+relation",
    }
    for name in ("scores.csv", "scores.parquet", "deltas.parquet", "stages.json"):
        assert (results / name).stat().st_size > 0
    for suffix in ("svg", "png", "pdf", "graphml", "json"):
        assert (plots / f"transfer_graph.{suffix}").stat().st_size > 0
    assert (plots / "heat_map.png").stat().st_size > 0


def test_a_second_run_runs_nothing_and_writes_the_same(undisturbed: Path) -> None:
    before, table = stage_times(undisturbed), deltas(undisturbed)
    again = run(undisturbed / "small.yaml", undisturbed)  # through Ray, which is not even started
    assert again.returncode == 0, again.stderr
    assert f"All {STAGES} stages are done" in again.stderr
    assert stage_times(undisturbed) == before
    assert deltas(undisturbed) == table


def test_only_the_removed_stage_runs_again(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed / "stages", tmp_path / "stages")
    removed, *others = sorted(stage_times(tmp_path))
    shutil.rmtree(tmp_path / "stages" / "stages" / removed)
    before = stage_times(tmp_path)
    assert run(undisturbed / "small.yaml", tmp_path, "--executor", "in-process").returncode == 0
    after = stage_times(tmp_path)
    assert {name for name in after if after[name] != before.get(name)} == {removed}
    assert set(after) == {removed, *others}
    assert deltas(tmp_path) == deltas(undisturbed)


def test_tables_come_from_the_committed_results_alone(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed / "results", tmp_path / "results")
    for name in ("deltas.csv", "scores.csv"):
        (tmp_path / "results" / "small" / name).unlink()
    places = transfer_study.Places(tmp_path / "no-store", tmp_path / "results", tmp_path / "plots")
    study = transfer_study.read_study(undisturbed / "small.yaml")
    transfer_study.write_report(make_plan(study), places)
    assert deltas(tmp_path) == deltas(undisturbed)


def test_a_store_with_a_part_of_a_study_leaves_its_results_whole(
    undisturbed: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed / "results", tmp_path / "results")
    first = sorted((undisturbed / "stages" / "stages").iterdir())[0]
    shutil.copytree(first, tmp_path / "stages" / "stages" / first.name)
    places = transfer_study.Places(tmp_path / "stages", tmp_path / "results", tmp_path / "plots")
    study = transfer_study.read_study(undisturbed / "small.yaml")
    transfer_study.write_report(make_plan(study), places)
    assert deltas(tmp_path) == deltas(undisturbed)


def test_ray_gives_the_bytes_that_in_process_gives_after_a_killed_worker_and_driver(
    small_study: Path, tmp_path: Path, undisturbed: Path
) -> None:
    with started(small_study, tmp_path, "--workers", "2") as driver:
        wait_for_stages(tmp_path, 2)
        victim = next(ray_workers(driver.pid))
        os.kill(victim, signal.SIGKILL)
        wait_for_stages(tmp_path, 5)  # the dead worker's stage is tried again by a new one
        os.kill(driver.pid, signal.SIGKILL)
        driver.wait()
    kept = stage_times(tmp_path)
    assert 5 <= len(kept) < STAGES
    continued = run(small_study, tmp_path, "--workers", "2")
    assert continued.returncode == 0, continued.stderr
    after = stage_times(tmp_path)
    assert len(after) == STAGES
    assert {name: after[name] for name in kept} == kept  # nothing ran twice
    assert deltas(tmp_path) == deltas(undisturbed)


def test_interrupting_stops_cleanly_and_keeps_what_is_done(
    small_study: Path, tmp_path: Path
) -> None:
    with started(small_study, tmp_path, "--executor", "in-process") as driver:
        wait_for_stages(tmp_path, 2)
        driver.send_signal(signal.SIGINT)
        _, messages = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "the same command continues" in messages
    assert "Traceback" not in messages
    assert not list((tmp_path / "stages" / "attempts").iterdir())


def test_a_failed_stage_is_reported_while_all_others_finish(
    small_study: Path, tmp_path: Path
) -> None:
    # A learning rate that makes one task's fine-tuning diverge, through Ray.
    done = run(
        small_study,
        tmp_path,
        "--set",
        "seeds=1",
        "--set",
        "readings=[finetune]",
        "--set",
        "finetune.tasks.topics.learning_rate=1e30",
        "--json",
    )
    assert done.returncode == 1, done.stderr
    outcome = json.loads(done.stdout)
    failed = {name for name in outcome["failed"] if name.startswith("finetune-topics")}
    assert failed and failed == set(outcome["failed"])
    verdicts = {(e["source"], e["target"]): e["verdict"] for e in outcome["edges"]}
    assert {v for (_, target), v in verdicts.items() if target == "topics"} == {"failed"}
    others = {v for (_, target), v in verdicts.items() if target != "topics"}
    assert others <= {"undecided", "not_learned"}
    assert "LearningError" in done.stderr
    assert "lower `learning_rate`" in done.stderr


def test_growing_a_study_runs_only_what_is_new(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed / "stages", tmp_path / "stages")
    study = read_study(undisturbed / "small.yaml", ["seeds=[0,1,2]"])
    store = Store(tmp_path / "stages")
    plan = make_plan(study)
    missing = plan.missing(store.is_done, store.has_model)
    assert {stage.seed for stage in missing} == {2}
    assert len(missing) == STAGES // 2


def test_a_report_names_the_command_that_gives_it(
    undisturbed: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From where it was given the study's file is where the report says."""
    monkeypatch.chdir(undisturbed.parent)
    for option in ("STORE", "RESULTS", "PLOTS"):
        variable = f"TRANSFER_STUDY_{option}"
        monkeypatch.setenv(variable, environment(undisturbed)[variable])
    file = f"{undisturbed.name}/small.yaml"
    words = ["--set", "seeds=[0, 1]", "--margin", "5%", "--metric", "topics=macro_f1"]
    assert command("report", file, *words)[0] == 0
    folder = undisturbed / "results" / "small" / "topics=macro_f1+relative-margin=0.05"
    text = (folder / "report.md").read_text(encoding="utf-8")
    lines = dict(line.split("  # ", 1)[::-1] for line in text.splitlines() if "  # " in line)
    for said, verb in (("what is stored", "plan"), ("trains what", "run")):
        (given,) = (line for what, line in lines.items() if what.startswith(said))
        assert given == f"transfer-study {verb} {file} --set 'seeds=[0, 1]'"
    (given,) = (line for what, line in lines.items() if what.startswith("this report alone"))
    (folder / "report.md").unlink()
    assert command(*shlex.split(given)[1:])[0] == 0
    assert (folder / "report.md").read_text(encoding="utf-8") == text


def test_python_api_returns_the_deltas(undisturbed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = transfer_study.Places(
        undisturbed / "stages", undisturbed / "results", undisturbed / "plots"
    )
    edges = transfer_study.run(undisturbed / "small.yaml", places=places).deltas
    assert set(edges["verdict"]) <= set(Verdict) - {Verdict.FAILED, Verdict.NOT_RUN}
    assert len(edges) == 9
