"""The whole model of one epoch of a stage, kept in the store so that it can be taken home."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from transfer_study.execute.answers import write_answers
from transfer_study.execute.keep import Attempt, write_again
from transfer_study.learn.material import Material
from transfer_study.learn.models.load_model import TASKS_FILE
from transfer_study.learn.models.model import MultiTaskModel, restore, save_whole
from transfer_study.learn.predict import predict
from transfer_study.store.store import Store


def keep_snapshot(
    attempt: Attempt, store: Store, epoch: int, tokenizer: Any, materials: Mapping[str, Material]
) -> None:
    """Commit encoder, heads, tokenizer and the dev and test predictions of one epoch.

    A task's predictions are those of the run where this epoch is the task's own. Leaves the model
    with the weights of that epoch, and LoRA merged into them. The attempt is as `keep` returned it;
    one that did not agree keeps all that it says of itself beside its model. What is softly shared
    is no one model, and is not kept.
    """
    stage, model, learned = attempt.stage, attempt.model, attempt.learned
    if not isinstance(model, MultiTaskModel):
        return
    restore(model, learned.weights[epoch])
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
        content = (json.dumps(heads, indent=1) + "\n").encode()
        store.disk.write(folder / TASKS_FILE, content)
        for name, m in materials.items():
            for split in ("dev", "test"):
                if learned.selected[name] == epoch:
                    answers = learned.predictions[name, split]
                else:
                    examples, collator = m.data.split(split), m.collators[split]
                    answers = predict(model, m.task, examples, collator, stage.recipe.precision)
                write_answers(store.disk, folder, stage, name, split, answers)
        write_again(store.disk, folder, attempt)
        store.commit_snapshot(stage, epoch, folder)
