"""What a stage's identity knows of its data: how many examples, and their hash."""

from __future__ import annotations

from transfer_study.spec.frozen import Frozen


class SplitFingerprint(Frozen):
    """The number of examples of a split and the sha256 over them, in order.

    `left_out` are the positions, before limits, of the rows dropped as leaks, ascending; None
    where there is none.
    """

    n: int
    sha256: str
    left_out: tuple[int, ...] | None = None


class DataFingerprint(Frozen):
    """The examples of a task as they are used: after carving dev, dropping leaks and limits."""

    train: SplitFingerprint
    dev: SplitFingerprint
    test: SplitFingerprint

    def identity(self) -> dict[str, object]:
        """The fingerprint as hashed; what was never dropped is not spoken of."""
        return self.model_dump(mode="json", exclude_none=True)
