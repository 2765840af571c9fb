"""What stands in a study as one would write it, sound or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transfer_study.study.arms import USUAL_ARMS, Arm

# A key of the study and what is wrong there.
Fault = tuple[tuple[str | int, ...], str]
Written = Mapping[str, Any]


def items_of(study: Written, key: str) -> list[Any]:
    """What a key lists, which may stand there alone."""
    value = study.get(key, [])
    return list(value) if isinstance(value, list | tuple) else [value]


def mapping_of(value: object) -> Written:
    """The value, empty where it is no mapping."""
    return value if isinstance(value, Mapping) else {}


def name_of(item: object) -> str:
    """The name of what is given by name or as a mapping, empty where it has none."""
    return str(item.get("name", "") if isinstance(item, Mapping) else item)


def number_of(value: object) -> float | None:
    """What a value says as a number, None where it is none."""
    try:
        return float(str(value))
    except ValueError:
        return None


def arms_of(study: Written) -> list[str]:
    """The study's arms, or those that it has where it says none."""
    return [str(arm) for arm in items_of(study, "arms")] or list(USUAL_ARMS)


def known_arms(study: Written) -> list[Arm]:
    """The study's arms, but for words that name none."""
    return [Arm.known[word] for word in arms_of(study) if word in Arm.known]


def finetune_recipes(study: Written) -> Iterator[tuple[tuple[str, ...], Written]]:
    """The recipe of fine-tuning and its changes for single tasks, with their keys."""
    finetune = mapping_of(study.get("finetune"))
    yield ("finetune",), finetune
    for name, changes in mapping_of(finetune.get("tasks")).items():
        yield ("finetune", "tasks", name), mapping_of(changes)
