"""Object storage in memory, with conditional puts as S3 has them, seen from one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.chaos.disk import MemoryDisk
from transfer_study.store.storage.object_storage import Listed, ObjectStorage, StaleError

PUTS = frozenset(["put", "put_file", "create", "swap", "remove"])
Act = Callable[..., Any]
Objects = dict[str, bytes]


class MemoryStorage(ObjectStorage):
    """Each request goes through `ask`, which is given its name, its key and what carries it out.

    That takes how many bytes of what is sent arrive, all by default.
    """

    def __init__(
        self,
        objects: Objects,
        disk: MemoryDisk,
        ask: Callable[[str, str, Act], Any] = lambda name, key, act: act(),
    ) -> None:
        self.kept = objects
        self._disk = disk
        self._ask = ask

    def get(self, key: str) -> tuple[bytes, str]:
        def act(most: int | None = None) -> tuple[bytes, str]:
            if key not in self.kept:
                raise FileNotFoundError
            return self.kept[key], _version(self.kept[key])

        return self._ask("get", key, act)

    def get_part(self, key: str, start: int, length: int) -> bytes:
        def act(most: int | None = None) -> bytes:
            if key not in self.kept:
                raise FileNotFoundError
            return self.kept[key][start : start + length]

        return self._ask("get_part", key, act)

    def put(self, key: str, content: bytes) -> None:
        def act(most: int | None = None) -> None:
            self.kept[key] = content[:most]

        self._ask("put", key, act)

    def put_file(self, key: str, path: Path) -> None:
        content = self._disk.read(path, 1 << 30)

        def act(most: int | None = None) -> None:
            self.kept[key] = content[:most]

        self._ask("put_file", key, act)

    def create(self, key: str, content: bytes) -> None:
        def act(most: int | None = None) -> None:
            if key in self.kept:
                raise FileExistsError
            self.kept[key] = content

        self._ask("create", key, act)

    def swap(self, key: str, content: bytes, version: str) -> None:
        def act(most: int | None = None) -> None:
            if key not in self.kept or _version(self.kept[key]) != version:
                raise StaleError
            self.kept[key] = content

        self._ask("swap", key, act)

    def remove(self, key: str) -> None:
        def act(most: int | None = None) -> None:
            self.kept.pop(key, None)

        self._ask("remove", key, act)

    def objects(self, prefix: str) -> Iterator[Listed]:
        def act(most: int | None = None) -> list[Listed]:
            return [
                Listed(key, len(content), _version(content))
                for key, content in sorted(self.kept.items())
                if key.startswith(f"{prefix}/") or key == prefix
            ]

        return iter(self._ask("objects", prefix, act))


def _version(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]
