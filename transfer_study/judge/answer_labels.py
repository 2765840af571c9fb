"""Labels as others write them: read by the kind of their target, and told where they misfit."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from pydantic import ValidationError

from transfer_study.judge.answer_kind import NUMBER, TAG, Unclear, list_of
from transfer_study.study.characters import composed, fault_of_name
from transfer_study.study.tasks.example import Label
from transfer_study.study.tasks.kinds import (
    CLASSIFICATION,
    MULTILABEL,
    MULTIPLE_CHOICE,
    REGRESSION,
    TAGGING,
    TaskKind,
)
from transfer_study.study.tasks.kinds.kind import Raw
from transfer_study.study.tasks.kinds.tagging import mentions
from transfer_study.study.tasks.task import MetricName, Task


@dataclass(frozen=True, slots=True)
class LabelReader:
    """Reads the labels of one target: of `kind`, with or without classes that are numbers."""

    kind: TaskKind
    numbers: bool
    lenient: bool

    @classmethod
    def of(cls, kind: TaskKind, metric: MetricName, gold: Sequence[Raw]) -> LabelReader:
        """A reader of a target with these gold labels."""
        items = {v for value in gold for v in (value if isinstance(value, tuple) else (value,))}
        numbers = all(map(NUMBER.fullmatch, items))
        return cls(kind, numbers, metric is MetricName.LENIENT_ENTITY_F1)

    def gold(self, value: Raw) -> Label:
        """A gold label; raises ValueError with a sentence."""
        label = self.label(value)
        if self.kind is TAGGING and not self.lenient:
            assert isinstance(label, tuple)
            if [*mentions(label)] != [*mentions(label, lenient=True)]:
                raise ValueError(
                    "the gold tags have an I- that continues no mention, which entity_f1 takes for "
                    "O; begin mentions with B- (IOB2), or ask for lenient_entity_f1"
                )
        return label

    def label(self, value: Raw) -> Label:
        """A label or prediction; raises ValueError with a sentence."""
        return _READ[self.kind.word](self, value)

    def _class(self, value: Raw) -> str:
        if isinstance(value, tuple):
            raise ValueError(f"found a list of {len(value)} where a {self.kind} has one label")
        return self._name(value)

    def _name(self, text: str) -> str:
        # 1, 1.0 and 1e0 are one class where classes are numbers.
        if self.numbers and NUMBER.fullmatch(text) and float(text).is_integer():
            return str(int(float(text)))
        return _name(text)

    def _set(self, value: Raw) -> tuple[str, ...]:
        names = [self._name(item) for item in _listed(value, "labels")]
        if len(set(names)) < len(names):
            raise ValueError(
                "found a label twice in a list; give the labels that hold, each once, or if these "
                "are tags of words, write them as O, B-TYPE and I-TYPE"
            )
        return tuple(sorted(names))

    def _tags(self, value: Raw) -> tuple[str, ...]:
        tags = _listed(value, "tags")
        wrong = next((tag for tag in tags if not TAG.fullmatch(tag)), None)
        if wrong is not None:
            raise ValueError(f"found the tag {wrong!r}; write tags as O, B-TYPE and I-TYPE (IOB2)")
        return tuple(map(_name, tags))

    def _value(self, value: Raw) -> float:
        try:
            number = float(value) if isinstance(value, str) and "_" not in value else math.nan
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise ValueError(f"found {value!r} where a finite number is expected")
        return number


def _listed(value: Raw, what: str) -> tuple[str, ...]:
    items = value if isinstance(value, tuple) else list_of(value)
    if items is None:
        raise ValueError(f"found {str(value)[:40]!r} where a list of {what} is expected")
    return items


@lru_cache(maxsize=1 << 16)  # names are few
def _name(text: str) -> str:
    if fault := fault_of_name(text):
        raise ValueError(f"the label has {fault}")
    return composed(text)


_READ: Mapping[str, Callable[[LabelReader, Raw], Label]] = MappingProxyType(
    {
        CLASSIFICATION.word: LabelReader._class,
        MULTIPLE_CHOICE.word: LabelReader._class,
        MULTILABEL.word: LabelReader._set,
        TAGGING.word: LabelReader._tags,
        REGRESSION.word: LabelReader._value,
    }
)


def same_label(one: Label, other: Label) -> bool:
    """Whether gold labels of two files are the same; numbers may have been kept as float32."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9)
    return one == other


def misfit(known: Collection[str], name: str) -> str | None:
    """Why a predicted class cannot be meant as it is written; None where it may be."""
    if name in known:
        return None
    meant = next((k for k in known if k.strip().casefold() == name.strip().casefold()), None)
    if meant is not None:
        return f"found the prediction {name!r}, which gold writes {meant!r}; write both alike"
    example = min(known, default="")
    if NUMBER.fullmatch(name) and not any(map(NUMBER.fullmatch, known)):
        return (
            f"found the number {name} as a prediction, where gold has names such as {example!r}; "
            "write the predicted classes by their names"
        )
    return None


def task_of(
    kind: TaskKind, metric: MetricName, negative: str | None, labels: Collection[str]
) -> Task:
    """What metrics ask of a target: its kind and its labels; the data are answers alone.

    Raises Unclear for a negative class that is none of the labels, or for too few of them.
    """
    if negative is not None and negative not in labels:
        found = ", ".join(sorted(labels)[:10]) or "none"
        raise Unclear(f"the negative class {negative!r} is none of its labels; found: {found}")
    if len(labels) < kind.fewest_labels:
        found = ", ".join(labels) or "none"
        raise Unclear(f"a {kind} task has at least {kind.fewest_labels} labels; found: {found}")
    listed = tuple(labels) if kind.fewest_labels else ()
    columns = {"candidates": "candidates"} if kind.candidates else {}
    source = {"format": "jsonl", "files": {"test": "answers.jsonl"}, "columns": columns}
    said = {"kind": kind, "metric": metric, "labels": listed, "negative": negative}
    try:
        return Task.model_validate({"name": "answers", **said, "source": source})
    except ValidationError as error:
        raise Unclear(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
