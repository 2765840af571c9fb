"""Write-once stage directories: a stage exists when its `result.json` does.

    stages/<name>/    stage.json  history.jsonl  predictions/<place>.<split>.parquet  result.json
    models/<name>/    the encoder that children start from, and model.json; again/ where they are
                      of a run that does not agree with the results (`execute.keep`)
    snapshots/<name>-e<epoch>/  encoder, heads and tokenizer of one epoch, what they answer, and
                      snapshot.json; made where a model is exported; again/ likewise
    failures/<name>/  error.txt of the last attempt that failed
    attempts/         directories being written, and what runs (store/runs/running.py)
    leases/           which stages runs have taken (store/runs/leases.py), with leases.lock
    prefixes/         what frozen layers compute (store/prefixes.py); may be deleted at any time
    checkpoints/      states in mid-training (store/checkpoints.py); may be deleted at any time
    trials/           recipes that were tried (store/trials.py); may be deleted at any time
    logs/             what was said of each stage as it ran (store/runs/stage_log.py), and what
                      trackers were told (execute/cluster/trackers.py); may be deleted at any time
    plans/            the plan of each study that was run here, as its results folder has it, for
                      who sees the store alone; may be deleted at any time
    ray.log           what Ray and its libraries print; may be deleted at any time

A stage's folder tells its kind, seed and id, and its files name a task by its place among the
stage's, for what tasks are called is a matter of the study; `stage.json` has the names of the study
that ran it.

Every attempt writes a directory of its own, which is put into place when it is complete
(store/storage/committed.py). That cannot replace anything, so what is committed never changes. A
store on object storage has such a folder on each machine as its cache (store/storage/in_bucket.py).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.files import check_folder
from transfer_study.store.checked_files import CheckedFiles
from transfer_study.store.prefixes import Prefixes
from transfer_study.store.runs.attempts import end_attempt, is_abandoned, new_attempt
from transfer_study.store.runs.host import names_told
from transfer_study.store.runs.signs import Signs
from transfer_study.store.stage_record import KeptWeights, StageRecord
from transfer_study.store.storage.bucket import Bucket
from transfer_study.store.storage.commit_record import CommitRecord, Part, in_the_way
from transfer_study.store.storage.committed import Committed, OnDisk
from transfer_study.store.storage.file_system import (
    DISK,
    FileSystem,
    is_file,
    is_folder,
    make_folders,
    remove_tree,
)
from transfer_study.store.storage.in_bucket import InBucket
from transfer_study.store.storage.notes import BucketNotes, FileNotes, Notes
from transfer_study.study.stage import Stage

STAGE = "stage.json"
AGAIN = "again"
# Which stages failed is asked of object storage again after so many seconds.
_OLD = 2.0


class Store:
    """A folder of stages, or a bucket of them, shared by all studies and by several processes.

    `root` is the folder, or that of the bucket's cache; `place` names the store to other processes.
    """

    def __init__(self, root: Path, disk: FileSystem = DISK, bucket: Bucket | None = None) -> None:
        """Raises StoreError where the root cannot be a folder."""
        names_told()  # or it is refused before anything is written
        check_folder(root, "store")
        self.root = root.resolve()
        self.place = str(self.root) if bucket is None else bucket.name
        self.disk = disk
        self.bucket = bucket
        self.notes: Notes = FileNotes(disk, self.root)
        self.committed: Committed = OnDisk(disk, self.root)
        if bucket is not None:
            self.notes = BucketNotes(bucket)
            self.committed = InBucket(bucket, disk, self.root, self.scratch)
        self._files = CheckedFiles(disk, self.root, self.committed)
        self._is_here = bucket is None
        self._signs = Signs(self)
        self._told: set[str] = set()  # the attempts that have told something
        self._failed: tuple[float, frozenset[str]] = -_OLD, frozenset()  # since when, by name

    @property
    def ray_log(self) -> Path:
        """Where Ray's own messages go."""
        return self.root / "ray.log"

    @property
    def logs(self) -> Path:
        """Where what is said of stages goes as they run."""
        return self.root / "logs"

    @property
    def prefixes(self) -> Prefixes:
        """The cache of what frozen layers compute."""
        return Prefixes(self.root / "prefixes", lambda: self.scratch("prefix"), disk=self.disk)

    def is_done(self, stage: Stage) -> bool:
        """Whether the stage's results are committed."""
        return self.committed.has(Part.RESULTS, stage.name)

    def has_model(self, stage: Stage) -> bool:
        """Whether the weights that the stage hands on are kept."""
        return self.committed.has(Part.MODELS, stage.name)

    def folder(self, stage: Stage) -> Path:
        """Where the stage's results are, or would be."""
        return self._files.folder(Part.RESULTS, stage.name)

    def has_snapshot(self, stage: Stage, epoch: int) -> bool:
        """Whether the whole model of one of the stage's epochs is kept."""
        return self.committed.has(Part.SNAPSHOTS, _snapshot(stage, epoch))

    def snapshot_folder(self, stage: Stage, epoch: int) -> Path:
        """Where the whole model of one of the stage's epochs is, or would be."""
        return self._files.folder(Part.SNAPSHOTS, _snapshot(stage, epoch))

    def attempt(self, stage: Stage) -> AbstractContextManager[Path]:
        """A new directory to write the stage in; what is left of it at the end is removed."""
        return self.scratch(stage.name)

    @contextmanager
    def scratch(self, label: str) -> Iterator[Path]:
        """A new directory of this process, removed at the end, or by a `sweep`."""
        folder = self.root / "attempts" / new_attempt(label)
        try:
            make_folders(self.disk, folder)
            with self._signs.shown():
                yield folder
        finally:
            end_attempt(folder.name)  # an interrupt can leave it, and this process lives on
            if folder.name in self._told:
                with suppress(OSError, StoreError):
                    self.notes.remove(f"attempts/{folder.name}")
            remove_tree(self.disk, folder)

    def tell(self, attempt: Path, file: str, content: bytes) -> None:
        """Say something of an attempt, for as long as it lasts, in the place of what it said."""
        self._told.add(attempt.name)
        self.notes.write(f"attempts/{attempt.name}/{file}", content, attempt, lasting=False)

    def told(self, attempt: str, file: str) -> bytes | None:
        """What an attempt says, by its name; None where it says nothing."""
        return self.notes.read(f"attempts/{attempt}/{file}")

    def told_by_all(self, file: str) -> Iterator[bytes]:
        """What those attempts say that are not over, nor of a process of this host that is gone."""
        for attempt in self.notes.names("attempts"):
            if not is_abandoned(attempt) and (content := self.told(attempt, file)) is not None:
                yield content

    def is_attempt(self, name: str) -> bool:
        """Whether an attempt is there; on object storage, one that has told something."""
        if self._is_here:
            return is_folder(self.disk, self.root / "attempts" / name)
        return bool(self.notes.names(f"attempts/{name}"))

    def look_again(self) -> None:
        """Learn what others have committed meanwhile."""
        self.committed.look_again()

    def sweep(self) -> None:
        """Remove attempts of this host that are over or whose process is gone, where it can."""
        with suppress(OSError, StoreError):
            for attempt in filter(is_abandoned, self.notes.names("attempts")):
                self.notes.remove(f"attempts/{attempt}")
        with suppress(OSError):
            for folder in self.disk.entries(self.root / "attempts"):
                if is_abandoned(folder.name):
                    remove_tree(self.disk, folder)

    def check_free(self, stage: Stage, epoch: int | None = None) -> None:
        """Raise StoreError where a folder without its record is in the way of the stage's."""
        places = [(Part.RESULTS, stage.name), (Part.MODELS, stage.name)]
        if epoch is not None:
            places.append((Part.SNAPSHOTS, _snapshot(stage, epoch)))
        for part, name in places:
            if self.committed.lost(part, name):
                raise in_the_way(self._files.folder(part, name), part.record)

    def commit(self, stage: Stage, attempt: Path) -> bool:
        """Publish an attempt's results; False where another attempt was first, whose stand."""
        return self._publish(stage, attempt, Part.RESULTS)

    def commit_model(self, stage: Stage, attempt: Path) -> bool:
        """Publish the weights that the stage hands on, likewise."""
        return self._publish(stage, attempt, Part.MODELS)

    def _publish(self, stage: Stage, attempt: Path, part: Part) -> bool:
        record = CommitRecord.of(self.disk, stage.id, attempt)
        published = self.committed.publish(attempt, part, stage.name, record)
        with suppress(OSError, StoreError):  # that it failed once is no fault of what is committed
            self.notes.remove(f"failures/{stage.name}")
        return published

    def commit_snapshot(self, stage: Stage, epoch: int, attempt: Path) -> bool:
        """Publish the whole model of one of the stage's epochs, likewise."""
        record = CommitRecord.of(self.disk, stage.id, attempt)
        return self.committed.publish(attempt, Part.SNAPSHOTS, _snapshot(stage, epoch), record)

    def bring(self, stages: Iterable[Stage]) -> None:
        """Bring the results of many stages to this machine, where they are not; for speed alone."""
        done = [stage.name for stage in stages if self.is_done(stage)]
        self.committed.bring(Part.RESULTS, done)

    def read(self, stage: Stage, file: str) -> bytes:
        """The bytes of one of the stage's files, checked against its record."""
        return self._files.read(stage, Part.RESULTS, stage.name, file)

    def record(self, stage: Stage) -> StageRecord:
        """What the stage says of itself, checked likewise."""
        return self._files.said(stage, Part.RESULTS, stage.name, STAGE)

    def weights(self, stage: Stage) -> KeptWeights:
        """Whose weights the stage hands on."""
        again = self._again(stage, Part.MODELS, stage.name)
        attempt = self._files.record(stage, Part.MODELS, stage.name).attempt
        return KeptWeights(attempt=attempt, alike=again.alike if again else {})

    def snapshot_record(self, stage: Stage, epoch: int) -> StageRecord:
        """What the run says of itself that left the whole model of an epoch."""
        again = self._again(stage, Part.SNAPSHOTS, _snapshot(stage, epoch))
        return again or self.record(stage)

    def _again(self, stage: Stage, part: Part, name: str) -> StageRecord | None:
        """What a run that does not agree with the committed one says of itself."""
        file = f"{AGAIN}/{STAGE}"
        if file not in self._files.record(stage, part, name).files:
            return None
        return self._files.said(stage, part, name, file)

    def fault(self, stage: Stage, file: str, fault: str) -> StoreError:
        """What is to be said of a file that is as committed, and yet no such file."""
        return self._files.fault(Part.RESULTS, stage.name, file, fault)

    def lost(self, stage: Stage) -> str | None:
        """What is to be said of a stage whose folder has lost its record, None of any other."""
        lost = self.committed.lost(Part.RESULTS, stage.name)
        return str(in_the_way(self.folder(stage), Part.RESULTS.record)) if lost else None

    def files(self, stage: Stage) -> tuple[str, ...]:
        """The stage's files, by their paths in its folder."""
        return tuple(self._files.record(stage, Part.RESULTS, stage.name).files)

    def checked_model(self, stage: Stage) -> Path:
        """The folder of the stage's weights, every file checked against its record."""
        return self._files.checked(stage, Part.MODELS, stage.name)

    def checked_snapshot(self, stage: Stage, epoch: int) -> Path:
        """The folder of the whole model of one of the stage's epochs, likewise."""
        return self._files.checked(stage, Part.SNAPSHOTS, _snapshot(stage, epoch))

    def fail(self, stage: Stage, text: str) -> Path:
        """Keep the traceback of an attempt that failed, where it can still be written."""
        path = self._error(stage)
        with suppress(OSError, StoreError):  # a full disk must not hide what failed
            self._keep_error(path, text.encode())
            if not self._is_here:
                key = path.relative_to(self.root).as_posix()
                self.notes.write(key, text.encode(), path.parent, lasting=False)
        return path

    def _error(self, stage: Stage) -> Path:
        return self.root / "failures" / stage.name / "error.txt"

    def _keep_error(self, path: Path, content: bytes) -> None:
        make_folders(self.disk, path.parent)
        self.disk.write(path, content)

    def failure(self, stage: Stage) -> Path | None:
        """The error of a stage that failed and has not succeeded since, its first time or again."""
        path = self._error(stage)
        if self._is_here:
            return path if is_file(self.disk, path) else None
        if time.monotonic() - self._failed[0] > _OLD:
            self._failed = time.monotonic(), frozenset(self.notes.names("failures"))
        if stage.name not in self._failed[1]:
            return None
        with suppress(OSError):
            said = self.notes.read(path.relative_to(self.root).as_posix())
            self._keep_error(path, said or b"")
        return path

    def records(self) -> Iterator[StageRecord]:
        """What every committed stage says of itself, where it is sound.

        They are those of any study, which tell of time and of what changed, and of no result.
        """
        names = self.committed.names(Part.RESULTS)
        self.committed.bring(Part.RESULTS, names, STAGE)
        for name in names:
            with suppress(OSError, ValueError, StoreError):
                record = self._files.anyones(name, STAGE)
                if record.is_whole:
                    yield record


def _snapshot(stage: Stage, epoch: int) -> str:
    return f"{stage.name}-e{epoch}"
