"""A disk in memory that knows what of it would stay after a loss of power.

Files and the entries of folders are changed at once for whoever reads; what is not forced to the
disk may be lost, late or torn. A move is undone or done, never half.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from transfer_study.store.storage.file_system import FileSystem

CHANGES = frozenset(
    [
        "write",
        "append",
        "make_folder",
        "rename",
        "link",
        "remove",
        "remove_folder",
        "set_mode",
        "touch",
    ]
)


class File:
    """A file's bytes, and those of it that are on the disk for certain."""

    __slots__ = ("content", "durable")

    def __init__(self, content: bytes, durable: bytes = b"") -> None:
        self.content = content
        self.durable = durable


class Folder:
    """What a folder holds, and what of it is on the disk for certain."""

    __slots__ = ("durable", "entries", "locks")

    def __init__(self) -> None:
        self.entries: dict[str, File | Folder] = {}
        self.durable: dict[str, File | Folder] = {}
        self.locks: dict[str, object] = {}  # by paths, of a disk's root


class _Lockable(BytesIO):
    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path


Node = File | Folder
Change = tuple[Folder, str, Node | None]  # None: the name goes
Watch = Callable[[str, Path], None]
# So many changes of entries may wait to be forced to the disk; older ones a system has written.
_MOST_PENDING = 60


def _error(number: int, path: object) -> OSError:
    return OSError(number, os.strerror(number), str(path))


