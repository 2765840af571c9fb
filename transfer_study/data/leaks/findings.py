"""What is found when test is known before it is asked: leaks, their table, and rows left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from transfer_study.study.frozen import Word

if TYPE_CHECKING:
    import pandas as pd

EVERY_TASK = "every task"


class LeakKind(Word):
    """What two splits have in common, or what the study does with one."""

    TEXT = "text"  # the same text (data/leaks/same_text.py)
    NEAR = "near text"  # at least 80% of the word pairs
    SENTENCE = "sentence"  # one sentence of a pair
    DOCUMENT = "document"  # the same document
    LABEL = "label"  # the same text, letter for letter, with another label
    PROTOCOL = "protocol"  # training on dev, selection on test


class Severity(Word):
    """What a finding means for test scores."""

    HIGH = "high"  # they are too good
    MEDIUM = "medium"  # they may be
    LOW = "low"  # worth knowing


@dataclass(frozen=True)
class Leak:
    """What the rows of one split share with those of another.

    `texts` are the distinct texts (documents of that kind) of the target that are concerned:
    `short` of them have fewer than 40 letters and digits, as headings do; `verbatim` counts those
    that agree letter for letter, spellings that differ in case being several. `rows` are the
    target's rows and `share` their part of it, `source_rows` the rows on the other side.
    `examples` are ids of the source and the target.
    """

    kind: LeakKind
    source: str
    source_split: str
    target: str
    target_split: str
    texts: int
    verbatim: int
    short: int
    source_rows: int
    rows: int
    share: float
    severity: Severity
    note: str = ""
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Leaks:
    """The findings of a study, the gravest and largest first.

    `read` is how many rows of each task and split were compared: those that the study reads.
    """

    findings: tuple[Leak, ...]
    read: Mapping[str, Mapping[str, int]]

    def of(self, kind: LeakKind) -> tuple[Leak, ...]:
        """The findings of one kind."""
        return tuple(leak for leak in self.findings if leak.kind is kind)


class WhyDropped(Word):
    """What a training row has in common with a row of a test set, from the plainest on."""

    TEXT = "text"  # the same text, with the same signs
    LETTERS = "text but for signs"  # the same letters and digits; masks are signs
    SENTENCE = "sentence of a pair"  # the test row's text is one of the pair's
    DOCUMENT = "document"  # the same document


@dataclass(frozen=True)
class Dropped:
    """The rows of a split that `exclude_leaks` leaves out for one reason, by a test set.

    `positions` are those in the split as read and carved, ascending; `examples` are ids of rows
    with that of the test row concerned.
    """

    task: str
    split: str
    why: WhyDropped
    test: str  # the name of the task whose test it is
    positions: tuple[int, ...]
    examples: tuple[tuple[str, str], ...]


def leak_table(leaks: Leaks) -> pd.DataFrame:
    """One row a finding with the fields of a Leak, its examples as `source = target`; no text."""
    import pandas as pd

    rows = [
        {
            **asdict(leak),
            "kind": leak.kind.value,
            "severity": leak.severity.value,
            "examples": "; ".join(" = ".join(ids) for ids in leak.examples),
        }
        for leak in leaks.findings
    ]
    return pd.DataFrame(rows, columns=[field.name for field in fields(Leak)])
