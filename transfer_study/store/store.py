"""Write-once stage directories: a stage exists when its `result.json` does.

    stages/<name>/    stage.json  history.jsonl  predictions/<place>.<split>.parquet  result.json
    models/<name>/    the encoder that children start from, and model.json; again/ where they are
                      of a run that does not agree with the results (`execute.keep`)
    snapshots/<name>-e<epoch>/  encoder, heads and tokenizer of one epoch, what they answer, and
                      snapshot.json; made where a model is exported; again/ likewise
    failures/<name>/  error.txt of the last attempt that failed
    attempts/         directories being written, and what runs (store/running.py)
    leases/           which stages runs have taken (store/leases.py)
    prefixes/         what frozen layers compute (store/prefixes.py); may be deleted at any time
    trials/           recipes that were tried (store/trials.py); may be deleted at any time
    ray.log           what Ray and its libraries print; may be deleted at any time

A stage's folder tells its kind, seed and id, and its files name a task by its place among the
stage's, for what tasks are called is a matter of the study; `stage.json` has the names of the study
that ran it.

Every attempt writes a directory of its own, which is renamed into place when it is complete. A
rename cannot replace a directory that holds something, so what is committed never changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from pydantic import Field

from transfer_study.errors import StoreError
from transfer_study.files import check_folder
from transfer_study.store.file_system import (
    DISK,
    FileSystem,
    below,
    exists,
    files_below,
    is_file,
    make_folders,
    remove_tree,
)
from transfer_study.store.prefixes import Prefixes
from transfer_study.store.stage_record import KeptWeights, StageRecord
from transfer_study.study.frozen import Frozen
from transfer_study.study.stage import Stage

RESULT_SCHEMA: Final = 1
RESULT = "result.json"
MODEL = "model.json"
SNAPSHOT = "snapshot.json"
STAGE = "stage.json"
AGAIN = "again"
_MOST_JSON = 1 << 28
# stage@host@process@attempt: whose directory it is, the host with its space of processes.
_ATTEMPT = re.compile(r".+@(?P<host>[^@]+)@(?P<process>\d{1,9})@(?P<attempt>[0-9a-f]{8})")


class _File(Frozen):
    size: int
    sha256: str


class _Record(Frozen):
    """The commit record: which stage, by which attempt, and every file."""

    schema_: Literal[1] = Field(alias="schema")
    stage: str
    attempt: str
    files: dict[str, _File]


class Store:
    """A folder of stages, shared by all studies; several processes may use it at once."""

    def __init__(self, root: Path, disk: FileSystem = DISK) -> None:
        """Raises StoreError where the root cannot be a folder."""
        check_folder(root, "store")
        self.root = root.resolve()
        self.disk = disk

    @property
    def ray_log(self) -> Path:
        """Where Ray's own messages go."""
        return self.root / "ray.log"

    @property
    def trials(self) -> Path:
        """Where recipes that were tried are recorded."""
        return self.root / "trials"

    @property
    def prefixes(self) -> Prefixes:
        """The cache of what frozen layers compute."""
        return Prefixes(self.root / "prefixes", lambda: self.scratch("prefix"), disk=self.disk)

    def is_done(self, stage: Stage) -> bool:
        """Whether the stage's results are committed."""
        return is_file(self.disk, self.folder(stage) / RESULT)

    def has_model(self, stage: Stage) -> bool:
        """Whether the weights that the stage hands on are kept."""
        return is_file(self.disk, self.model_folder(stage) / MODEL)

    def folder(self, stage: Stage) -> Path:
        """Where the stage's results are, or would be."""
        return self.root / "stages" / stage.name

    def model_folder(self, stage: Stage) -> Path:
        """Where the stage's weights are, or would be."""
        return self.root / "models" / stage.name

    def has_snapshot(self, stage: Stage, epoch: int) -> bool:
        """Whether the whole model of one of the stage's epochs is kept."""
        return is_file(self.disk, self.snapshot_folder(stage, epoch) / SNAPSHOT)

    def snapshot_folder(self, stage: Stage, epoch: int) -> Path:
        """Where the whole model of one of the stage's epochs is, or would be."""
        return self.root / "snapshots" / f"{stage.name}-e{epoch}"

    def attempt(self, stage: Stage) -> AbstractContextManager[Path]:
        """A new directory to write the stage in; what is left of it at the end is removed."""
        return self.scratch(stage.name)

    @contextmanager
    def scratch(self, label: str) -> Iterator[Path]:
        """A new directory of this process, removed at the end, or by the next run's `sweep`."""
        name = f"{label}@{this_host()}@{os.getpid()}@{uuid4().hex[:8]}"
        folder = self.root / "attempts" / name
        make_folders(self.disk, folder)
        try:
            yield folder
        finally:
            remove_tree(self.disk, folder)

    def attempts(self) -> Iterator[Path]:
        """The directories being written: all but those whose process on this host is gone."""
        return (folder for folder in self._names("attempts") if not is_abandoned(folder))

    def look_again(self) -> None:
        """Read the folder of stages, of which a network's file system may know an older state."""
        for _ in self._names("stages"):
            return

    def sweep(self) -> None:
        """Remove attempts whose process on this host is gone."""
        for folder in filter(is_abandoned, self._names("attempts")):
            remove_tree(self.disk, folder)

    def check_free(self, stage: Stage, epoch: int | None = None) -> None:
        """Raise StoreError where a folder without its record is in the way of the stage's."""
        places = [(self.folder(stage), RESULT), (self.model_folder(stage), MODEL)]
        if epoch is not None:
            places.append((self.snapshot_folder(stage, epoch), SNAPSHOT))
        for folder, record in places:
            taken = exists(self.disk, folder) and not is_file(self.disk, folder / record)
            if taken and self.disk.entries(folder):
                raise StoreError(_in_the_way(folder, record))

    def commit(self, stage: Stage, attempt: Path) -> bool:
        """Publish an attempt's results; False where another attempt was first, whose stand."""
        published = self._publish(stage, attempt, self.folder(stage), RESULT)
        remove_tree(self.disk, self.root / "failures" / stage.name)
        return published

    def commit_model(self, stage: Stage, attempt: Path) -> bool:
        """Publish the weights that the stage hands on, likewise."""
        published = self._publish(stage, attempt, self.model_folder(stage), MODEL)
        remove_tree(self.disk, self.root / "failures" / stage.name)
        return published

    def commit_snapshot(self, stage: Stage, epoch: int, attempt: Path) -> bool:
        """Publish the whole model of one of the stage's epochs, likewise."""
        return self._publish(stage, attempt, self.snapshot_folder(stage, epoch), SNAPSHOT)

    def _publish(self, stage: Stage, attempt: Path, place: Path, record: str) -> bool:
        files = {
            path.relative_to(attempt).as_posix(): _File(
                size=self.disk.stat(path, follow=False).st_size, sha256=self.disk.hash(path)
            )
            for path in files_below(self.disk, attempt)
        }
        content = _Record(
            schema=RESULT_SCHEMA,
            stage=stage.id,
            attempt=attempt.name.rsplit("@", 1)[-1],
            files=files,
        )
        text = content.model_dump_json(by_alias=True, indent=1)
        self.disk.write(attempt / record, (text + "\n").encode())
        self._settle(attempt, attempt / record)
        make_folders(self.disk, place.parent)
        try:
            self.disk.rename(attempt, place)
        except OSError:
            if is_file(self.disk, place / record):
                return False
            if exists(self.disk, place):
                raise StoreError(_in_the_way(place, record)) from None
            raise
        self.disk.sync(place.parent)
        return True

    def _settle(self, attempt: Path, pattern: Path) -> None:
        """Let whoever may read one file read all, and force all to the disk.

        What writes tensors lets their owner alone read them, whatever the process's umask is.
        """
        mode = stat.S_IMODE(self.disk.stat(pattern, follow=False).st_mode)
        for path in below(self.disk, attempt):
            if is_file(self.disk, path):
                self.disk.set_mode(path, mode)
            self.disk.sync(path)
        self.disk.sync(attempt)

    def read(self, stage: Stage, file: str) -> bytes:
        """The bytes of one of the stage's files, checked against its record."""
        return self._read(stage, self.folder(stage), RESULT, file)

    def _read(self, stage: Stage, folder: Path, record: str, file: str) -> bytes:
        path, expected = _on_record(folder, self._record(stage, folder, record), file)
        try:
            content = self.disk.read(path, expected.size)
        except OSError:
            content = b""
        if len(content) != expected.size or hashlib.sha256(content).hexdigest() != expected.sha256:
            raise StoreError(_not_as_committed(path))
        return content

    def record(self, stage: Stage) -> StageRecord:
        """What the stage says of itself, checked likewise."""
        return self._said(stage, self.folder(stage), RESULT, STAGE)

    def _said(self, stage: Stage, folder: Path, name: str, file: str) -> StageRecord:
        try:
            said = StageRecord.model_validate_json(self._read(stage, folder, name, file))
            said = said.named(stage)
        except ValueError:
            said = None
        if said is None or said.id != stage.id:
            raise _no_such_file(folder / file, "is not what a stage says of itself")
        return said

    def weights(self, stage: Stage) -> KeptWeights:
        """Whose weights the stage hands on."""
        folder = self.model_folder(stage)
        again = self._again(stage, folder, MODEL)
        attempt = self._record(stage, folder, MODEL).attempt
        return KeptWeights(attempt=attempt, alike=again.alike if again else {})

    def snapshot_record(self, stage: Stage, epoch: int) -> StageRecord:
        """What the run says of itself that left the whole model of an epoch."""
        again = self._again(stage, self.snapshot_folder(stage, epoch), SNAPSHOT)
        return again or self.record(stage)

    def _again(self, stage: Stage, folder: Path, name: str) -> StageRecord | None:
        """What a run that does not agree with the committed one says of itself."""
        file = f"{AGAIN}/{STAGE}"
        if file not in self._record(stage, folder, name).files:
            return None
        return self._said(stage, folder, name, file)

    def fault(self, stage: Stage, file: str, fault: str) -> StoreError:
        """What is to be said of a file that is as committed, and yet no such file."""
        return _no_such_file(self.folder(stage) / file, fault)

    def lost(self, stage: Stage) -> str | None:
        """What is to be said of a stage whose folder has lost its record, None of any other."""
        folder = self.folder(stage)
        lost = exists(self.disk, folder) and not self.is_done(stage)
        return _in_the_way(folder, RESULT) if lost else None

    def files(self, stage: Stage) -> tuple[str, ...]:
        """The stage's files, by their paths in its folder."""
        return tuple(self._record(stage, self.folder(stage), RESULT).files)

    def checked_model(self, stage: Stage) -> Path:
        """The folder of the stage's weights, every file checked against its record."""
        return self._checked(stage, self.model_folder(stage), MODEL)

    def checked_snapshot(self, stage: Stage, epoch: int) -> Path:
        """The folder of the whole model of one of the stage's epochs, likewise."""
        return self._checked(stage, self.snapshot_folder(stage, epoch), SNAPSHOT)

    def _checked(self, stage: Stage, folder: Path, name: str) -> Path:
        record = self._record(stage, folder, name)
        for file in record.files:
            path, expected = _on_record(folder, record, file)
            try:
                size = self.disk.stat(path, follow=True).st_size
                same = size == expected.size and self.disk.hash(path) == expected.sha256
            except OSError:
                same = False
            if not same:
                raise StoreError(_not_as_committed(path))
        return folder

    def _record(self, stage: Stage, folder: Path, name: str) -> _Record:
        try:
            record = _Record.model_validate_json(self.disk.read(folder / name, _MOST_JSON))
        except FileNotFoundError:
            raise StoreError(
                f"{folder} holds no {name}: the stage is not complete; run it"
            ) from None
        except (OSError, ValueError):
            record = None
        if record is None or record.stage != stage.id:
            raise StoreError(
                f"{folder / name} is damaged; remove the folder and run the stage again"
            )
        return record

    def fail(self, stage: Stage, text: str) -> Path:
        """Keep the traceback of an attempt that failed, where it can still be written."""
        path = self.root / "failures" / stage.name / "error.txt"
        with suppress(OSError):  # a full disk must not hide what failed
            make_folders(self.disk, path.parent)
            self.disk.write(path, text.encode())
        return path

    def failure(self, stage: Stage) -> Path | None:
        """The error of a stage that failed and has not succeeded since, its first time or again."""
        path = self.root / "failures" / stage.name / "error.txt"
        return path if is_file(self.disk, path) else None

    def records(self) -> Iterator[StageRecord]:
        """What every committed stage says of itself, where it is sound.

        They are those of any study, which tell of time and of what changed, and of no result.
        """
        for folder in self._names("stages"):
            with suppress(OSError, ValueError):
                content = self.disk.read(folder / STAGE, _MOST_JSON)
                record = StageRecord.model_validate_json(content)
                if record.is_whole:
                    yield record

    def _names(self, part: str) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from self.disk.entries(self.root / part)


