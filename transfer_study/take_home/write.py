"""A snapshot as a folder for others: a transformers class of its own, or heads and their loader.

Where transformers computes a task's answers as the study did, its pipelines load the folder. Of any
other model (several heads, mean pooling, families whose class has other layers) the folder has a
plain module that loads it, which needs nothing of this project and no `trust_remote_code`.

Either folder is read back and must answer as the study did before it counts.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    BertConfig,
)

from transfer_study.data.tokens.encode import encode
from transfer_study.errors import ExportError
from transfer_study.learn.batch import Collator, by_row, for_encoder
from transfer_study.learn.models import load_model
from transfer_study.learn.predict import predict
from transfer_study.store.alike import is_alike
from transfer_study.store.predictions import Answers
from transfer_study.store.storage.commit_record import Part
from transfer_study.store.store import AGAIN
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.task import Task

LOADER_FILE = "load_model.py"
# The examples of a test set that a folder must answer as stored, spread over all of it.
_CHECKED = 256
# How far a probability, or a share of a value, may be off: batches of other shapes round otherwise.
_TOLERANCE = {Precision.FLOAT32: 1e-4, Precision.BFLOAT16: 2e-2}
_CLASS_OF = {
    "text-classification": AutoModelForSequenceClassification,
    "token-classification": AutoModelForTokenClassification,
}


def write_pipeline_folder(snapshot: Path, place: int, task: Task, folder: Path) -> bool:
    """Write the model of the task at a place so that `transformers.pipeline` loads it.

    False, and nothing is written, where transformers has no class for the encoder that computes
    the task's answers as the study did; so it is of mean pooling, and of some families.
    """
    body = AutoModel.from_pretrained(snapshot, dtype=torch.float32, trust_remote_code=False)
    layers = load_file(snapshot / load_model.HEADS_FILE)
    model = _empty_model(snapshot, task)
    if model is None:
        return False
    tensors = _renamed(body.state_dict(), layers, place, model)
    if not _fit(tensors, model.state_dict()):
        return False
    model.load_state_dict(tensors)
    if not _same_logits(snapshot, place, model.eval()):
        return False
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(snapshot, trust_remote_code=False).save_pretrained(folder)
    return True


def _empty_model(snapshot: Path, task: Task) -> Any:
    """The transformers class of an encoder for a task, weights at random; None where none is."""
    pipeline = task.kind.take_home.pipeline
    if pipeline is None:
        return None
    config = AutoConfig.from_pretrained(snapshot, trust_remote_code=False)
    if pipeline == "text-classification":
        if config.model_type in ("deberta", "deberta-v2"):
            config.pooler_hidden_act = "tanh"
            config.pooler_hidden_size = config.hidden_size
        elif config.model_type == "electra" and config.embedding_size == config.hidden_size:
            # ELECTRA's own class has another activation; its encoder of this shape is a BERT.
            shared = config.to_dict().keys() & BertConfig().to_dict().keys() - {"model_type"}
            config = BertConfig(**{name: getattr(config, name) for name in shared})
        config.problem_type = task.kind.take_home.problem
    config.id2label = dict(enumerate(task.outputs))
    config.label2id = {name: n for n, name in enumerate(task.outputs)}
    try:
        return _CLASS_OF[pipeline].from_config(config)
    except ValueError:  # of another family
        return None


def _renamed(
    body: dict[str, Tensor], layers: dict[str, Tensor], place: int, model: Any
) -> dict[str, Tensor]:
    """The tensors under the names that the model's class has for them, the others left out."""
    wanted = model.state_dict()
    prefix = model.base_model_prefix
    head = "classifier.out_proj" if "classifier.out_proj.weight" in wanted else "classifier"
    tensors = {f"{prefix}.{name}": tensor for name, tensor in body.items()}
    for part in ("weight", "bias"):
        tensors[f"{head}.{part}"] = layers[f"{place}.{part}"]
        dense = layers.get(f"pooler.dense.{part}", body.get(f"pooler.dense.{part}"))
        if dense is not None:
            for name in ("classifier.dense", "pooler.dense", f"{prefix}.pooler.dense"):
                tensors[f"{name}.{part}"] = dense
    return {name: tensor for name, tensor in tensors.items() if name in wanted}


