"""The verbs of the command line, called as a user calls them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from transfer_study.study.file.study_file import read_study
from transfer_study.study.study import Study

ROOT = Path(__file__).resolve().parents[1]


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", *words],
        cwd=folder,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_help_and_status_import_nothing_heavy(small_study: Path) -> None:
    heavy = ("torch", "ray", "pandas", "pyarrow", "scipy", "matplotlib", "transformers")
    script = (
        "import sys\n"
        "from transfer_study.cli import app\n"
        "for words in (['--help'], ['run', '--help']):\n"
        "    try: app(words)\n"
        "    except SystemExit: pass\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_the_package_has_its_functions_before_they_are_imported() -> None:
    script = (
        "import sys, transfer_study as package\n"
        "assert 'pydantic' not in sys.modules\n"
        "assert {*package.__all__} <= {*dir(package)}\n"
        "assert all(callable(getattr(package, name)) for name in package.__all__)\n"
        "assert not {'torch', 'pandas', 'scipy', 'pyarrow'} & {*sys.modules}\n"
        "assert not hasattr(package, 'nothing')\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_plan_explains_every_stage_before_and_after_a_change(
    small_study: Path, tmp_path: Path
) -> None:
    options = ("--set", "seeds=1", "--set", "arms=[single]")
    before = json.loads(call(tmp_path, "plan", str(small_study), *options, "--json").stdout)
    assert {stage["why"] for stage in before["stages"]} == {"new"}
    ran = call(tmp_path, "run", str(small_study), *options, "--executor", "in-process", "-q")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    after = json.loads(call(tmp_path, "plan", str(small_study), *options, "--json").stdout)
    assert all(stage["done"] for stage in after["stages"])
    changed = call(tmp_path, "plan", str(small_study), *options, "--set", "refine.epochs=3")
    assert changed.stdout.count("changed: recipe.epochs 2 → 3") == 3
    assert "about" in changed.stdout  # a time, for like stages were measured
    status = json.loads(call(tmp_path, "status", str(small_study), *options, "--json").stdout)
    assert status["counts"] == {"done": 3, "running": 0, "missing": 0, "failed": 0}


def test_plan_says_how_many_pairs_a_setting_leaves_out(small_study: Path, tmp_path: Path) -> None:
    apart = ("--set", "tasks.topics.domain=news")
    assert "leaves out" not in call(tmp_path, "plan", str(small_study), *apart).stdout
    within = (*apart, "--set", "pairs=within_domain")
    said = "`pairs: within_domain` leaves out 2 of 3 pairs, those of tasks of different domains"
    assert said in call(tmp_path, "plan", str(small_study), *within).stdout
    told = json.loads(call(tmp_path, "plan", str(small_study), *within, "--json").stdout)
    assert told["pairs"] == {"left_out": 2, "of": 3}
    assert {"refine-relation+topics-s0", "refine-entities+topics-s0"}.isdisjoint(
        stage["label"] for stage in told["stages"]
    )


def test_resolved_study_reads_back_as_the_same_study(small_study: Path, tmp_path: Path) -> None:
    text = call(tmp_path, "plan", str(small_study), "--resolved").stdout
    (tmp_path / "resolved.yaml").write_text(text, encoding="utf-8")
    again, first = read_study(tmp_path / "resolved.yaml"), read_study(small_study)
    assert again.model_copy(update={"data": None}) == first.model_copy(update={"data": None})
    assert isinstance(yaml.safe_load(text), dict)
    assert isinstance(again, Study)


def test_tasks_shows_sizes_and_what_a_constant_scores(small_study: Path, tmp_path: Path) -> None:
    tasks = json.loads(call(tmp_path, "tasks", str(small_study), "--json").stdout)["tasks"]
    by_name = {task["name"]: task for task in tasks}
    assert [split["examples"] for split in by_name["relation"]["splits"]] == [60, 20, 40]
    # Every word a mention: little, but more than `O` throughout.
    assert 0 < by_name["entities"]["majority"] < 0.5
    assert 0 < by_name["relation"]["majority"] < 1
    text = call(tmp_path, "tasks", str(small_study)).stdout
    assert "mentions" in text and "the best constant answer scores" in text
    assert not (tmp_path / "results").exists()


LEAKY = """\
name: leaky
encoder: {name: tiny, tiny: {hidden_size: 16, layers: 1, heads: 2}}
tasks:
  - name: mine
    kind: classification
    labels: ["yes", "no"]
    source: {format: tsv, folder: FOLDER/mine, columns: {id: id}}
