"""The files of what is committed, each held against its record when it is read.

One that is not as it was committed is brought anew where that is possible, and else is a fault.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.store.stage_record import StageRecord
from transfer_study.store.storage.commit_record import CommitRecord, CommittedFile, Part
from transfer_study.store.storage.committed import Committed
from transfer_study.store.storage.file_system import FileSystem
from transfer_study.study.stage import Stage


class CheckedFiles:
    """Those of a store; `name` is that of a folder in a part. All raise StoreError."""

    def __init__(self, disk: FileSystem, root: Path, committed: Committed) -> None:
        self._disk = disk
        self._root = root
        self._committed = committed

    def folder(self, part: Part, name: str) -> Path:
        """Where something committed is on this machine, or would be."""
        return self._root / part.folder / name

    def record(self, stage: Stage, part: Part, name: str) -> CommitRecord:
        """The record of what a stage has committed."""
        place = self._committed.place(part, name)
        try:
            record = CommitRecord.model_validate_json(self._committed.record(part, name))
        except FileNotFoundError:
            raise StoreError(
                f"{place} holds no {part.record}: the stage is not complete; run it"
            ) from None
        except (OSError, ValueError):
            record = None
        if record is None or record.stage != stage.id:
            remedy = self._committed.remedy(part, name)
            raise StoreError(f"{place}/{part.record} is damaged; {remedy}")
        return record

    def read(self, stage: Stage, part: Part, name: str, file: str) -> bytes:
        """The bytes of one file."""
        record = self.record(stage, part, name)
        expected = self._on_record(part, name, record, file)
        content = self._found(part, name, record, file, expected)
        if content is None:
            raise self._not_as_committed(part, name, file)
        return content

    def said(self, stage: Stage, part: Part, name: str, file: str) -> StageRecord:
        """What a stage says of itself in one file."""
        try:
            said = StageRecord.model_validate_json(self.read(stage, part, name, file))
            said = said.named(stage)
        except ValueError:
            said = None
        if said is None or said.id != stage.id:
            raise self.fault(part, name, file, "is not what a stage says of itself")
        return said

    def anyones(self, name: str, file: str) -> StageRecord:
        """What a stage says of itself of which only the folder is known; raises ValueError too."""
        commit = CommitRecord.model_validate_json(self._committed.record(Part.RESULTS, name))
        expected = commit.files.get(file)
        if expected is None:
            raise ValueError(f"no {file} is on record")
        content = self._found(Part.RESULTS, name, commit, file, expected)
        return StageRecord.model_validate_json(content or b"")

    def checked(self, stage: Stage, part: Part, name: str) -> Path:
        """The folder of what a stage has committed, every file whole."""
        record, folder = self.record(stage, part, name), self.folder(part, name)
        for file in record.files:
            expected = self._on_record(part, name, record, file)
            if not self._is_whole(folder / file, expected):
                fetched = self._committed.fetch(part, name, record.attempt, file, expected)
                if not fetched or not self._is_whole(folder / file, expected):
                    raise self._not_as_committed(part, name, file)
        return folder

    def fault(self, part: Part, name: str, file: str, fault: str) -> StoreError:
        """What is to be said of a file, and what to do about it."""
        remedy = self._committed.remedy(part, name)
        return StoreError(f"{self._committed.place(part, name)}/{file} {fault}; {remedy}")

    def _not_as_committed(self, part: Part, name: str, file: str) -> StoreError:
        fault = "is missing or not what was committed (its size or sha256 differs)"
        return self.fault(part, name, file, fault)

    def _on_record(self, part: Part, name: str, record: CommitRecord, file: str) -> CommittedFile:
        folder = self.folder(part, name)
        if file not in record.files or not (folder / file).resolve().is_relative_to(
            folder.resolve()
        ):
            remedy = self._committed.remedy(part, name)
            place = self._committed.place(part, name)
            raise StoreError(f"{place} has no file {file} on record; {remedy}")
        return record.files[file]

    def _found(
        self, part: Part, name: str, record: CommitRecord, file: str, expected: CommittedFile
    ) -> bytes | None:
        """The bytes of a file as it was committed, brought here anew where that is possible."""
        path = self.folder(part, name) / file
        content = self._bytes(path, expected)
        if content is None and self._committed.fetch(part, name, record.attempt, file, expected):
            content = self._bytes(path, expected)
        return content

    def _bytes(self, path: Path, expected: CommittedFile) -> bytes | None:
        """The bytes of a file that is as it was committed."""
        with suppress(OSError):
            content = self._disk.read(path, expected.size)
            if len(content) == expected.size:
                same = hashlib.sha256(content).hexdigest() == expected.sha256
                return content if same else None
        return None

    def _is_whole(self, path: Path, expected: CommittedFile) -> bool:
        with suppress(OSError):
            size = self._disk.stat(path, follow=True).st_size
            return size == expected.size and self._disk.hash(path) == expected.sha256
        return False
