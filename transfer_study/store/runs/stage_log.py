"""What is said of each stage as it runs: `logs/<stage>.jsonl`, a JSON object a line.

Every line has `time` (UTC), `event`, `host` and `process`; those of the process that runs the
stage have its `attempt` too. It says `begins`, `epoch` (with its losses and dev scores), `warning`,
`done`, `failed` or `interrupted`; the run that gave it the stage says `returned` (it will begin
again), `given up` and `held back`, and in `logs/runs.jsonl` which machines it `refused`.

Lines are appended and nothing is forced to the disk; one that was torn is not read. A file that has
become large is kept once, as `<stage>.old.jsonl`, and the next begins. What looks like a password
or a key is left out. That nothing can be written, as on a full disk, ends no stage. Of a store on
object storage they stay on the machine that runs the stage, in its cache.
"""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from transfer_study.store.runs.host import host_name
from transfer_study.store.storage.file_system import make_folders
from transfer_study.store.store import Store
from transfer_study.study.stage import Stage

RUNS = "runs"
_MOST_BYTES = 1 << 19  # of a file
_MOST_TEXT = 2_000  # characters of a value
_MOST_WARNINGS = 20  # of an attempt
_SECRETS = (
    re.compile(r"(?<=://)[^/@\s]+(?=@)"),
    re.compile(
        r"""(?ix) (?<![a-z]) (?:[a-z_-]*[_-])?
        (?:token|secret|passw(?:or)?d|api_?key|access_?key(?:_id)?)
        ["']? \s*[:=]\s* ["']? ([^\s"',;&]+)"""
    ),
    re.compile(r"\b(?:hf_\w{20,}|(?:AKIA|ASIA)[0-9A-Z]{16})\b"),
)


class StageLog:
    """The log of one stage, by the name of its folder; to append to, and to read."""

    def __init__(self, store: Store, name: str, attempt: str = "") -> None:
        self._disk = store.disk
        self._path = store.logs / f"{name}.jsonl"
        self._older = store.logs / f"{name}.old.jsonl"
        self._attempt = {"attempt": attempt} if attempt else {}

    def say(self, event: str, **more: Any) -> None:
        """Append what has happened, where that can be written."""
        with suppress(OSError):
            said = {
                "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
                "event": event,
                "host": host_name(),
                "process": os.getpid(),
                **self._attempt,
                **more,
            }
            self._append(f"{json.dumps(_plain(said), ensure_ascii=False)}\n".encode())

    def _append(self, line: bytes) -> None:
        make_folders(self._disk, self._path.parent)
        if self._disk.append(self._path, line) > _MOST_BYTES:
            self._disk.rename(self._path, self._older)

    def last(self, count: int) -> list[dict[str, Any]]:
        """The last lines that can be read, the latest last."""
        return [*self._lines(self._older), *self._lines(self._path)][-count:]

    def _lines(self, path: Path) -> Iterator[dict[str, Any]]:
        with suppress(OSError):
            for line in self._disk.read(path, 2 * _MOST_BYTES).splitlines():
                with suppress(ValueError, RecursionError):
                    said = json.loads(line)
                    if isinstance(said, dict) and {"time", "event"} <= said.keys():
                        yield said


@contextmanager
def logged(stage: Stage, store: Store, attempt: str) -> Iterator[Callable[..., None]]:
    """Log a stage that this process runs: what it says, Python's warnings, and how it ends."""
    log = StageLog(store, stage.name, attempt)
    log.say("begins")
    shown, left = warnings.showwarning, _MOST_WARNINGS

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            log.say("warning", message=f"{category.__name__}: {message}")
        shown(message, category, *where, **more)

    warnings.showwarning = show
    try:
        yield log.say
    except Exception as error:
        log.say("failed", message=f"{type(error).__name__}: {error}")
        raise
    except BaseException:
        log.say("interrupted")
        raise
    else:
        log.say("done")
    finally:
        warnings.showwarning = shown


def _plain(value: Any) -> Any:
    """A value as JSON may hold it: no secrets, no endless texts, no numbers that are none."""
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return list(map(_plain, value))
        case bool() | int() | None:
            return value
        case float():
            return round(value, 6) if math.isfinite(value) else None
        case _:
            return without_secrets(str(value))[:_MOST_TEXT]


def without_secrets(text: str) -> str:
    """A text in which what looks like a password, a token or a key is three stars."""
    for pattern in _SECRETS:
        text = pattern.sub(_starred, text)
    return text


def _starred(found: re.Match[str]) -> str:
    secret = found[1] if found.re.groups else found[0]
    return found[0].removesuffix(secret) + "***"
