"""What is wrong with one file, collected so that all of it is reported at once."""

from __future__ import annotations

from transfer_study.errors import Problem

SHOWN = 20  # of one file; the rest is counted


class Faults:
    """The faults of one file; the first are spelled out, the others only counted."""

    def __init__(self, file: str, unit: str = "line") -> None:
        self._file = file
        self._unit = unit
        self._shown: list[Problem] = []
        self._more = 0

    def add(self, message: str, line: int | None = None) -> None:
        """Note a fault of the file, or of one of its lines."""
        if len(self._shown) == SHOWN:
            self._more += 1
            return
        where = self._file if line is None else f"{self._file}, {self._unit} {line}"
        self._shown.append(Problem(message, where))

    def __bool__(self) -> bool:
        return bool(self._shown)

    @property
    def problems(self) -> list[Problem]:
        """Every fault found, ready to be raised."""
        if not self._more:
            return self._shown
        return [*self._shown, Problem(f"and {self._more} more faults of this file", self._file)]
