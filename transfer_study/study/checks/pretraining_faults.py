"""What does not fit together in a study's pretraining and its encoders from scratch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transfer_study.study.checks.written import Fault
from transfer_study.study.encoder import ScratchConfig
from transfer_study.study.recipes.pretraining import SUFFIX


def pretraining_faults(study: Mapping[str, Any]) -> Iterator[Fault]:
    """Every such incoherence as (key, sentence), of a study as one would write it."""
    encoders = study.get("encoder", [])
    listed = list(encoders) if isinstance(encoders, list | tuple) else [encoders]
    names = [str(e.get("name", "") if isinstance(e, Mapping) else e) for e in listed]
    pretrains = study.get("pretrain") is not None
    for n, entry in enumerate(listed):
        if pretrains and names[n].endswith(SUFFIX) and names[n].removesuffix(SUFFIX) in names:
            yield (
                ("encoder", n),
                f"found {names[n]!r}, the name of the pretrained "
                f"{names[n].removesuffix(SUFFIX)!r}; choose another name",
            )
        scratch = entry.get("scratch") if isinstance(entry, Mapping) else None
        if isinstance(scratch, Mapping):
            yield from _scratch_faults(("encoder", n), entry, scratch, pretrains)


def _scratch_faults(
    key: tuple[str | int, ...],
    entry: Mapping[str, Any],
    scratch: Mapping[str, Any],
    pretrains: bool,
) -> Iterator[Fault]:
    if not pretrains:
        yield (
            (*key, "scratch"),
            "found an encoder from scratch, but its vocabulary is learned from the texts of "
            "`pretrain`; add that section, such as {texts: tasks}",
        )
    if scratch.get("texts") is not None:
        yield (
            (*key, "scratch", "texts"),
            "found texts, but the vocabulary is learned from those of `pretrain`; remove them",
        )
    for other in ("tiny", "revision"):
        if entry.get(other) is not None:
            yield (
                (*key, other),
                f"found `{other}`, which an encoder from scratch has none of; remove one of them",
            )
    if entry.get("source", "scratch") != "scratch":
        yield (
            (*key, "source"),
            f"found {entry['source']!r}, but `scratch` describes an encoder without files; remove "
            "one of them",
        )
    hidden, heads = (
        _whole(scratch.get(name, ScratchConfig.model_fields[name].default))
        for name in ("hidden_size", "heads")
    )
    if hidden and heads and hidden % heads:
        yield (
            (*key, "scratch", "hidden_size"),
            f"found {hidden}, which {heads} heads cannot share; give a multiple of it",
        )


def _whole(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdecimal() else None