def _fit(tensors: dict[str, Tensor], wanted: dict[str, Tensor]) -> bool:
    return tensors.keys() == wanted.keys() and all(
        tensor.shape == wanted[name].shape for name, tensor in tensors.items()
    )


def _same_logits(snapshot: Path, place: int, model: Any) -> bool:
    """Whether the model computes what the snapshot's own loader does, on any ids."""
    _, _, logits = load_model.load(snapshot)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(model.config.vocab_size, (4, 8), generator=generator)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        return torch.allclose(model(**inputs).logits, logits(str(place), **inputs), 1e-4, 1e-5)


def write_loader_folder(snapshot: Path, tasks: Mapping[int, Task], folder: Path) -> None:
    """Write the encoder, the heads of the tasks at these places and a loader of its own."""
    left_out = shutil.ignore_patterns("predictions", Part.SNAPSHOTS.record, AGAIN)
    shutil.copytree(snapshot, folder, ignore=left_out, dirs_exist_ok=True)
    said = json.loads((snapshot / load_model.TASKS_FILE).read_text(encoding="utf-8"))
    kept = json.dumps({task.name: said[str(place)] for place, task in tasks.items()}, indent=1)
    (folder / load_model.TASKS_FILE).write_text(kept + "\n", encoding="utf-8")
    renamed = {str(place): task.name for place, task in tasks.items()}
    renamed["pooler.dense"] = "pooler.dense"
    layers = {
        f"{renamed[layer]}.{part}": tensor
        for name, tensor in load_file(snapshot / load_model.HEADS_FILE).items()
        for layer, _, part in [name.rpartition(".")]
        if layer in renamed
    }
    save_file(layers, folder / load_model.HEADS_FILE)
    shutil.copyfile(Path(str(load_model.__file__)), folder / LOADER_FILE)


def check_pipeline_folder(
    folder: Path, task: Task, examples: Sequence[Example], stored: Answers, precision: Precision
) -> int:
    """Load the folder as anyone would and count the test examples that it was checked on.

    Raises ExportError where it does not answer as stored.
    """
    assert task.kind.take_home.pipeline is not None
    model = (
        _CLASS_OF[task.kind.take_home.pipeline]
        .from_pretrained(folder, trust_remote_code=False)
        .to(_device())
    )
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    loaded = _Loaded(lambda _, inputs: model(**inputs).logits)
    model.eval()
    return _check(loaded, tokenizer, task, examples, stored, precision)


def check_loader_folder(
    folder: Path, task: Task, examples: Sequence[Example], stored: Answers, precision: Precision
) -> int:
    """Likewise for one head of a folder with several, through the loader in it."""
    _, tokenizer, logits = _module(folder / LOADER_FILE).load(folder, _device())
    loaded = _Loaded(lambda task, inputs: logits(task.name, **inputs))
    return _check(loaded, tokenizer, task, examples, stored, precision)


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("load_model", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Loaded(nn.Module):
    """A loaded model as `predict` takes one."""

    def __init__(self, answer: Callable[[Task, dict[str, Tensor]], Tensor]) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, task: Task, inputs: dict[str, Tensor]) -> Tensor:
        return by_row(self.answer(task, for_encoder(inputs)).float(), inputs)


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _check(
    model: nn.Module,
    tokenizer: Any,
    task: Task,
    examples: Sequence[Example],
    stored: Answers,
    precision: Precision,
) -> int:
    rows = np.unique(np.linspace(0, len(examples) - 1, min(len(examples), _CHECKED)).astype(int))
    chosen = [examples[n] for n in rows]
    length = tokenizer.model_max_length
    encoded = encode(task, chosen, tokenizer, Recipe(max_length=length))
    ids = (tokenizer.pad_token_id, tokenizer.pad_token_type_id)
    collator = Collator(encoded, *ids, length, torch.device(_device()))
    answers = predict(model, task, chosen, collator, precision)
    wrong = sum(
        not is_alike(
            task, answers.labels[k], answers.scores[k], stored, int(n), _TOLERANCE[precision]
        )
        for k, n in enumerate(rows)
    )
    if wrong:
        raise ExportError(
            f"the exported model answers {wrong} of {len(rows)} test examples of {task.name} "
            "otherwise than the study did, so it was not written; the versions of torch, "
            "transformers and tokenizers must be those of the study"
        )
    return len(rows)
