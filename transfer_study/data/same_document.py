"""When two rows are of the same document, within a corpus and across corpora."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from transfer_study.data.same_text import Row
from transfer_study.spec.task import SyntheticSource, Task

# PubMed, PubMed Central, ClinicalTrials.gov and DOI: ids that mean the same everywhere.
_GLOBAL = re.compile(r"\d{6,8}|PMC\d+|NCT\d{8}|10\.\d{4,}/\S+")


def has_documents(task: Task) -> bool:
    """Whether the task's source says which rows are of one document."""
    source = task.source
    if isinstance(source, SyntheticSource):
        return False
    return source.columns.document is not None or source.document_pattern is not None


def same_documents(
    task: Task, rows: Sequence[Row], other: Task, others: Sequence[Row]
) -> frozenset[str]:
    """The documents of which both have rows, by id.

    Two corpora may number their documents alike. Across tasks an id therefore counts if it is one
    of PubMed, PubMed Central, ClinicalTrials.gov or a DOI, or if the documents share a text.
    """
    if not (has_documents(task) and has_documents(other)):
        return frozenset()
    ids = {row.example.document for row in rows} & {row.example.document for row in others}
    if task.name == other.name or not ids:
        return frozenset(ids)
    texts, their_texts = _texts(rows, ids), _texts(others, ids)
    return frozenset(
        name for name in ids if _GLOBAL.fullmatch(name) or texts[name] & their_texts[name]
    )


def _texts(rows: Sequence[Row], documents: set[str]) -> dict[str, set[str]]:
    texts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.example.document in documents and row.text:
            texts[row.example.document].update((row.text, *row.parts))
    return texts
