"""A preview of a study: the same tasks, arms and judgement, learned from less of everything."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from transfer_study.errors import StudyError
from transfer_study.study.frozen import Frozen

Share = Annotated[float, Field(gt=0, le=1)]
# Fewer dev rows can hardly tell epochs apart.
_LEAST_DEV = 64


class Preview(Frozen):
    """That a study is a preview `of` another, and what is left of that one.

    `share` is what was asked for and `part` what it came to, both of the whole study's work;
    `epochs` is the share of the epochs that are left and `rows` that of the training rows, where
    these do not fall below `least` rows; `test` is the most test examples of a task. `whole` has
    the train, dev and test rows of the whole study, by the names of its data sets (study/sizes.py).
    """

    of: str
    share: Share
    part: Share
    seeds: int = Field(gt=0)
    of_seeds: int = Field(gt=0)
    epochs: Share
    rows: float = Field(ge=0, le=1)
    least: int = Field(gt=0)
    test: int = Field(gt=0)
    whole: dict[str, tuple[int, int, int]]

    def train_rows(self, n: int) -> int:
        """How many of n training rows are left."""
        return min(n, max(self.least, math.ceil(self.rows * n)))

    def dev_rows(self, n: int, train: int) -> int:
        """How many of n dev rows are left, of a task that has so many of train."""
        return min(n, max(_LEAST_DEV, math.ceil(n * self.train_rows(train) / train)))

    def epochs_of(self, n: int) -> int:
        """How many of n epochs are left."""
        return epochs_left(n, self.epochs)

    @property
    def is_whole(self) -> bool:
        """Whether only seeds are left out, so that its stages are those of the study."""
        return self.epochs == self.rows == 1

    @property
    def left(self) -> str:
        """What is left of the whole, in words."""
        seeds = f"{self.seeds} of {self.of_seeds} seeds"
        if self.is_whole:
            return f"{seeds}, whole"
        rows = sorted(self.train_rows(train) for train, *_ in self.whole.values())
        train = f"{rows[0]:,}" if rows[0] == rows[-1] else f"{rows[0]:,} to {rows[-1]:,}"
        return (
            f"{seeds}, {_percent(self.epochs)} of the epochs, {train} training examples a task "
            f"and at most {self.test:,} test examples"
        )

    @property
    def caution(self) -> str:
        """What a reader must know before any number, in a sentence."""
        may = "More seeds can" if self.is_whole else "More training can"
        return (
            f"A preview of {self.of}, at about {_percent(self.part)} of its work, and not the "
            f"study itself: {self.left}. {may} change the size and the sign of an effect."
        )


def epochs_left(n: int, share: float) -> int:
    """A share of n epochs, at least one."""
    return max(1, round(share * n))


def share_of(said: str) -> float:
    """The share that `--fidelity` asks for; raises StudyError for what is none."""
    try:
        share = float(said)
    except ValueError:
        share = math.nan
    if not 0 < share < 1:
        raise StudyError(
            f"--fidelity: found {said!r}; give the share of the study's work that its preview may "
            "take, above 0 and below 1, such as 0.1"
        )
    return share


def preview_name(of: str, share: float) -> str:
    """What a preview is called, and so its folders: one a share."""
    return f"{of}-preview-{100 * share:.10g}".replace(".", "_")


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.095 else f"{share:.0%}"
