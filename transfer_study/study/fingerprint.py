"""What a stage's identity knows of its data: how many examples, and hashes of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from transfer_study.study.frozen import Frozen, canonical_json
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.tasks.example import Label


class TextsFingerprint(Frozen):
    """The number of texts and the sha256 over them, in order."""

    n: int
    sha256: str


class SplitFingerprint(Frozen):
    """The number of examples of a split and the sha256 over their texts and labels, in order.

    `gold` is the `gold_hash` of the examples: by it predictions, which repeat ids, documents and
    gold labels but not texts, are held against the data that they are said to be of.
    `left_out` are the positions, before limits, of the rows dropped as leaks, ascending; None
    where there is none.
    """

    n: int
    sha256: str
    gold: str
    left_out: tuple[int, ...] | None = None


class DataFingerprint(Frozen):
    """The examples of a task as they are used: after carving dev, dropping leaks and limits.

    `key` is the content of all of train as its source has it, which sizes, leaks and the order of
    labels leave alone: what is random about a task is drawn from it.
    """

    key: str
    train: SplitFingerprint
    dev: SplitFingerprint
    test: SplitFingerprint

    def identity(self, *, by_document: bool = False) -> dict[str, object]:
        """What training and answers depend on: texts and labels, not ids or documents.

        Unless train is divided `by_document`.
        """
        return {
            "key": self.key,
            **({"documents": self.train.gold} if by_document else {}),
            **{
                name: {"n": split.n, "sha256": split.sha256}
                for name, split in (("train", self.train), ("dev", self.dev), ("test", self.test))
            },
        }


def gold_hash(ids: Sequence[str], documents: Sequence[str], gold: Sequence[Label]) -> str:
    """The sha256 over the id, document and gold label of examples, as canonical JSON lines."""
    digest = hashlib.sha256()
    for fields in zip(ids, documents, gold, strict=True):
        digest.update(canonical_json(fields).encode() + b"\n")
    return digest.hexdigest()


class Fingerprints(Frozen):
    """What a plan needs to know of the world: contents by name, and the resolved precision.

    The data of a task that is learned at several sizes are named by task and size (study/sizes.py).
    `texts` is the content of what the study pretrains on, None where it does not.
    """

    data: dict[str, DataFingerprint]
    encoders: dict[str, str]
    precision: Precision
    texts: TextsFingerprint | None = None
