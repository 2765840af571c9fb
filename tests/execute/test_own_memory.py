"""Circles of objects made within are removed at the end; what was there before is left alone."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from transfer_study.execute.own_memory import own_memory


class Circle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def at_no_other_time() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_what_was_made_within_is_removed() -> None:
    with own_memory():
        within = weakref.ref(Circle())
        assert within() is not None
    assert within() is None


def test_what_failed_is_removed_too() -> None:
    with pytest.raises(ValueError, match="fell"), own_memory():
        within = weakref.ref(Circle())
        raise ValueError("it fell")
    assert within() is None


def test_what_was_there_before_is_not_looked_through_and_is_freed_as_ever() -> None:
    before = weakref.ref(Circle())
    with own_memory():
        pass
    assert before() is not None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert before() is None
