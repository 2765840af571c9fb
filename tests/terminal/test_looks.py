"""What is said of a look."""

from __future__ import annotations

from transfer_study.session.until_decided import Look
from transfer_study.study.looks import Looks
from transfer_study.terminal.looks import look_line


def test_what_was_not_learned_is_not_said_to_be_decided() -> None:
    verdicts = {"gain": 1, "equivalent": 2, "undecided": 3, "not_learned": 4, "failed": 1}
    look = Look(1, 3, verdicts, 60.0, 4, 20.0)
    said = look_line(look, Looks.fixed((0, 1, 2), 5))
    assert "3 decided, 3 undecided, 4 not learned, 1 failed; " in said
