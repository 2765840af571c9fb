"""What is wrong with a table of runs, each thing said once with the lines that show it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from transfer_study.data.files.faults import SHOWN
from transfer_study.errors import Problem, StudyError

_LINES = 3  # of one mistake; the rest is counted


class Mistakes:
    """The mistakes of one file: a sentence that many rows deserve stands there once.

    `unit` is what its rows are counted by.
    """

    def __init__(self, file: Path, unit: str = "line") -> None:
        self._file = file
        self.unit = unit
        self._lines: dict[str, dict[int, None]] = {}
        self._others: list[Problem] = []

    def add(self, message: str, *lines: int) -> None:
        """Note a mistake of the file, or of some of its lines."""
        self._lines.setdefault(message, {}).update(dict.fromkeys(map(int, lines)))

    def also(self, problems: Iterable[Problem]) -> None:
        """Note what others have found in the file."""
        self._others += problems

    def check(self) -> None:
        """Raise StudyError with all that was noted, if anything was."""
        problems = [Problem(m, self._where([*lines])) for m, lines in self._lines.items()]
        problems = [*self._others, *problems]
        if len(problems) > SHOWN:
            more = f"and {len(problems) - SHOWN} more faults of this file"
            problems[SHOWN:] = [Problem(more, str(self._file))]
        if problems:
            raise StudyError(*problems)

    def _where(self, lines: list[int]) -> str:
        if not lines:
            return str(self._file)
        *first, last = map(str, lines[:_LINES])
        if len(lines) > _LINES:
            first, last = [*first, last], f"{len(lines) - _LINES:,} more"
        said = f"{', '.join(first)} and {last}" if first else last
        return f"{self._file}, {self.unit}{'s' if first else ''} {said}"
