"""The kinds of task: each is one value in a module of its own, and stands in this list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from transfer_study.study.tasks.kinds.classification import CLASSIFICATION
from transfer_study.study.tasks.kinds.kind import TaskKind
from transfer_study.study.tasks.kinds.multilabel import MULTILABEL
from transfer_study.study.tasks.kinds.multiple_choice import MULTIPLE_CHOICE
from transfer_study.study.tasks.kinds.regression import REGRESSION
from transfer_study.study.tasks.kinds.tagging import TAGGING

__all__ = [
    "CLASSIFICATION",
    "KINDS",
    "MULTILABEL",
    "MULTIPLE_CHOICE",
    "REGRESSION",
    "TAGGING",
    "TaskKind",
    "kind_of",
]

KINDS: Mapping[str, TaskKind] = MappingProxyType(
    {kind.word: kind for kind in (CLASSIFICATION, MULTILABEL, REGRESSION, TAGGING, MULTIPLE_CHOICE)}
)


def kind_of(word: str) -> TaskKind:
    """The kind that a study file calls so; raises KeyError."""
    return KINDS[word]
