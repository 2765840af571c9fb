"""The record that makes a stage's results, or its weights, be there: written last, and once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from transfer_study.errors import StoreError
from transfer_study.store.storage.file_system import FileSystem, files_below
from transfer_study.study.frozen import Frozen

RESULT_SCHEMA: Final = 1
MOST_RECORD = 1 << 28


class Part(Enum):
    """What a stage may leave in a store: the folder of all such, and the name of their records."""

    RESULTS = "stages", "result.json"
    MODELS = "models", "model.json"
    SNAPSHOTS = "snapshots", "snapshot.json"

    @property
    def folder(self) -> str:
        """The folder in the store."""
        return self.value[0]

    @property
    def record(self) -> str:
        """The name of the record's file."""
        return self.value[1]


def _below(file: str) -> str:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != file or "\\" in file:
        raise ValueError("a file's path leaves its folder")
    return file


class CommittedFile(Frozen):
    """A file's size in bytes and sha256, in hexadecimal."""

    size: int = Field(ge=0)
    sha256: str


class CommitRecord(Frozen):
    """Which stage, by which attempt, and every file."""

    schema_: Literal[1] = Field(alias="schema")
    stage: str
    attempt: str
    files: dict[Annotated[str, AfterValidator(_below)], CommittedFile]

    @classmethod
    def of(cls, disk: FileSystem, stage: str, attempt: Path) -> CommitRecord:
        """The record of a stage's attempt as it is in its folder."""
        files = {
            path.relative_to(attempt).as_posix(): CommittedFile(
                size=disk.stat(path, follow=False).st_size, sha256=disk.hash(path)
            )
            for path in files_below(disk, attempt)
        }
        return cls(
            schema=RESULT_SCHEMA,
            stage=stage,
            attempt=attempt.name.rsplit("@", 1)[-1],
            files=files,
        )

    @property
    def content(self) -> bytes:
        """The record as it is written."""
        return f"{self.model_dump_json(by_alias=True, indent=1)}\n".encode()


def in_the_way(folder: Path, record: str) -> StoreError:
    """What is to be said of a folder that has files and no record."""
    return StoreError(
        f"{folder} holds files but no {record}, so it counts for nothing; remove it and run again"
    )
