"""What a stage's identity knows of its data: how many examples, and their hash."""

from __future__ import annotations

from transfer_study.spec.frozen import Frozen


class SplitFingerprint(Frozen):
    """The number of examples of a split and the sha256 over them, in order."""

    n: int
    sha256: str


class DataFingerprint(Frozen):
    """The examples of a task as they are used: after carving dev and after limits."""

    train: SplitFingerprint
    dev: SplitFingerprint
    test: SplitFingerprint
