"""Documents that a source does not name, but that the ids of its rows may tell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from transfer_study.data.splits import TaskData
from transfer_study.study.tasks.source import SPLITS, SyntheticSource

_SEPARATORS = re.compile(r"[-._:/|]")
# Fewer are parts of a corpus; and where nearly all rows have one of their own, nothing is shared.
_FEWEST = 10
_SHARED = 0.9


@dataclass(frozen=True)
class ProposedPattern:
    """A `document_pattern`, the documents that it finds in all splits, and the rows of these."""

    pattern: str
    documents: int
    rows: int


def propose_pattern(data: TaskData) -> ProposedPattern | None:
    """The shortest beginning that the ids of many rows share; None where documents are named."""
    examples = [example for split in SPLITS for example in data.split(split)]
    source = data.task.source
    if isinstance(source, SyntheticSource) or any(example.named for example in examples):
        return None
    ids = [example.id for example in examples]
    signs = "".join(re.escape(sign) for sign in sorted(set(_SEPARATORS.findall(ids[0]))))
    for further in range(len(_SEPARATORS.findall(ids[0]))):
        part = f"[^{signs}]+"
        pattern = f"^({part}{f'[{signs}]{part}' * further})[{signs}]"
        found = [re.search(pattern, name) for name in ids]
        documents = len({match[1] for match in found if match})
        if all(found) and _FEWEST <= documents <= _SHARED * len(ids):
            return ProposedPattern(pattern, documents, len(ids))
    return None
