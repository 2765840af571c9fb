"""`prefetch` brings a model and a data set of a hub here; what follows needs no hub any more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub import Hub, commit_of, running

STUDY = """\
name: fetched
encoder: {name: small, source: someone/small-bert}
arms: [single]
seeds: 1
tasks:
- name: t
  kind: classification
  labels: [bad, good]
  source:
    format: datasets
    name: someone/reviews
    columns: {text: review.text, label: label}
"""


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    from transformers import BertConfig, BertModel, BertTokenizer

    root = tmp_path_factory.mktemp("repositories")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]
    BertTokenizer(vocab={word: n for n, word in enumerate(words)}).save_pretrained(root / "model")
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(root / "model")
    (root / "model" / "training.log").write_text("not wanted")
    (root / "data").mkdir()
    for split in ("train", "validation", "test"):
        rows = [
            {"review": {"text": f"{label} film {n}"}, "label": label}
            for n in range(6)
            for label in ("good", "bad")
        ]
        lines = "\n".join(map(json.dumps, rows))
        (root / "data" / f"{split}.jsonl").write_text(lines)
    return {"models/someone/small-bert": root / "model", "datasets/someone/reviews": root / "data"}


def call(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "transfer_study", *words],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("HF_")},
            "HF_HOME": str(folder / "cache"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1",
            **env,
        },
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_what_is_fetched_once_is_planned_offline(
    tmp_path: Path, repositories: dict[str, Path]
) -> None:
    commit = commit_of("models/someone/small-bert")
    study = STUDY.replace("small-bert}", f"small-bert, revision: {commit}}}")
    (tmp_path / "study.yaml").write_text(study)
    offline = {"HF_HUB_OFFLINE": "1"}
    before = call(tmp_path, "plan", "study.yaml", **offline)
    assert before.returncode == 2
    assert "transfer-study prefetch" in before.stderr
    hub: Hub
    with running(repositories) as hub:
        done = call(tmp_path, "prefetch", "study.yaml", HF_ENDPOINT=hub.endpoint)
        asked = "\n".join(hub.asked)
        # What broke off is completed, though the encoder's folder is there already.
        (weights,) = (tmp_path / "cache").rglob("snapshots/*/model.safetensors")
        weights.resolve().unlink()
        weights.unlink()
        again = call(tmp_path, "prefetch", "study.yaml", HF_ENDPOINT=hub.endpoint)
    assert again.stdout == done.stdout, again.stderr
    assert done.returncode == 0, done.stderr
    encoder, data = done.stdout.splitlines()
    assert encoder.startswith("encoder small: ")
    assert data == "data set someone/reviews: ready"
    assert "model.safetensors" in asked
    assert "training.log" not in asked
    # The hub is gone: nothing can be asked any more.
    plan = call(tmp_path, "plan", "study.yaml", "--json", HF_ENDPOINT=hub.endpoint, **offline)
    assert plan.returncode == 0, plan.stderr
    assert len(json.loads(plan.stdout)["stages"]) == 1
    tasks = call(tmp_path, "tasks", "study.yaml", "--json", **offline)
    assert tasks.returncode == 0, tasks.stderr
    (task,) = json.loads(tasks.stdout)["tasks"]
    assert [split["examples"] for split in task["splits"]] == [12, 12, 12]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("someone/small-bert", "someone/smal-bert", "'someone/smal-bert' could not be downloaded"),
        ("small-bert}", "small-bert, revision: v2}", "could not be downloaded"),
        ("someone/reviews", "someone/review", "someone/review: the data set cannot be loaded"),
    ],
)
def test_what_a_hub_does_not_have(
    tmp_path: Path, repositories: dict[str, Path], old: str, new: str, said: str
) -> None:
    assert old in STUDY
    (tmp_path / "study.yaml").write_text(STUDY.replace(old, new))
    with running(repositories) as hub:
        done = call(tmp_path, "prefetch", "study.yaml", HF_ENDPOINT=hub.endpoint)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
