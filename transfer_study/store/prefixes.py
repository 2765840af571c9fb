"""A cache of what frozen layers compute: bytes by a key that says all they follow from.

    prefixes/<key>        the sha256 of what follows (32 bytes), and the bytes themselves
    prefixes/<key>.lock   locked by the process that computes them, while it does

Every file may be removed at any time; what is not there is computed again. A file is written aside
and renamed into place, so that several processes may use the cache at once, and is read whole and
held against its sha256, so that what is damaged counts as not there. Those that were used least
recently make room for new ones. What several want at once is computed by the first, for which the
others wait. The system lets go of a lock when its holder ends, however it does; for one that is
only stopped nobody waits longer than `_PATIENCE`, since a lock saves work and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from transfer_study.store.storage.file_system import DISK, FileSystem, make_folders, remove_if_there

# The most that all files take together, and what is left free for everything else.
_MOST_BYTES = 4 << 30
_LEFT_FREE = 1 << 30
_PATIENCE, _PAUSE = 600.0, 0.05  # seconds
_KEY = re.compile(r"[0-9a-f]{64}")
_HASH_SIZE = 32


class Prefixes:
    """The cache in a store; `scratch` makes a folder on the same disk, removed at its end."""

    def __init__(
        self,
        folder: Path,
        scratch: Callable[[], AbstractContextManager[Path]],
        most: int = _MOST_BYTES,
        disk: FileSystem = DISK,
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._most = most
        self._disk = disk

    def get(self, key: str, size: int) -> bytearray | None:
        """The bytes of a key, so many; None where they are not there whole."""
        path = self._folder / key
        try:
            self._disk.touch(path)  # used last
            content = self._disk.read(path, _HASH_SIZE + size)
        except OSError:
            return None
        found = memoryview(content)[_HASH_SIZE:]
        if len(found) != size or hashlib.sha256(found).digest() != content[:_HASH_SIZE]:
            return None
        return bytearray(found)

    def get_or_compute(
        self, key: str, size: int, compute: Callable[[], memoryview]
    ) -> bytearray | memoryview:
        """The bytes of a key, so many; where nobody has computed them, by this process alone."""
        found = self.get(key, size)
        if found is not None:
            return found
        with self._locked(key):
            found = self.get(key, size)  # another may have computed them meanwhile
            if found is not None:
                return found
            computed = compute()
            self.put(key, computed)
            return computed

    @contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        """Hold the lock of a key; without it where there can be none, or after long waiting."""
        path, deadline = self._folder / f"{key}.lock", time.monotonic() + _PATIENCE
        with ExitStack() as held:
            with suppress(OSError):
                make_folders(self._disk, self._folder)
                lock = held.enter_context(self._disk.lock(path))
                while not self._disk.try_lock(lock) and time.monotonic() < deadline:
                    time.sleep(_PAUSE)
            yield
            with suppress(OSError):
                self._disk.remove(path)

    def put(self, key: str, content: memoryview) -> None:
        """Keep the bytes of a key, unless the disk has no room for them."""
        with suppress(OSError):
            make_folders(self._disk, self._folder)
            if not self._make_room(content.nbytes):
                return
            with self._scratch() as aside:
                self._disk.write(aside / key, hashlib.sha256(content).digest(), content)
                self._disk.rename(aside / key, self._folder / key)

    def _make_room(self, size: int) -> bool:
        """Remove what was used least recently; False where so many bytes have no room even so."""
        used = []
        for path in self._disk.entries(self._folder):
            if _KEY.fullmatch(path.name):
                with suppress(FileNotFoundError):  # another process removed it
                    stat = self._disk.stat(path, follow=False)
                    used.append((stat.st_mtime_ns, stat.st_size, path))
        total = size + sum(taken for _, taken, _ in used)
        for _, taken, path in sorted(used):
            if total <= self._most:
                break
            remove_if_there(self._disk, path)
            total -= taken
        free = self._disk.free(self._folder)
        return total <= self._most and free >= size + _LEFT_FREE
