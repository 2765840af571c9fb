"""An encoder's folder as a person meets it: what changes in it is run again, code is refused."""

from __future__ import annotations

import ast
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

import transfer_study

CLI = (sys.executable, "-m", "transfer_study")
STUDY = """\
name: folder
encoder: {{name: small, source: {folder}}}
tasks:
  - name: relation
    kind: classification
    labels: [herb, beast]
    source: {{format: synthetic, task: relation, train: 40, dev: 10, test: 10}}
arms: [single]
readings: [refine]
seeds: 1
refine: {{epochs: 1, max_length: 64, precision: float32}}
"""


@pytest.fixture
def folder(bert_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(bert_folder, tmp_path / "encoder")


@pytest.fixture
def study(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(folder=folder), encoding="utf-8")
    return path


def call(study: Path, *words: str) -> subprocess.CompletedProcess[str]:
    verb, *options = words
    return subprocess.run(
        [*CLI, verb, str(study), *options],
        cwd=study.parent,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def is_done(study: Path) -> bool:
    (stage,) = json.loads(call(study, "plan", "--json").stdout)["stages"]
    return bool(stage["done"])


def set_key(file: Path, **keys: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))


def test_what_changes_in_a_folder_is_run_again(study: Path, folder: Path) -> None:
    """A tokenizer's key and other weights; weights that are not loaded are nothing new."""
    ran = call(study, "run", "--executor", "in-process", "-q")
    assert ran.returncode == 0, ran.stderr
    assert is_done(study)
    weights = load_file(folder / "model.safetensors")
    save_file({"x": next(iter(weights.values()))}, folder / "model_old.safetensors")
    assert is_done(study)
    before = (folder / "tokenizer_config.json").read_text()
    set_key(folder / "tokenizer_config.json", cls_token="[SEP]")
    assert not is_done(study)
    (folder / "tokenizer_config.json").write_text(before)
    assert is_done(study)
    save_file(
        {name: tensor * 2 for name, tensor in weights.items()},
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    assert not is_done(study)


def test_planning_with_a_folder_waits_for_no_torch(study: Path) -> None:
    script = (
        "import sys\n"
        "from transfer_study.cli import app\n"
        f"try: app(['plan', {str(study)!r}])\n"
        "except SystemExit as end: assert not end.code, end\n"
        "print([n for n in ('torch', 'ray', 'transformers') if n in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=study.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "1 to run" in done.stdout
    assert done.stderr.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("verb", ["plan", "run", "tasks", "status", "prefetch"])
def test_code_in_a_folder_is_refused_at_once_and_never_asked_about(
    study: Path, folder: Path, name: str, verb: str
) -> None:
    (folder / "code.py").write_text(f"open({str(study.parent / 'ran')!r}, 'w')\n")
    code = {"AutoConfig": "code.C", "AutoModel": "code.M", "AutoTokenizer": ["code.T", "code.T"]}
    set_key(folder / name, auto_map=code)
    code_ended, said = in_a_terminal(*CLI, verb, str(study), cwd=study.parent)
    assert code_ended == 2, said
    text = " ".join(said.split())
    assert "asks to run Python code that comes with the model" in text
    assert "Traceback" not in text and "[y/N]" not in text
    assert not (study.parent / "ran").exists()
    assert not (study.parent / "runs").exists()


def test_everything_that_is_loaded_is_loaded_without_its_code() -> None:
    """Left to itself, transformers asks in a terminal."""
    calls = [
        (path.name, call)
        for path in sorted(Path(transfer_study.__file__).parent.rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "from_pretrained"
    ]
    assert len(calls) > 10
    for name, call in calls:
        given = {word.arg: ast.unparse(word.value) for word in call.keywords}
        assert given.get("trust_remote_code") == "False", f"{name}:{call.lineno}"


def in_a_terminal(*words: str, cwd: Path, limit: float = 120) -> tuple[int, str]:
    """Run a command with a terminal as its stdin, stdout and stderr; how it ended, what it said."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execvpe(words[0], words, {**os.environ, "HF_HUB_OFFLINE": "1", "COLUMNS": "200"})
    said, until = b"", time.monotonic() + limit
    while time.monotonic() < until:
        if select.select([terminal], [], [], 1)[0]:
            try:
                said += os.read(terminal, 4096)
            except OSError:  # the other end has closed
                break
    else:
        os.kill(pid, 9)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")
