"""What an adapter cannot go together with: nothing to adapt, or a start with another adapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError
from typing_extensions import Self

from transfer_study.study.arms import HEADS_ONLY, SEQUENTIAL, SINGLE, SOFT
from transfer_study.study.checks.written import (
    Fault,
    Written,
    finetune_recipes,
    items_of,
    known_arms,
    mapping_of,
    number_of,
)
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.adapter import Adapter

Key = tuple[str, ...]

_READ: TypeAdapter[Adapter] = TypeAdapter(Adapter)


def adapter_faults(study: Written) -> Iterator[Fault]:
    """Every such fault as (key, sentence), of a study as one would write it."""
    readings = items_of(study, "readings") or [Reading.REFINE]
    refine = mapping_of(study.get("refine"))
    whole = mapping_of(study.get("finetune"))
    together = [_Recipe(("refine",), refine, refine)]
    alone = [
        _Recipe(key, changes, {**whole, **changes}) for key, changes in finetune_recipes(study)
    ]
    of_joint, of_single = [*together], [*alone]
    for name, changes in mapping_of(study.get("variants")).items():
        key = ("variants", name)
        if Reading.REFINE in readings:
            of_joint += [base.varied(key, mapping_of(changes)) for base in together]
        if Reading.FINETUNE in readings:
            of_single += [base.varied(key, mapping_of(changes)) for base in alone]
    heads = mapping_of(study.get("heads"))
    if _Recipe(("heads",), heads, heads).adapter is not None:
        found = _said(heads["adapter"])
        yield (
            ("heads", "adapter"),
            f"found {found}, but `heads` learns a head alone; move it to `refine`, or remove it",
        )
    for recipe in (*of_joint, *of_single):
        yield from recipe.renewed()
    arms = known_arms(study)
    if SOFT in arms:
        for recipe in of_joint:
            yield from recipe.softly_shared()
    if Reading.FINETUNE in readings:
        starts = together if {*arms} - {SINGLE, SEQUENTIAL, HEADS_ONLY} else []
        starts = [*starts, *(alone if SEQUENTIAL in arms else [])]
        yield from dict.fromkeys(
            fault for recipe in of_single for start in starts for fault in recipe.goes_on(start)
        )


@dataclass(frozen=True)
class _Recipe:
    """What is written under a key of the study, and the whole recipe that it is part of."""

    key: Key
    written: Written
    whole: Written

    def varied(self, key: Key, changes: Written) -> Self:
        """The recipe with a variant's changes."""
        return type(self)(key, changes, {**self.whole, **changes})

    @property
    def adapter(self) -> Adapter | None:
        """The adapter of the whole recipe; None where there is none, or it is ill-formed."""
        try:
            return _READ.validate_python(self.whole.get("adapter"))
        except ValidationError:
            return None

    @property
    def said(self) -> str:
        """The adapter as it is written."""
        return _said(self.whole["adapter"])

    def renewed(self) -> Iterator[Fault]:
        """Layers that the recipe draws anew, and leaves as they are then drawn."""
        layers = number_of(self.whole.get("reinit_layers"))
        if self.adapter is not None and layers and {"adapter", "reinit_layers"} & {*self.written}:
            name = "adapter" if "adapter" in self.written else "reinit_layers"
            found = self.said if name == "adapter" else f"{layers:g}"
            other = f"`reinit_layers: {layers:g}`" if name == "adapter" else "`adapter`"
            yield (
                (*self.key, name),
                f"found {found} beside {other}, but with an adapter new layers would stay as they "
                "are drawn; remove one of them",
            )

    def softly_shared(self) -> Iterator[Fault]:
        """An adapter where tasks have encoders of their own, tied by all their weights."""
        if self.adapter is not None and "adapter" in self.written:
            yield (
                (*self.key, "adapter"),
                f"found {self.said}, but the arm 'soft' ties encoders all of whose weights learn; "
                "leave 'soft' out of `arms`, or remove it",
            )

    def goes_on(self, start: Self) -> Iterator[Fault]:
        """Another adapter than that of what the stage starts from."""
        mine, theirs = self.adapter, start.adapter
        if mine is not None and theirs is not None and mine != theirs:
            own = "adapter" in self.written
            yield (
                (*(self.key if own else start.key), "adapter"),
                f"found {self.said if own else start.said}, but a stage goes on with the adapter "
                f"that it starts from, and {_said(start.whole['adapter'])} of "
                f"`{'.'.join(start.key)}` is another than {self.said}; write the same, or remove "
                "one of them",
            )


def _said(value: object) -> str:
    """A value as it is written in a file."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {_said(part)}' for name, part in value.items())}}}"
    return str(value)
