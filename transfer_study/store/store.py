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
    logs/             what was said of each stage as it ran (store/stage_log.py), and what trackers
                      were told (execute/cluster/trackers.py); may be deleted at any time
    plans/            the plan of each study that was run here, as its results folder has it, for
                      who sees the store alone; may be deleted at any time
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
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from pydantic import Field

from transfer_study.errors import StoreError
from transfer_study.files import check_folder, read_regular, readable_as
from transfer_study.store.host import host_name, names_told, own_names
from transfer_study.store.prefixes import Prefixes
from transfer_study.store.stage_record import KeptWeights, StageRecord
from transfer_study.study.frozen import Frozen, file_hash
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

    def __init__(self, root: Path) -> None:
        """Raises StoreError where the root cannot be a folder."""
        names_told()  # or it is refused before anything is written
        check_folder(root, "store")
        self.root = root.resolve()

    @property
    def ray_log(self) -> Path:
        """Where Ray's own messages go."""
        return self.root / "ray.log"

    @property
    def logs(self) -> Path:
        """Where what is said of stages goes as they run."""
        return self.root / "logs"

    def recorded(self, study: str) -> Path:
        """Where the plan of a study is kept that was run here."""
        return self.root / "plans" / study

    @property
    def trials(self) -> Path:
        """Where recipes that were tried are recorded."""
        return self.root / "trials"

    @property
    def prefixes(self) -> Prefixes:
        """The cache of what frozen layers compute."""
        return Prefixes(self.root / "prefixes", lambda: self.scratch("prefix"))

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

    def has_snapshot(self, stage: Stage, epoch: int) -> bool:
        """Whether the whole model of one of the stage's epochs is kept."""
        return (self.snapshot_folder(stage, epoch) / SNAPSHOT).is_file()

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
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

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
            shutil.rmtree(folder, ignore_errors=True)

    def check_free(self, stage: Stage, epoch: int | None = None) -> None:
        """Raise StoreError where a folder without its record is in the way of the stage's."""
        places = [(self.folder(stage), RESULT), (self.model_folder(stage), MODEL)]
        if epoch is not None:
            places.append((self.snapshot_folder(stage, epoch), SNAPSHOT))
        for folder, record in places:
            if folder.exists() and not (folder / record).is_file() and any(folder.iterdir()):
                raise StoreError(_in_the_way(folder, record))

    def commit(self, stage: Stage, attempt: Path) -> bool:
        """Publish an attempt's results; False where another attempt was first, whose stand."""
        published = self._publish(stage, attempt, self.folder(stage), RESULT)
        shutil.rmtree(self.root / "failures" / stage.name, ignore_errors=True)
        return published

    def commit_model(self, stage: Stage, attempt: Path) -> bool:
        """Publish the weights that the stage hands on, likewise."""
        published = self._publish(stage, attempt, self.model_folder(stage), MODEL)
        shutil.rmtree(self.root / "failures" / stage.name, ignore_errors=True)
        return published

    def commit_snapshot(self, stage: Stage, epoch: int, attempt: Path) -> bool:
        """Publish the whole model of one of the stage's epochs, likewise."""
        return self._publish(stage, attempt, self.snapshot_folder(stage, epoch), SNAPSHOT)

    def _publish(self, stage: Stage, attempt: Path, place: Path, record: str) -> bool:
        files = {
            path.relative_to(attempt).as_posix(): _File(
                size=path.stat().st_size, sha256=file_hash(path)
            )
            for path in sorted(attempt.rglob("*"))
            if path.is_file()
        }
        content = _Record(
            schema=RESULT_SCHEMA,
            stage=stage.id,
            attempt=attempt.name.rsplit("@", 1)[-1],
            files=files,
        )
        text = content.model_dump_json(by_alias=True, indent=1)
        (attempt / record).write_text(text + "\n", encoding="utf-8")
        readable_as(attempt / record, attempt)
        for path in attempt.rglob("*"):
            _sync(path)
        _sync(attempt)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            attempt.rename(place)
        except OSError:
            if (place / record).is_file():
                return False
            if place.exists():
                raise StoreError(_in_the_way(place, record)) from None
            raise
        _sync(place.parent)
        return True

    def read(self, stage: Stage, file: str) -> bytes:
        """The bytes of one of the stage's files, checked against its record."""
        return self._read(stage, self.folder(stage), RESULT, file)

    def _read(self, stage: Stage, folder: Path, record: str, file: str) -> bytes:
        path, expected = _on_record(folder, self._record(stage, folder, record), file)
        try:
            content = read_regular(path, expected.size)
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
        lost = folder.exists() and not self.is_done(stage)
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
                same = path.stat().st_size == expected.size and file_hash(path) == expected.sha256
            except OSError:
                same = False
            if not same:
                raise StoreError(_not_as_committed(path))
        return folder

    def _record(self, stage: Stage, folder: Path, name: str) -> _Record:
        try:
            record = _Record.model_validate_json(read_regular(folder / name, _MOST_JSON))
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
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return path

    def failure(self, stage: Stage) -> Path | None:
        """The error of a stage that failed and has not succeeded since, its first time or again."""
        path = self.root / "failures" / stage.name / "error.txt"
        return path if path.is_file() else None

    def records(self) -> Iterator[StageRecord]:
        """What every committed stage says of itself, where it is sound.

        They are those of any study, which tell of time and of what changed, and of no result.
        """
        for folder in self._names("stages"):
            with suppress(OSError, ValueError):
                content = read_regular(folder / STAGE, _MOST_JSON)
                record = StageRecord.model_validate_json(content)
                if record.is_whole:
                    yield record

    def _names(self, part: str) -> Iterator[Path]:
        with suppress(FileNotFoundError):
            yield from sorted((self.root / part).iterdir())


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
    own = {f"{name}~{_space()}" for name in own_names()}
    return bool(made and made["host"] in own and not _lives(int(made["process"])))


def this_host() -> str:
    """The name of this machine, and what tells its processes from those of the same number.

    Those are of containers on it, of other machines of that name, or of before it was started anew.
    """
    return f"{host_name()}~{_space()}"


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


def _sync(path: Path) -> None:
    """Force a file or a directory's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
