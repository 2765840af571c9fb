"""Whether a machine runs stages as the one that planned them would: its code, its libraries.

A stage's id says with which data, encoder and recipe it was run, and a number of the package says
which learning code; a machine with other code under the same number would commit other stages under
the same ids.
"""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from typing_extensions import Self

from transfer_study.study.frozen import Frozen

_LIBRARIES = ("numpy", "tokenizers", "torch", "transformers")


class Program(Frozen):
    """The content of this package's files as a hash, and the versions of what it computes with."""

    content: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Self:
        """What this process runs."""
        # Without what only names a build: 2.13.0 of 2.13.0+cpu.
        versions = {name: version_of(name).partition("+")[0] for name in _LIBRARIES}
        return cls(content=_content(), versions=versions)

    def unlike(self, other: Program) -> str | None:
        """How another program differs, as a sentence goes on that begins with its machine."""
        for name, mine in self.versions.items():
            if other.versions[name] != mine:
                return f"has {name} {other.versions[name]}, where the study was started has {mine}"
        if other.content != self.content:
            return "has another transfer_study (its files differ) than where the study was started"
        return None


@cache
def _content() -> str:
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sources_on_path(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which another Python imports this package, where it runs from sources."""
    folder = str(Path(__file__).parents[2])
    if folder == sysconfig.get_path("purelib"):
        return dict(environment)
    paths = [environment.get("PYTHONPATH"), folder]
    return {**environment, "PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def version_of(library: str) -> str:
    """The version of an installed library."""
    try:
        return version(library)
    except PackageNotFoundError:  # of this one, run from a source tree
        return "not installed"