arms: [single]
seeds: 1
refine: {epochs: 1, precision: float32}
"""


@pytest.fixture
def leaky_study(tmp_path: Path) -> Path:
    """A task of which 3 of 20 training rows are in its test."""
    (tmp_path / "mine").mkdir()
    sentences = {"train": range(20), "dev": range(20, 26), "test": range(17, 30)}
    for split, numbers in sentences.items():
        rows = [
            f"{split}{n}\t{' '.join(f'word{n}x{i}' for i in range(9))}\t{('yes', 'no')[n % 2]}\n"
            for n in numbers
        ]
        (tmp_path / "mine" / f"{split}.tsv").write_text("id\ttext\tlabel\n" + "".join(rows))
    path = tmp_path / "leaky.yaml"
    path.write_text(LEAKY.replace("FOLDER", str(tmp_path)), encoding="utf-8")
    return path


def test_tasks_shows_leaks(leaky_study: Path, tmp_path: Path) -> None:
    text = call(tmp_path, "tasks", str(leaky_study)).stdout
    assert "Leaks in the 39 rows that the study reads" in text
    (line,) = [line for line in text.splitlines() if line.startswith("text  mine train")]
    assert " ".join(line.split()).startswith("text mine train mine test 3 3 0 3 23.1% test17: word")
    told = json.loads(call(tmp_path, "tasks", str(leaky_study), "--json").stdout)["leaks"]
    assert told["rows"] == {"mine": {"train": 20, "dev": 6, "test": 13}}
    assert [leak["severity"] for leak in told["findings"]] == ["high", "medium"]
    assert told["findings"][0]["examples"][0] == ["train17", "test17"]


def test_plan_says_what_was_dropped_as_leaks(leaky_study: Path, tmp_path: Path) -> None:
    ran = call(tmp_path, "run", str(leaky_study), "--executor", "in-process", "-q")
    assert ran.returncode == 0, ran.stderr
    excluded = ("--set", "exclude_leaks=true")
    (stage,) = json.loads(call(tmp_path, "plan", str(leaky_study), *excluded, "--json").stdout)[
        "stages"
    ]
    assert stage["why"] == ("changed: tasks.mine.data.train (training rows dropped as leaks: 3)")
    again = call(
        tmp_path,
        "run",
        str(leaky_study),
        *excluded,
        "--changed",
        "--executor",
        "in-process",
        "-q",
    )
    assert again.returncode == 0, again.stderr
    status = json.loads(call(tmp_path, "status", str(leaky_study), *excluded, "--json").stdout)
    assert status["counts"] == {"done": 1, "running": 0, "missing": 0, "failed": 0}


def test_prefetch_and_doctor_say_what_is_here(small_study: Path, tmp_path: Path) -> None:
    assert "encoder tiny" in call(tmp_path, "prefetch", str(small_study)).stdout
    found = call(tmp_path, "doctor", "--markdown").stdout
    assert re.search(r"\| torch \| \d+\.\d+", found)
    assert re.search(r"\| ray \| \d+\.\d+", found)
    assert "| writable | yes |" in found


def test_wrong_words_are_usage_errors_without_a_traceback(tmp_path: Path) -> None:
    for words in (
        ("rnu", "x.yaml"),
        ("run", "x.yaml", "--nope"),
        ("run", "x.yaml", "--workers", "0"),
    ):
        done = call(tmp_path, *words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["demo", "public_biomedical"])
def test_shipped_studies_are_valid(name: str) -> None:
    assert read_study(ROOT / "experiments" / f"{name}.yaml").name == name


def test_public_functions_are_not_hidden_by_modules_of_the_same_name() -> None:
    import transfer_study
    import transfer_study.report.results

    assert all(callable(getattr(transfer_study, name)) for name in transfer_study.__all__)


@pytest.mark.parametrize(
    ("named", "here", "warned"),
    [("bfloat16", "float32", True), ("bfloat16", "bfloat16", False), ("auto", "float32", False)],
)
def test_a_precision_that_is_only_emulated_is_told(
    small_study: Path, named: str, here: str, warned: bool
) -> None:
    from transfer_study.session.plans import make_plan
    from transfer_study.study.plan import plan as make
    from transfer_study.study.recipes.recipe import Precision
    from transfer_study.terminal.stages import slow_precision

    study = read_study(small_study, [f"refine.precision={named}"])
    known = make_plan(study).fingerprints.model_copy(update={"precision": Precision(here)})
    warning = slow_precision(planned := make(study, known), planned)
    assert (warning is not None) == warned
    assert warning is None or "--set refine.precision=float32" in warning