def _on_record(folder: Path, record: _Record, file: str) -> tuple[Path, _File]:
    path = folder / file
    if file not in record.files or not path.resolve().is_relative_to(folder.resolve()):
        raise StoreError(f"{folder} has no file {file} on record; remove the folder and run again")
    return path, record.files[file]


def _no_such_file(path: Path, fault: str) -> StoreError:
    return StoreError(f"{path} {fault}; remove the folder and run the stage again")


def _not_as_committed(path: Path) -> str:
    return (
        f"{path} is missing or not what was committed (its size or sha256 differs); "
        "remove the folder and run the stage again"
    )


def _in_the_way(folder: Path, record: str) -> str:
    return (
        f"{folder} holds files but no {record}, so it counts for nothing; remove it and run again"
    )


def is_abandoned(attempt: Path) -> bool:
    """Whether an attempt is of a process that is known here to be gone."""
    made = _ATTEMPT.fullmatch(attempt.name)
    return bool(made and made["host"] == this_host() and not _lives(int(made["process"])))


def this_host() -> str:
    """The name of this machine, and what tells its processes from those of the same number.

    Those are of containers on it, of other machines of that name, or of before it was started anew.
    """
    return f"{socket.gethostname()}~{_space()}"


@cache
def _space() -> str:
    """A hash of when this machine was started and of the processes that this one sees of it."""
    said = ""
    with suppress(OSError):  # other systems say neither
        said += Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
        said += str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(said.encode()).hexdigest()[:8]


def _lives(process: int) -> bool:
    """Whether there is such a process; one that ended and that nobody has asked after is none."""
    import psutil  # which few commands need

    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
