"""What decides where groups of tasks are chosen from uncertain effects."""

from __future__ import annotations

from transfer_study.study.frozen import Word


class By(Word):
    """Which number of an effect counts."""

    EXPECTED = "expected"  # the measured gain drawn towards zero
    LOW = "low"  # the lower end of its adjusted interval
