"""When two rows are of the same document, within a corpus and across corpora."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from transfer_study.data.leaks.same_text import LeakRow

# Ids that mean the same everywhere: PubMed, PubMed Central, ClinicalTrials.gov, DOI; and those of
# MEDLINE, by which GENIA and JNLPBA go and which are not PubMed's.
_GLOBAL = re.compile(r"\d{6,8}|PMC\d+|NCT\d{8}|10\.\d{4,}/\S+|MEDLINE:\d+")


def same_documents(rows: Sequence[LeakRow], others: Sequence[LeakRow]) -> frozenset[str]:
    """The documents of which both have rows, by the names that their sources give.

    Both are the rows of one task. Two corpora may number their documents alike. Across tasks a name
    therefore counts if it is one of `_GLOBAL`, or if the documents share a text.
    """
    names = _named(rows) & _named(others)
    if not names or rows[0].task == others[0].task:
        return names
    texts, their_texts = _texts(rows, names), _texts(others, names)
    return frozenset(
        name for name in names if _GLOBAL.fullmatch(name) or texts[name] & their_texts[name]
    )


def _named(rows: Sequence[LeakRow]) -> frozenset[str]:
    return frozenset(row.example.document for row in rows if row.example.named)


def _texts(rows: Sequence[LeakRow], documents: frozenset[str]) -> dict[str, set[str]]:
    texts: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.example.document in documents:
            texts[row.example.document].update(row.told)
    return texts
