"""The margin of an effect: differences up to it are too small to matter."""

from __future__ import annotations

import math
from typing import Any

from pydantic import Field, model_validator
from typing_extensions import Self

from transfer_study.study.frozen import Frozen


class Margin(Frozen):
    """A size of effect, absolute (in the metric) or relative (to the baseline's score).

    A bare number is absolute.
    """

    absolute: float | None = Field(default=None, ge=0, lt=1)
    """In the metric, from 0 to below 1: 0.01 is one point."""
    relative: float | None = Field(default=None, ge=0)
    """A share of the baseline's score."""

    @model_validator(mode="before")
    @classmethod
    def _bare_number(cls, value: Any) -> Any:
        if isinstance(value, (dict, Margin)):
            return value
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = math.nan
        # All effects are within 1, as by a margin of one point that is written as 1.
        if not 0 <= number < 1:
            raise ValueError(
                "a margin is a number from 0 to below 1, where 0.01 is one point, or `absolute:` "
                f"with such a number, or `relative:` with one of at least 0; found {value!r}"
            )
        return {"absolute": number}

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.absolute is None) == (self.relative is None):
            raise ValueError("give a margin either as `absolute` or as `relative`, exactly one")
        return self

    def of(self, baseline: float) -> float:
        """The margin in the metric, for an effect on this baseline score."""
        # Exactly one is given; the other adds nothing. A correlation may be negative.
        return (self.absolute or 0.0) + (self.relative or 0.0) * abs(baseline)
