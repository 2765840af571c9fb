"""The whole model of one epoch of a stage, kept in the store so that it can be taken home."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from transfer_study.execute.answers import write_answers
from transfer_study.execute.keep import Alike, write_attempt
from transfer_study.learn.load_model import TASKS_FILE
from transfer_study.learn.material import Material
from transfer_study.learn.model import MultiTaskModel, save_whole
from transfer_study.learn.predict import predict
from transfer_study.learn.train import Learned
from transfer_study.store.store import AGAIN, Store
from transfer_study.study.stage import Stage


def keep_snapshot(
    stage: Stage,
    store: Store,
    epoch: int,
    model: MultiTaskModel,
    tokenizer: Any,
    materials: Mapping[str, Material],
    learned: Learned,
    provenance: dict[str, Any],
    alike: Alike,
) -> None:
    """Commit encoder, heads, tokenizer and the dev and test predictions of one epoch.

    A task's predictions are those of the run where this epoch is the task's own. Leaves the model
    with the weights of that epoch. `alike` is what `keep` found; a run that did not agree keeps
    all that it says of itself beside its model.
    """
    model.load_state_dict(learned.weights[epoch])
    # Who loads it cuts texts at this length, as the stage did.
    tokenizer = copy.deepcopy(tokenizer)
    tokenizer.model_max_length = stage.recipe.max_length
    with store.attempt(stage) as folder:
        save_whole(model, folder)
        tokenizer.save_pretrained(folder)
        pooling = stage.recipe.pooling
        heads = {
            str(n): {
                "kind": str(member.task.kind),
                "outputs": member.task.outputs,
                "pooling": pooling,
            }
            for n, member in enumerate(stage.tasks)
        }
        (folder / TASKS_FILE).write_text(json.dumps(heads, indent=1) + "\n", encoding="utf-8")
        for name, m in materials.items():
            for split in ("dev", "test"):
                if learned.selected[name] == epoch:
                    answers = learned.predictions[name, split]
                else:
                    examples, collator = m.data.split(split), m.collators[split]
                    answers = predict(model, m.task, examples, collator, stage.recipe.precision)
                write_answers(folder, stage, name, split, answers)
        if alike:
            write_attempt(folder / AGAIN, stage, learned, provenance, alike)
        store.commit_snapshot(stage, epoch, folder)
