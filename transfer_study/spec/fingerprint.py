"""What a stage's identity knows of its data: how many examples, and hashes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from transfer_study.spec.example import Label
from transfer_study.spec.frozen import Frozen, canonical_json


class TextsFingerprint(Frozen):
    """The number of texts and the sha256 over them, in order."""

    n: int
    sha256: str


class SplitFingerprint(Frozen):
    """The number of examples of a split and the sha256 over them, in order.

    `gold` is the `gold_hash` of the examples: by it predictions, which repeat ids, documents and
    gold labels but not texts, are held against the stage that they are said to be of.
    `left_out` are the positions, before limits, of the rows dropped as leaks, ascending; None
    where there is none.
    """

    n: int
    sha256: str
    gold: str
    left_out: tuple[int, ...] | None = None


class DataFingerprint(Frozen):
    """The examples of a task as they are used: after carving dev, dropping leaks and limits."""

    train: SplitFingerprint
    dev: SplitFingerprint
    test: SplitFingerprint

    def identity(self) -> dict[str, object]:
        """The fingerprint as hashed; what was never dropped is not spoken of."""
        return self.model_dump(mode="json", exclude_none=True)


def gold_hash(ids: Sequence[str], documents: Sequence[str], gold: Sequence[Label]) -> str:
    """The sha256 over the id, document and gold label of examples, as canonical JSON lines."""
    digest = hashlib.sha256()
    for fields in zip(ids, documents, gold, strict=True):
        digest.update(canonical_json(fields).encode() + b"\n")
    return digest.hexdigest()
