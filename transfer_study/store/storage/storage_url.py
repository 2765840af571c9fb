"""What names a store: a folder, or the URL of a place on object storage."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from transfer_study.errors import StoreError
from transfer_study.files import cache_folder

_SCHEMES = ("s3", "gs", "az", "memory")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class StorageUrl:
    """A bucket or container and a prefix in it, such as s3://bucket/prefix; holds no secret."""

    scheme: str
    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{self.prefix and '/'}{self.prefix}"

    @property
    def cache(self) -> Path:
        """The folder of this machine that holds what was read from there, and what is written."""
        told = re.sub(r"[^A-Za-z0-9._-]", "-", f"{self.bucket}-{self.prefix}")[:60]
        unique = hashlib.sha256(str(self).encode()).hexdigest()[:12]
        return cache_folder() / "stores" / f"{self.scheme}-{told}-{unique}"


def store_place(place: Path | StorageUrl | str) -> Path | StorageUrl:
    """The folder or URL that a text names; file:// names a folder. Raises StoreError."""
    if isinstance(place, Path | StorageUrl):
        return place
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:/", place) is None:
        return Path(place)
    text = place
    parts = urlsplit(text)
    if "@" in parts.netloc or parts.query or parts.fragment:
        # Not shown: it may hold a key.
        raise _refused(
            f"{parts.scheme}://…",
            "it has a name, key or query in it, which would stand in records and logs; leave that "
            "to the environment (AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS, "
            "AZURE_STORAGE_ACCOUNT_KEY)",
        )
    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise _refused(text, "a file's URL begins with file:///")
        return Path(unquote(parts.path))
    if parts.scheme not in _SCHEMES:
        known = ", ".join(f"{scheme}://" for scheme in (*_SCHEMES, "file"))
        raise _refused(text, f"it is none of {known}")
    prefix = parts.path.strip("/")
    if not text.startswith(f"{parts.scheme}://") or not _NAME.fullmatch(parts.netloc):
        raise _refused(text, f"it has no bucket; write {parts.scheme}://bucket/prefix")
    if prefix and not all(map(_NAME.fullmatch, prefix.split("/"))):
        raise _refused(
            text, "what follows the bucket may have letters, digits, '.', '_', '-' and '/' alone"
        )
    return StorageUrl(parts.scheme, parts.netloc, prefix)


def _refused(place: str, why: str) -> StoreError:
    return StoreError(f"the store {place} cannot be used: {why}")
