"""Write-once stage directories: a stage exists when its `result.json` does.

    stages/<name>/    stage.json  history.jsonl  predictions/<task>.<split>.parquet  result.json
    models/<name>/    the encoder that children start from, and model.json
    failures/<name>/  error.txt of the last attempt that failed
    attempts/         directories being written; never read
    cache/            token ids; may be deleted at any time

Every attempt writes a directory of its own, which is renamed into place when it is complete. A
rename cannot replace a directory that holds something, so what is committed never changes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from transfer_study.errors import StoreError
from transfer_study.spec.frozen import file_hash
from transfer_study.spec.stage import Stage

RESULT_SCHEMA = 1
RESULT = "result.json"
MODEL = "model.json"


class Store:
    """A folder of stages, shared by all studies; several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @property
    def cache(self) -> Path:
        """Where token ids are kept."""
        return self.root / "cache"

    def check_writable(self) -> None:
        """Raise StoreError unless stages can be written here."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".probe-{uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise StoreError(
                f"the store {self.root} cannot be written ({error.strerror}); "
                "choose another with --store or mend its permissions"
            ) from None

    def is_done(self, stage: Stage) -> bool:
        """Whether the stage's results are committed."""
        return (self.folder(stage) / RESULT).is_file()

    def has_model(self, stage: Stage) -> bool:
        """Whether the weights that the stage hands on are kept."""
        return (self.model_folder(stage) / MODEL).is_file()

    def folder(self, stage: Stage) -> Path:
        """Where the stage's results are, or would be."""
        return self.root / "stages" / stage.name

    def model_folder(self, stage: Stage) -> Path:
        """Where the stage's weights are, or would be."""
        return self.root / "models" / stage.name

    @contextmanager
    def attempt(self, stage: Stage) -> Iterator[Path]:
        """A new directory to write in; what is left of it at the end is removed."""
        name = f"{stage.name}@{socket.gethostname()}@{os.getpid()}@{uuid4().hex[:8]}"
        folder = self.root / "attempts" / name
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove attempts whose process on this host is gone."""
        for folder in self._names("attempts"):
            _, host, process, _ = folder.name.rsplit("@", 3)
            if host == socket.gethostname() and not Path(f"/proc/{process}").exists():
                shutil.rmtree(folder, ignore_errors=True)

    def commit(self, stage: Stage, attempt: Path) -> bool:
        """Publish an attempt's results; False where another attempt was first, whose stand."""
        published = self._publish(stage, attempt, self.folder(stage), RESULT)
        shutil.rmtree(self.root / "failures" / stage.name, ignore_errors=True)
        return published

    def commit_model(self, stage: Stage, attempt: Path) -> bool:
        """Publish the weights that the stage hands on, likewise."""
        return self._publish(stage, attempt, self.model_folder(stage), MODEL)

    def _publish(self, stage: Stage, attempt: Path, place: Path, record: str) -> bool:
        files = {
            path.relative_to(attempt).as_posix(): {
                "size": path.stat().st_size,
                "sha256": file_hash(path),
            }
            for path in sorted(attempt.rglob("*"))
            if path.is_file()
        }
        content = {
            "schema": RESULT_SCHEMA,
            "stage": stage.id,
            "attempt": attempt.name.rsplit("@", 1)[-1],
            "files": files,
        }
        (attempt / record).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        for path in attempt.rglob("*"):
            _sync(path)
        _sync(attempt)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            attempt.rename(place)
        except OSError:
            if (place / record).is_file():
                return False
            raise
        _sync(place.parent)
        return True

    def read(self, stage: Stage, file: str) -> bytes:
        """The bytes of one of the stage's files, checked against its record."""
        folder = self.folder(stage)
        return _checked(folder, self._record(folder, RESULT), file).read_bytes()

    def read_json(self, stage: Stage, file: str) -> Any:
        """One of the stage's JSON files, checked likewise."""
        return json.loads(self.read(stage, file))

    def files(self, stage: Stage) -> dict[str, Any]:
        """The stage's files with their sizes and hashes."""
        files: dict[str, Any] = self._record(self.folder(stage), RESULT)["files"]
        return files

    def checked_model(self, stage: Stage) -> Path:
        """The folder of the stage's weights, every file checked against its record."""
        folder = self.model_folder(stage)
        record = self._record(folder, MODEL)
        for file in record["files"]:
            _checked(folder, record, file)
        return folder

    def _record(self, folder: Path, name: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((folder / name).read_bytes())
            if record["schema"] == RESULT_SCHEMA and "files" in record:
                return record
        except FileNotFoundError:
            raise StoreError(
                f"{folder} holds no {name}: the stage is not complete; run it"
            ) from None
        except (ValueError, KeyError, TypeError):
            pass
        raise StoreError(f"{folder / name} is damaged; remove the folder and run the stage again")

    def fail(self, stage: Stage, text: str) -> Path:
        """Keep the traceback of an attempt that failed."""
        path = self.root / "failures" / stage.name / "error.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def failure(self, stage: Stage) -> Path | None:
        """The error of a stage that failed and has not succeeded since."""
        path = self.root / "failures" / stage.name / "error.txt"
        return path if path.is_file() and not self.is_done(stage) else None

    def relatives(self, stage: Stage) -> Iterator[dict[str, Any]]:
        """The `stage.json` of committed stages of the same family with other content."""
        for folder in self._names("stages"):
            if folder.name.rpartition("-")[0] == stage.family and folder.name != stage.name:
                with suppress(OSError, ValueError):
                    yield json.loads((folder / "stage.json").read_bytes())

    def _names(self, part: str) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from sorted((self.root / part).iterdir())


def _checked(folder: Path, record: dict[str, Any], file: str) -> Path:
    path = folder / file
    expected = record["files"].get(file)
    if expected is None or not path.resolve().is_relative_to(folder.resolve()):
        raise StoreError(f"{folder} has no file {file} on record; remove the folder and run again")
    try:
        same = path.stat().st_size == expected["size"] and file_hash(path) == expected["sha256"]
    except OSError:
        same = False
    if not same:
        raise StoreError(
            f"{path} is missing or not what was committed (its size or sha256 differs); "
            "remove the folder and run the stage again"
        )
    return path


def _sync(path: Path) -> None:
    """Force a file or a directory's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
