"""The package as people install it: a wheel, and no repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from transfer_study.study.built_in import built_in_studies

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of this source tree was unpacked to."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        files.extractall(folder / "site")
    return folder / "site"


def call(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )


def test_a_wheel_runs_the_demo_by_its_name(installed: Path, tmp_path: Path) -> None:
    where = [sys.executable, "-c", "import transfer_study; print(transfer_study.__file__)"]
    env = {**os.environ, "PYTHONPATH": str(installed)}
    found = subprocess.run(where, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert Path(found.stdout.strip()).is_relative_to(installed)
    small = ("--set", "seeds=1", "--set", "arms=[single]", "--set", "limits.max_train=40")
    ran = call(installed, tmp_path, "run", "demo", *small, "--executor", "in-process", "-q")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "results" / "demo" / "report.html").is_file()


def test_a_wheel_has_every_study_and_each_once(installed: Path) -> None:
    inside = {file.name for file in (installed / "transfer_study" / "studies").iterdir()}
    assert inside == {file.name for file in (ROOT / "experiments").iterdir()}
    assert not (installed / "experiments").exists()


def test_a_wheel_writes_a_new_study_that_plans(installed: Path, tmp_path: Path) -> None:
    assert call(installed, tmp_path, "new", "mine.yaml").returncode == 0
    planned = call(installed, tmp_path, "plan", "mine.yaml")
    assert planned.returncode == 0, planned.stderr


def test_a_source_tree_has_its_studies_by_name_too() -> None:
    assert built_in_studies()["demo"] == ROOT / "experiments" / "demo.yaml"


def test_a_file_goes_before_a_built_in_study_and_what_is_neither_is_told(
    installed: Path, tmp_path: Path
) -> None:
    (tmp_path / "demo").write_text("name: [")
    assert "demo" in call(installed, tmp_path, "plan", "demo").stderr
    unknown = call(installed, tmp_path, "plan", "dmo")
    assert unknown.returncode == 2
    assert unknown.stderr.strip() == (
        "error: dmo: there is no such study file; check the path, or name one of "
        + ", ".join(built_in_studies())
    )
