"""What the answers to a target are: its kind and metric, as asked for or as gold looks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from transfer_study.files import parse_json
from transfer_study.study.tasks.kinds import (
    CLASSIFICATION,
    KINDS,
    MULTILABEL,
    REGRESSION,
    TAGGING,
    TaskKind,
)
from transfer_study.study.tasks.kinds.kind import Raw
from transfer_study.study.tasks.task import MetricName

NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
TAG = re.compile(r"O|[BI]-.+", re.DOTALL)
_OTHER_TAG = re.compile(r"[ESLUM]-.+|[BIESLU]", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRequest:
    """What a user says of a target: its kind, its metric and the class that F1 leaves out."""

    kind: TaskKind | None = None
    metric: MetricName | None = None
    negative: str | None = None


class Unclear(Exception):  # noqa: N818  (it is told as a problem of a target)
    """Why a target's answers cannot be read, as a clause that says what to do."""


def as_lists(values: Sequence[Raw]) -> list[Raw]:
    """The same, lists that stand as text (of JSON or of Python) as lists, if all are lists."""
    read = [value if isinstance(value, tuple) else list_of(value) for value in values]
    lists = [value for value in read if value is not None]
    return list(lists) if len(lists) == len(values) else list(values)


def list_of(text: str) -> tuple[str, ...] | None:
    """The items of a list of JSON or of Python; None for any other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    for parse in (parse_json, ast.literal_eval):
        try:
            items = parse(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(items, list) and all(isinstance(item, str | int | float) for item in items):
            return tuple(map(str, items))
    return None


def kind_of_answers(
    asked: TargetRequest, gold: Sequence[Raw], predicted: Iterable[Sequence[Raw]]
) -> TaskKind:
    """The kind that is asked for, or that gold looks like; raises Unclear.

    Lists are of tags, or of labels; numbers with a fraction are values, and whole ones classes.
    """
    if asked.kind is not None:
        return asked.kind
    by_metric = [kind for kind in KINDS.values() if asked.metric in kind.metrics]
    if len(by_metric) == 1:
        return by_metric[0]
    lists = [value for value in gold if isinstance(value, tuple)]
    if lists and len(lists) < len(gold):
        raise Unclear(f"gold has {len(lists)} lists among {len(gold)} labels; write all alike")
    if lists:
        tags = {tag for value in lists for tag in value}
        # Sentences of one word may do without O or B-, their tags are still no labels.
        return TAGGING if tags and all(map(_is_tag, tags)) else MULTILABEL
    texts = [str(value) for value in gold]
    if not all(map(NUMBER.fullmatch, texts)):
        return CLASSIFICATION
    if any(map(_has_fraction, texts)):
        return REGRESSION
    for values in predicted:
        fraction = next((v for v in values if isinstance(v, str) and _has_fraction(v)), None)
        if fraction is not None:
            raise Unclear(
                f"gold are whole numbers, predictions such as {fraction} are none; give classes as"
                " predictions, or say that the target is of the kind regression"
            )
    return CLASSIFICATION


def _is_tag(tag: str) -> bool:
    return bool(TAG.fullmatch(tag) or _OTHER_TAG.fullmatch(tag))


def _has_fraction(text: str) -> bool:
    return bool(NUMBER.fullmatch(text)) and not float(text).is_integer()


def metric_of(asked: TargetRequest, kind: TaskKind) -> MetricName:
    """The metric that is asked for, or the kind's first; raises Unclear for one of other kinds."""
    metric = asked.metric or MetricName(kind.metrics[0])
    if metric not in kind.metrics:
        raise Unclear(
            f"the metric {metric} does not fit the kind {kind}; allowed: {', '.join(kind.metrics)}"
        )
    return metric
