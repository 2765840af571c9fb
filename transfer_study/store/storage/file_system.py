"""Every operation of a store on the disk, one method each, so that a test can replace them all.

What counts operations, breaks one off or keeps a log of them extends `FileSystem` and overrides its
operations; the functions below are made of these alone. Tensors are written by what makes them, and
are forced to the disk and hashed here.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from transfer_study.files import read_regular
from transfer_study.study.frozen import file_hash

_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC


class FileSystem:
    """The disk; all raise OSError, and none changes more than it says."""

    def read(self, path: Path, most: int) -> bytes:
        """The bytes of a regular file that has at most so many."""
        return read_regular(path, most)

    def hash(self, path: Path) -> str:
        """The sha256 of a regular file, in hexadecimal."""
        return file_hash(path)

    def stat(self, path: Path, *, follow: bool) -> os.stat_result:
        """What is known of a file or folder, or of a link to one unless that is to be followed."""
        return path.stat(follow_symlinks=follow)

    def entries(self, folder: Path) -> list[Path]:
        """What a folder holds, by name."""
        return sorted(folder.iterdir())

    def free(self, folder: Path) -> int:
        """How many bytes are free where a folder is."""
        return shutil.disk_usage(folder).free

    def write(self, path: Path, *content: bytes | memoryview) -> None:
        """Make a file of these bytes, or put them in the place of its own; a crash may tear it."""
        with path.open("wb") as file:
            file.writelines(content)

    def append(self, path: Path, content: bytes) -> int:
        """Put bytes at the end of a regular file, made where there is none; its size then.

        At once, so that what several processes append does not mix.
        """
        descriptor = os.open(path, _APPEND, 0o666)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "is no regular file", str(path))
            os.write(descriptor, content)
            return found.st_size + len(content)
        finally:
            os.close(descriptor)

    def make_folder(self, folder: Path) -> None:
        """Make a folder in one that is there; raises FileExistsError."""
        folder.mkdir()

    def rename(self, path: Path, place: Path) -> None:
        """Move a file in the place of another, or a folder to where none is that holds anything."""
        path.rename(place)

    def link(self, path: Path, place: Path) -> None:
        """Give a file a second name; raises FileExistsError where there is one."""
        os.link(path, place)

    def remove(self, path: Path) -> None:
        """Remove a file, or a link."""
        path.unlink()

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder that holds nothing."""
        folder.rmdir()

    def sync(self, path: Path) -> None:
        """Force a file's bytes, or a folder's entries, to the disk."""
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def set_mode(self, path: Path, mode: int) -> None:
        """Let others read or write a file."""
        path.chmod(mode)

    def touch(self, path: Path) -> None:
        """Say of a file that it was used now."""
        os.utime(path)

    @contextmanager
    def lock(self, path: Path) -> Iterator[IO[bytes]]:
        """A file to be locked, made where there is none."""
        with path.open("wb") as file:
            yield file

    def try_lock(self, file: IO[bytes]) -> bool:
        """Whether this process has locked a file; raises OSError where files cannot be locked."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


DISK = FileSystem()


def is_file(disk: FileSystem, path: Path) -> bool:
    """Whether there is a regular file, or a link to one."""
    return stat.S_ISREG(_mode(disk, path, follow=True))


def is_folder(disk: FileSystem, path: Path) -> bool:
    """Whether there is a folder, or a link to one."""
    return stat.S_ISDIR(_mode(disk, path, follow=True))


def is_own_folder(disk: FileSystem, path: Path) -> bool:
    """Whether there is a folder, which is no link to one."""
    return stat.S_ISDIR(_mode(disk, path, follow=False))


def is_link(disk: FileSystem, path: Path) -> bool:
    """Whether there is a link, wherever it leads."""
    return stat.S_ISLNK(_mode(disk, path, follow=False))


def exists(disk: FileSystem, path: Path) -> bool:
    """Whether there is anything; a link that leads nowhere is nothing."""
    return bool(_mode(disk, path, follow=True))


def _mode(disk: FileSystem, path: Path, *, follow: bool) -> int:
    """What kind of file there is; 0 where there is none."""
    try:
        return disk.stat(path, follow=follow).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def make_folders(disk: FileSystem, folder: Path) -> None:
    """Make a folder and those that it is in, each where it will be found after a loss of power."""
    if is_folder(disk, folder):
        return
    missing = [folder]
    while not is_folder(disk, missing[-1].parent):
        missing.append(missing[-1].parent)
    for one in reversed(missing):
        with suppress(FileExistsError):  # another process was first
            disk.make_folder(one)
        disk.sync(one.parent)


def below(disk: FileSystem, folder: Path) -> Iterator[Path]:
    """All that is below a folder, what a folder holds before itself; no link is followed."""
    for path in disk.entries(folder):
        if is_own_folder(disk, path):
            yield from below(disk, path)
        yield path


def files_below(disk: FileSystem, folder: Path) -> list[Path]:
    """All regular files below a folder."""
    return sorted(path for path in below(disk, folder) if is_file(disk, path))


def remove_tree(disk: FileSystem, folder: Path) -> None:
    """Remove a folder with all that it holds, as far as can be; a link to one stays."""
    with suppress(OSError):
        if not is_own_folder(disk, folder):
            return
        for path in below(disk, folder):
            with suppress(OSError):
                (disk.remove_folder if is_own_folder(disk, path) else disk.remove)(path)
        disk.remove_folder(folder)


def remove_if_there(disk: FileSystem, path: Path) -> None:
    """Remove a file, unless somebody else has."""
    with suppress(FileNotFoundError):
        disk.remove(path)


def swap(disk: FileSystem, path: Path, content: bytes, aside: Path) -> None:
    """Put bytes in a file's place at once; `aside` is on the same disk, and free.

    After a loss of power it may be empty or gone: for what only tells of the moment.
    """
    disk.write(aside, content)
    disk.rename(aside, path)


def replace(disk: FileSystem, path: Path, content: bytes, aside: Path) -> None:
    """Put bytes in a file's place at once and for good, likewise."""
    disk.write(aside, content)
    disk.sync(aside)
    disk.rename(aside, path)
    disk.sync(path.parent)
