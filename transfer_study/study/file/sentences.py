"""From pydantic's errors to sentences: what was found, what is allowed, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from transfer_study.study.file.yaml_document import Document, Key
from transfer_study.study.frozen import MOST_SEED
from transfer_study.study.recipes.changes import Changes
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.spelling import choices
from transfer_study.study.study import Study
from transfer_study.study.tasks.kinds import KINDS

# By whose values the choices of a union are told apart.
_TAGS = ("format", "kind")
_EXAMPLES = {
    "name": "a short name",
    "encoder": "`tiny`, a folder or a hub id",
    "tasks": "a list of built-in names or tasks, such as [chemprot, ddi2013-type]",
    "arms": "a list such as [single, full, pairs]",
    "readings": "a list such as [refine, finetune]",
    "seeds": "a number of seeds such as 3, or a list such as [0, 1, 2]",
    "kind": f"one of {', '.join(KINDS)}",
    "adapter": "one, such as {kind: lora, rank: 8} or {kind: bottleneck, size: 64}",
    "source": "where the data are, such as {format: tsv, folder: my_task}",
    "format": "one of tsv, csv, jsonl, conll, pubtator, datasets, synthetic",
    "labels": "a list such as [positive, negative]",
    "split": "the column of splits and its values, such as {column: fold, dev: [val]}",
    "leave_out": "values by column, such as {label: ['-', '']}",
    "header": "the names of the columns such as [text, label], or such lists by split",
}


def key_of(document: Document, error: ErrorDetails) -> Key:
    """The key that an error is about: pydantic's steps less those that the file does not have.

    Choices of a union and the list around a single encoder are steps, but not keys.
    """
    key: Key = ()
    place: Any = document.value
    for step in error["loc"]:
        written = isinstance(place, dict) and step in place
        listed = isinstance(place, list) and isinstance(step, int) and step < len(place)
        if written or listed:
            key, place = (*key, step), place[step]
        elif isinstance(place, dict) and isinstance(step, str) and not _is_choice(step, place):
            key, place = (*key, step), {}
    return (*key, _tag(error)) if error["type"] == "union_tag_invalid" else key


def _is_choice(step: str, place: dict[str, Any]) -> bool:
    return step in (place.get(tag) for tag in _TAGS) or "[" in step


def _tag(error: ErrorDetails) -> str:
    """The key by which the choices of a union are told apart."""
    return str(error["ctx"]["discriminator"]).strip("'")


def sentence(document: Document, key: Key, error: ErrorDetails) -> str:
    """What is wrong at a key, in one sentence."""
    value = key[-1] if error["loc"][-1:] == ("[key]",) else document.at(key)
    match error["type"]:
        case "extra_forbidden":
            return _unknown_key(key, error["loc"][:-1])
        case "missing":
            return f"`{key[-1]}` is missing; add {_EXAMPLES.get(str(key[-1]), 'it')}"
        case "union_tag_not_found":
            example = "kind: lora" if key[-1:] == ("adapter",) else _EXAMPLES[_tag(error)]
            return f"`{_tag(error)}` is missing; add {example}"
        case "value_error":
            message = str(error["ctx"]["error"])
            # What does not fit within a task is named by its sentence; the task would be too long.
            told = "found" in message or (isinstance(value, dict) and "name" in value)
            return message if told else f"found {_shown(value)}; {message}"
    return f"found {_shown(value)}; {_remedy(str(key[-1]), value, error)}"


def _remedy(name: str, value: object, error: ErrorDetails) -> str:
    context: dict[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "enum" | "literal_error":
            remedy = choices(str(value), _words(context["expected"]))
        case "union_tag_invalid":
            remedy = choices(str(value), _words(context["expected_tags"]))
        case "int_parsing" | "int_type" | "int_from_float":
            remedy = "give a whole number such as 3"
        case "float_parsing" | "float_type" | "finite_number":
            remedy = "give a number such as 0.01"
        case "greater_than_equal" | "less_than_equal" if {"seed", "seeds"} & {*error["loc"]}:
            remedy = f"give a whole number from 0 to {MOST_SEED}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            remedy = f"give a number {error['msg'].removeprefix('Input should be ')}"
        case "too_short" | "tuple_type":
            remedy = f"give {_EXAMPLES.get(name, 'a list in [ ]')}"
        case "dict_type":
            remedy = "give a mapping of keys and values"
        case "model_type" | "model_attributes_type":
            keys = f"a mapping of keys, allowed: {', '.join(_fields(error['loc']))}"
            remedy = f"give {_EXAMPLES.get(name, keys)}"
        case "string_type" | "path_type":
            remedy = "give a single text"
        case _:
            remedy = error["msg"]
    return remedy


def _shown(value: object) -> str:
    """A value as it is written in the file, cut if it is long."""
    text = repr(value) if isinstance(value, str) and not _is_number(value) else _flow(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_flow(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return str(value)


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True


def _words(expected: str) -> list[str]:
    """The words of pydantic's "'a', 'b' or 'c'"."""
    return [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]


def _unknown_key(key: Key, parent: tuple[str | int, ...]) -> str:
    name, found = str(key[-1]), f"the key {key[-1]!r} is unknown here"
    if key == ("refine", "tasks"):
        return (
            "found changes by task, but a joint stage has one recipe for all its tasks; move them "
            "to `finetune.tasks`, or remove them"
        )
    if name in Recipe.model_fields and len(key) == 1:
        return f"{found}; put it under `refine` or `finetune`, whose recipe it belongs to"
    if name in Recipe.model_fields and key[0] == "tasks":
        return f"{found}; what fine-tuning changes for one task goes under `finetune.tasks`"
    return f"{found}; {choices(name, _fields(parent))}"


def _fields(location: tuple[str | int, ...]) -> list[str]:
    """The keys of the model at a place of the study, found by following the fields' types."""
    models: list[type[BaseModel]] = [Study]
    for step in location:
        tagged = [model for model in models if step in _formats(model)]
        inner = [
            model
            for outer in models
            for name, field in outer.model_fields.items()
            if step in (name, field.alias)
            for model in _models(field.annotation)
        ]
        models = tagged or inner or models
    return sorted(
        {field.alias or name for model in models for name, field in model.model_fields.items()}
    )


def _formats(model: type[BaseModel]) -> tuple[Any, ...]:
    """The values by which a model is told apart from the others of a union."""
    fields = (model.model_fields[tag] for tag in _TAGS if tag in model.model_fields)
    return tuple(value for field in fields for value in get_args(field.annotation))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if annotation is Changes:
        yield Recipe
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, dict, Union, UnionType) or hasattr(
        annotation, "__metadata__"
    ):
        for part in get_args(annotation):
            yield from _models(part)
