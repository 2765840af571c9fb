"""What is committed in a bucket, of which this machine has a cache.

    stages/<name>/result.json          the record, put once under the condition that there is none
    files/stages/<name>/<attempt>/…    the files of one attempt, all there before its record is
    attempts/<attempt>/publishing      there while they are uploaded
    models/… snapshots/…               likewise

The cache is a folder like a store's on a disk. A record in it counts while the bucket lists it with
the version that it was read with (versions/); its files are held against the record each time they
are read.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from transfer_study.errors import StoreError
from transfer_study.store.storage.bucket import Bucket
from transfer_study.store.storage.commit_record import (
    MOST_RECORD,
    CommitRecord,
    CommittedFile,
    Part,
)
from transfer_study.store.storage.committed import Kept, let_read
from transfer_study.store.storage.file_system import FileSystem, exists, make_folders, swap
from transfer_study.store.storage.object_storage import Listed

_ATTEMPT = re.compile(r"[0-9a-f]{8}")
# What is not there is asked for again after so many seconds.
_OLD = 2.0
_UPLOADS = 3
# What an attempt leaves among the attempts while it is published.
_SIGN = "publishing"
# A version that is shorter is a count, which another server may have given to something else.
_TELLING = 16


class InBucket:
    """Records and files below a bucket's prefix, cached below `root`."""

    def __init__(
        self,
        bucket: Bucket,
        disk: FileSystem,
        root: Path,
        scratch: Callable[[str], AbstractContextManager[Path]],
    ) -> None:
        self._bucket = bucket
        self._disk = disk
        self._root = root
        self._scratch = scratch
        self._listed: dict[Part, dict[str, Listed]] = {part: {} for part in Part}
        self._since: dict[Part, float] = {}

    def has(self, part: Part, name: str) -> bool:
        """As `Committed` says; what is there stays, what is not is looked for now and then."""
        if name not in self._listed[part]:
            self._list(part)
        return name in self._listed[part]

    def _list(self, part: Part) -> None:
        now = time.monotonic()
        if now - self._since.get(part, -_OLD) < _OLD:
            return
        begin, end = f"{part.folder}/", f"/{part.record}"
        self._listed[part] = {
            one.key.removeprefix(begin).removesuffix(end): one
            for one in self._bucket.objects(part.folder)
            if one.key.endswith(end) and one.key.count("/") == 2
        }
        self._since[part] = now

    def names(self, part: Part) -> list[str]:
        """As `Committed` says."""
        self._list(part)
        return sorted(self._listed[part])

    def look_again(self) -> None:
        """As `Committed` says, and what others have removed."""
        self._since.clear()
        for listed in self._listed.values():
            listed.clear()

    def _key(self, part: Part, name: str) -> str:
        return f"{part.folder}/{name}/{part.record}"

    def _files(self, part: Part, name: str, attempt: str) -> str:
        if not _ATTEMPT.fullmatch(attempt):
            raise StoreError(f"{self._key(part, name)} of {self._bucket.name} is damaged")
        return f"files/{part.folder}/{name}/{attempt}"

    def record(self, part: Part, name: str) -> bytes:
        """As `Committed` says."""
        if not self.has(part, name):
            raise FileNotFoundError
        folder, version = self._root / part.folder / name, self._listed[part][name].version
        seal = self._root / "versions" / part.folder / name
        cached, known = self._cached(folder / part.record), self._cached(seal)
        if cached and known == _seal(version, cached) and len(version) >= _TELLING:
            return cached
        content = self._bucket.get(self._key(part, name))
        if content is None:
            del self._listed[part][name]  # it was removed
            raise FileNotFoundError
        if cached != content:
            self._clear(folder)
            self._keep(folder / part.record, content)
        self._keep(seal, _seal(version, content))
        return content

    def _cached(self, path: Path) -> bytes | None:
        with suppress(OSError):
            return self._disk.read(path, MOST_RECORD)
        return None

    def _keep(self, path: Path, content: bytes) -> None:
        make_folders(self._disk, path.parent)
        with self._scratch("fetch") as aside:
            swap(self._disk, path, content, aside / path.name)

    def _clear(self, folder: Path) -> None:
        """Take a folder out of the cache, at once."""
        with self._scratch("fetch") as aside, suppress(FileNotFoundError):
            self._disk.rename(folder, aside / "cleared")

    def publish(self, attempt: Path, part: Part, name: str, record: CommitRecord) -> bool:
        """As `Committed` says."""
        self.look_again()
        if self.has(part, name):
            return False
        files, sign = self._files(part, name, record.attempt), f"attempts/{attempt.name}/{_SIGN}"
        self._bucket.put(sign, b"")
        try:
            return self._publish(attempt, part, name, record, files)
        finally:
            with suppress(StoreError):
                self._bucket.remove(sign)

    def _publish(
        self, attempt: Path, part: Part, name: str, record: CommitRecord, files: str
    ) -> bool:
        self._upload(attempt, files, record)
        if not self._bucket.create(self._key(part, name), record.content):
            self._bucket.remove(*(f"{files}/{file}" for file in record.files))
            self.look_again()
            return False
        with suppress(StoreError):
            # It may have slept since they arrived, for so long that they were taken for left over.
            self._upload(attempt, files, record)
        self.look_again()
        said, folder = attempt / part.record, self._root / part.folder / name
        with suppress(OSError):  # it is committed, whatever becomes of the cache
            self._disk.write(said, record.content)
            let_read(self._disk, attempt, said)
            if exists(self._disk, folder):
                self._clear(folder)
            make_folders(self._disk, folder.parent)
            self._disk.rename(attempt, folder)
        return True

    def _upload(self, attempt: Path, files: str, record: CommitRecord) -> None:
        """Put those files of an attempt in the bucket that are not there whole, and look again."""
        left = [*record.files]
        for _ in range(1 + _UPLOADS):
            sizes = {one.key: one.size for one in self._bucket.objects(files)}
            left = [f for f in left if sizes.get(f"{files}/{f}") != record.files[f].size]
            if not left:
                return
            self._bucket.at_once(
                lambda file: self._bucket.put_file(f"{files}/{file}", attempt / file), left
            )
        raise StoreError(
            f"the store {self._bucket.name} does not keep {left[0]} whole, which was sent "
            f"{_UPLOADS} times; look at what is between this machine and its server"
        )

    def fetch(self, part: Part, name: str, attempt: str, file: str, of: CommittedFile) -> bool:
        """As `Committed` says."""
        key = f"{self._files(part, name, attempt)}/{file}"
        place = self._root / part.folder / name / file
        with self._scratch("fetch") as aside:
            new = aside / "file"
            try:
                self._disk.write(new, *self._bucket.get_parts(key, of.size))
            except FileNotFoundError:
                return False
            if self._disk.hash(new) != of.sha256:
                return False
            make_folders(self._disk, place.parent)
            self._disk.rename(new, place)
        return True

    def bring(self, part: Part, names: Collection[str], file: str | None = None) -> None:
        """As `Committed` says, many at a time."""
        self.names(part)  # is asked once, not by each

        def bring(name: str) -> None:
            with suppress(OSError, ValueError, StoreError):
                record = CommitRecord.model_validate_json(self.record(part, name))
                for one, of in record.files.items():
                    here = self._root / part.folder / name / one
                    if file in (None, one) and not self._has_size(here, of.size):
                        self.fetch(part, name, record.attempt, one, of)

        self._bucket.at_once(bring, names)

    def _has_size(self, path: Path, size: int) -> bool:
        with suppress(OSError):
            return self._disk.stat(path, follow=False).st_size == size
        return False

    def lost(self, part: Part, name: str) -> bool:  # noqa: ARG002
        """As `Committed` says: nothing can be in the way of an object that is not there."""
        return False

    def place(self, part: Part, name: str) -> str:
        """As `Committed` says."""
        return f"{self._bucket.name}/{part.folder}/{name}"

    def remedy(self, part: Part, name: str) -> str:
        """As `Committed` says."""
        return f"remove {self._bucket.name}/{self._key(part, name)} and run the stage again"

    def size(self, part: Part) -> int:
        """As `Committed` says, in the bucket."""
        return sum(one.size for one in self._bucket.objects(f"files/{part.folder}"))

    def kept(self, part: Part) -> Iterator[Kept]:
        """As `Committed` says, and the files of attempts that came to nothing."""
        self.look_again()
        sizes: dict[tuple[str, str], int] = {}
        for one in self._bucket.objects(f"files/{part.folder}"):
            _, _, name, attempt, *_ = [*one.key.split("/"), ""]
            sizes[name, attempt] = sizes.get((name, attempt), 0) + one.size
        for name in self.names(part):
            record, attempt = None, ""
            with suppress(OSError, ValueError):
                record = self.record(part, name)
                attempt = CommitRecord.model_validate_json(record).attempt
            size = sizes.pop((name, attempt), 0)
            yield Kept(part, self._root / part.folder / name, record, size, attempt)
        for (name, attempt), size in sorted(sizes.items()):
            if _ATTEMPT.fullmatch(attempt):
                yield Kept(part, self._root / part.folder / name, None, size, attempt)

    def withdraw(self, one: Kept, aside: Path) -> bool:
        """As `Committed` says."""
        key = self._key(one.part, one.folder.name)
        if one.record is None:
            return self._is_left_over(one)
        if self._bucket.get(key) != one.record:
            return False
        self._bucket.remove(key)
        self._listed[one.part].pop(one.folder.name, None)
        with suppress(FileNotFoundError):
            self._disk.rename(one.folder, aside / f"{one.part.folder}@{one.folder.name}")
        return True

    def _is_left_over(self, one: Kept) -> bool:
        """Whether files are of an attempt that came to nothing and never will.

        One that is being published says so until its record is there; thus in this order.
        """
        signs = (found.key.split("/") for found in self._bucket.objects("attempts"))
        if any(sign[1].endswith(f"@{one.attempt}") for sign in signs):
            return False
        content = self._bucket.get(self._key(one.part, one.folder.name))
        with suppress(ValueError):
            return CommitRecord.model_validate_json(content or b"").attempt != one.attempt
        return content is None  # what a damaged record stands for is not known

    def put_back(self, one: Kept, aside: Path) -> bool:  # noqa: ARG002
        """As `Committed` says; the cache is filled again when it is read."""
        self.look_again()
        key = self._key(one.part, one.folder.name)
        return one.record is None or self._bucket.create(key, one.record)

    def discard(self, one: Kept, aside: Path) -> None:  # noqa: ARG002
        """As `Committed` says."""
        if one.attempt:
            files = self._bucket.objects(self._files(one.part, one.folder.name, one.attempt))
            self._bucket.remove(*(found.key for found in files))


def _seal(version: str, content: bytes) -> bytes:
    return f"{version} {hashlib.sha256(content).hexdigest()}".encode()
