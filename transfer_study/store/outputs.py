"""Files for a reader, each written by itself, so that one that fails never costs the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from transfer_study.files import write_whole

LOG_FILE = "failed_outputs.log"


@dataclass
class Outputs:
    """What was written of a study and what could not be, which `log` has the tracebacks of."""

    log: Path
    failures: dict[str, str] = field(default_factory=dict)  # why, by the output's name

    def __post_init__(self) -> None:
        with suppress(OSError):  # what an earlier report left
            self.log.unlink(missing_ok=True)

    def write(
        self, paths: Sequence[Path], write: Callable[[], Sequence[Path] | None]
    ) -> list[Path]:
        """Write the files of one output; where that fails, none of them stays.

        An old file in the place of one that failed would be taken for the new one. Returns the
        paths that `write` returns, or `paths`.
        """
        try:
            written = write()
        except Exception as error:
            self._failed(paths, error)
            return []
        return list(paths if written is None else written)

    def _failed(self, paths: Sequence[Path], error: Exception) -> None:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        name = _name(paths)
        first, *_ = f"{error}".strip().splitlines() or [""]
        self.failures[name] = f"{type(error).__name__}: {first}" if first else type(error).__name__
        with suppress(OSError), self.log.open("a", encoding="utf-8") as log:
            log.write(f"{name}\n{''.join(traceback.format_exception(error))}\n")

    @property
    def told(self) -> tuple[str, ...]:
        """What could not be written, a sentence an output."""
        logged = f"the traceback is in {self.log}" if self.log.is_file() else "no log could be kept"
        return tuple(
            f"{name} could not be written ({why}); the other outputs are there, {logged}"
            for name, why in self.failures.items()
        )


def _name(paths: Sequence[Path]) -> str:
    """What the files of one output are called together."""
    first, *more = paths
    suffixes = ",".join(path.suffix.removeprefix(".") for path in paths)
    return f"{first.with_suffix('')}.{{{suffixes}}}" if more else str(first)


def at_once(paths: Sequence[Path], write: Callable[[], Sequence[Path] | None]) -> list[Path]:
    """As `Outputs.write`, for callers that want the first error raised."""
    written = write()
    return list(paths if written is None else written)


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8, at once: who reads meanwhile has the old one or the new."""
    write_whole(path, text.encode("utf-8"))