class MemoryDisk(FileSystem):
    """Before each operation `watch` is told of it, and may raise, or let others go first."""

    def __init__(self, root: Folder | None = None, *, tracks: bool = False) -> None:
        self.root = root or Folder()
        self.tracks = tracks  # what of it would stay after a loss of power
        self.watch: Watch = lambda *_: None
        self.pending: list[tuple[Change, ...]] = []  # of entries, oldest first

    # Where things are

    def node(self, path: Path) -> Node:
        """What is at a path; raises OSError."""
        at: Node = self.root
        for name in str(path).split("/")[1:]:
            if type(at) is not Folder:
                raise _error(errno.ENOTDIR, path)
            found = at.entries.get(name)
            if found is None:
                raise _error(errno.ENOENT, path)
            at = found
        return at

    def _file(self, path: Path) -> File:
        found = self.node(path)
        if type(found) is not File:
            raise _error(errno.EISDIR, path)
        return found

    def _folder(self, path: Path) -> Folder:
        found = self.node(path)
        if type(found) is not Folder:
            raise _error(errno.ENOTDIR, path)
        return found

    def _change(self, *changes: Change) -> None:
        for folder, name, node in changes:
            if node is None:
                del folder.entries[name]
            else:
                folder.entries[name] = node
        if not self.tracks:
            return
        self.pending.append(changes)
        if len(self.pending) > _MOST_PENDING:
            self._force(self.pending[:1])

    def _force(self, asked: list[tuple[Change, ...]]) -> None:
        """Have changes on the disk, and those of the same names that came before them."""
        forced, names, wanted = set[int](), set[tuple[int, str]](), {id(one) for one in asked}
        for n in reversed(range(len(self.pending))):
            of = {(id(folder), name) for folder, name, _ in self.pending[n]}
            if id(self.pending[n]) in wanted or of & names:
                forced.add(n)
                names |= of
        for n in sorted(forced):
            for folder, name, node in self.pending[n]:
                _set(folder.durable, name, node)
        self.pending[:] = [one for n, one in enumerate(self.pending) if n not in forced]

    # Operations

    def read(self, path: Path, most: int) -> bytes:
        self.watch("read", path)
        content = self._file(path).content
        if len(content) > most:
            raise _error(errno.EFBIG, path)
        return content

    def hash(self, path: Path) -> str:
        self.watch("hash", path)
        return sha256(self._file(path).content).hexdigest()

    def stat(self, path: Path, *, follow: bool) -> os.stat_result:
        self.watch("stat", path)
        found = self.node(path)
        if type(found) is Folder:
            return _stat(stat.S_IFDIR | 0o755, 0)
        assert type(found) is File
        return _stat(stat.S_IFREG | 0o644, len(found.content))

    def entries(self, folder: Path) -> list[Path]:
        self.watch("entries", folder)
        return [folder / name for name in sorted(self._folder(folder).entries)]

    def free(self, folder: Path) -> int:
        self.watch("free", folder)
        return 1 << 40

    def write(self, path: Path, *content: bytes | memoryview) -> None:
        self.watch("write", path)
        folder = self._folder(path.parent)
        found = folder.entries.get(path.name)
        if type(found) is Folder:
            raise _error(errno.EISDIR, path)
        if found is None:
            self._change((folder, path.name, found := File(b"")))
        assert type(found) is File
        found.content = b"".join(content)

    def append(self, path: Path, content: bytes) -> int:
        self.watch("append", path)
        folder = self._folder(path.parent)
        if path.name not in folder.entries:
            self._change((folder, path.name, File(b"")))
        file = self._file(path)
        file.content += content
        return len(file.content)

    def make_folder(self, folder: Path) -> None:
        self.watch("make_folder", folder)
        above = self._folder(folder.parent)
        if folder.name in above.entries:
            raise _error(errno.EEXIST, folder)
        self._change((above, folder.name, Folder()))

    def rename(self, path: Path, place: Path) -> None:
        self.watch("rename", path)
        source, target = self._folder(path.parent), self._folder(place.parent)
        moved, there = self.node(path), target.entries.get(place.name)
        if type(there) is Folder:
            if type(moved) is File:
                raise _error(errno.EISDIR, place)
            if there.entries:
                raise _error(errno.ENOTEMPTY, place)
        elif type(there) is File and type(moved) is Folder:
            raise _error(errno.ENOTDIR, place)
        if moved is not there:
            self._change((source, path.name, None), (target, place.name, moved))

    def link(self, path: Path, place: Path) -> None:
        self.watch("link", path)
        folder = self._folder(place.parent)
        if place.name in folder.entries:
            raise _error(errno.EEXIST, place)
        self._change((folder, place.name, self._file(path)))

    def remove(self, path: Path) -> None:
        self.watch("remove", path)
        self._file(path)
        self._change((self._folder(path.parent), path.name, None))

    def remove_folder(self, folder: Path) -> None:
        self.watch("remove_folder", folder)
        if self._folder(folder).entries:
            raise _error(errno.ENOTEMPTY, folder)
        self._change((self._folder(folder.parent), folder.name, None))

    def sync(self, path: Path) -> None:
        self.watch("sync", path)
        found = self.node(path)
        if type(found) is File:
            found.durable = found.content
            return
        if not self.tracks:
            return
        touching = [of for of in self.pending if any(folder is found for folder, _, _ in of)]
        if touching:
            self._force(touching)

    def set_mode(self, path: Path, mode: int) -> None:
        self.watch("set_mode", path)
        self.node(path)

    def touch(self, path: Path) -> None:
        self.watch("touch", path)
        self.node(path)

    @contextmanager
    def lock(self, path: Path) -> Iterator[IO[bytes]]:
        self.write(path)
        file = _Lockable(str(path))
        try:
            yield file
        finally:
            if self.root.locks.get(file.path) is file:  # as a process's locks end with it
                del self.root.locks[file.path]

    def try_lock(self, file: IO[bytes]) -> bool:
        assert isinstance(file, _Lockable)
        self.watch("try_lock", Path(file.path))
        return self.root.locks.setdefault(file.path, file) is file

    # After a crash

    def copy(self) -> MemoryDisk:
        """As it is for whoever reads, all of it on the disk."""
        return MemoryDisk(_copied(self.root, lambda folder: folder.entries, lambda f: f.content))

    def after_power_loss(
        self, kept: Any = (), content: Callable[[File], bytes] = lambda file: file.durable
    ) -> MemoryDisk:
        """The disk with those of the pending changes that are `kept`, by their places."""
        changed: dict[int, dict[str, Node]] = {}
        for n in kept:
            for folder, name, node in self.pending[n]:
                entries = changed.setdefault(id(folder), dict(folder.durable))
                _set(entries, name, node)
        return MemoryDisk(
            _copied(
                self.root,
                lambda folder: changed.get(id(folder), folder.durable),
                lambda file: file.durable if file.durable == file.content else content(file),
            )
        )

    def unsynced(self) -> list[File]:
        """The files below the root whose bytes are not on the disk for certain."""
        found, seen = [], set()

        def look(node: Node) -> None:
            if id(node) in seen:
                return
            seen.add(id(node))
            if type(node) is File:
                if node.content != node.durable:
                    found.append(node)
            else:
                assert type(node) is Folder
                for one in node.entries.values():
                    look(one)

        look(self.root)
        return found

    def files(self, path: Path) -> dict[str, bytes]:
        """All files below a folder, by their paths in it; nothing is told of it."""
        found: dict[str, bytes] = {}

        def look(node: Node, at: str) -> None:
            if type(node) is File:
                found[at] = node.content
            else:
                assert type(node) is Folder
                for name, one in node.entries.items():
                    look(one, f"{at}/{name}" if at else name)

        try:
            look(self.node(path), "")
        except FileNotFoundError:
            return {}
        return found


def _copied(
    root: Folder,
    entries: Callable[[Folder], dict[str, Node]],
    content: Callable[[File], bytes],
) -> Folder:
    """What a folder holds, all of it on the disk for certain."""
    known: dict[int, Node] = {}

    def copied(node: Node) -> Node:
        if (found := known.get(id(node))) is not None:
            return found
        if type(node) is File:
            whole = content(node)
            known[id(node)] = file = File(whole, whole)
            return file
        assert type(node) is Folder
        known[id(node)] = folder = Folder()
        folder.entries = {name: copied(one) for name, one in entries(node).items()}
        folder.durable = dict(folder.entries)
        return folder

    copy = copied(root)
    assert type(copy) is Folder
    return copy


def _stat(mode: int, size: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, 0, 0, size, 0, 0, 0))


def _set(entries: dict[str, Node], name: str, node: Node | None) -> None:
    if node is None:
        entries.pop(name, None)
    else:
        entries[name] = node
