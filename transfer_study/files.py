"""Files and folders as they may be found: what is no regular file is never opened.

A store, a results folder and corpora are shared, so that anything may lie where a file is looked
for: a pipe that never ends, a device, a folder, gigabytes. Faults are OSErrors that name the path;
`cli.main` tells those that nobody else does.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pydantic import ByteSize

from transfer_study.errors import StoreError

_MOST_JSON = 1 << 28


@contextmanager
def regular_file(path: Path) -> Iterator[IO[bytes]]:
    """A file open for reading; raises OSError for what is no regular file, without waiting."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, "is a folder, not a file", str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "is a pipe or device, not a file", str(path))
        yield file


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a regular file; raises OSError, also where there are more than `most`."""
    with regular_file(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than {most:,} bytes", str(path))
    return content


def write_whole(path: Path, content: bytes) -> None:
    """Put bytes in a file's place at once, where a link leads to; the mode of an old one stays."""
    place = path.resolve()
    aside = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
        if place.exists():
            shutil.copymode(place, aside)
        aside.replace(place)
    finally:
        aside.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """The value of a JSON file; raises OSError where it cannot be read, ValueError for no JSON."""
    return parse_json(read_regular(path, _MOST_JSON))


def parse_json(content: bytes | str) -> Any:
    """A JSON value; raises ValueError for any other text, however deep it is nested."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def check_folder(folder: Path, option: str) -> Path:
    """The nearest folder that is there, of one that may not be; raises StoreError for a file."""
    try:
        folder = folder.resolve()
        os.fsencode(folder).decode("utf-8")
        there = next(place for place in (folder, *folder.parents) if place.exists())
        fault = None if there.is_dir() else f"{there} is no folder"
    except UnicodeDecodeError:
        fault = "its name is not UTF-8"
    except OSError as error:
        fault = error.strerror or str(error)
    if fault:
        raise _unusable(folder, fault, option)
    return there


def check_writable(folder: Path, option: str) -> None:
    """Raise StoreError unless a folder can be made and written; leaves nothing behind.

    It is tried: permission bits do not tell of a full or read-only disk, of a name that is too
    long, or of a file system that is not a real one.
    """
    there = check_folder(folder, option)
    try:
        with tempfile.TemporaryDirectory(prefix=".transfer-study-", dir=there) as trial:
            rehearsed = Path(trial, *folder.resolve().relative_to(there).parts)
            rehearsed.mkdir(parents=True, exist_ok=True)
            (rehearsed / "trial").write_bytes(bytes(4096))
    except OSError as error:
        raise _unusable(folder, error.strerror or str(error), option) from None


def _unusable(folder: Path, fault: str, option: str) -> StoreError:
    return StoreError(
        f"the folder {folder} cannot be used: {fault}; mend it or choose another with --{option}"
    )


def size_text(size: int) -> str:
    """Bytes as 512 B, 53.0 KB or 2.1 GB, where a KB is 1,000 of them."""
    return ByteSize(size).human_readable(decimal=True, separator=" ")


def readable_as(pattern: Path, folder: Path) -> None:
    """Let whoever may read a file read all files of a folder.

    What writes tensors lets their owner alone read them, whatever the process's umask is.
    """
    mode = stat.S_IMODE(pattern.stat().st_mode)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(mode)


def cache_folder() -> Path:
    """Where this machine keeps what can be had again; it may not be there, or not be writable.

    $TRANSFER_STUDY_CACHE, else where the user's other caches are.
    """
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "transfer-study")
    return Path(os.environ.get("TRANSFER_STUDY_CACHE") or usual)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Names the folder in whatever fault of a file system does not name its file."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        raise StoreError(
            f"{folder} cannot be written ({error.strerror or error}); make room or mend it, and "
            "give the command again"
        ) from error
