"""Data and encoders for machines that do not have them: once a machine, from where the study began.

An actor beside the driver reads a file when it is first asked for, and puts it into Ray's object
store, which brings it to each machine once. There the first worker writes it to a folder named by
its content, which all workers share; what arrived otherwise than it was sent is thrown away. That
the content is the planned one is checked where it is read, as of any file.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from transfer_study.data.places import elsewhere, files_of
from transfer_study.errors import DataError, EncoderError
from transfer_study.execute.cluster.ray_process import beside_driver
from transfer_study.files import cache_folder, regular_file
from transfer_study.study.frozen import file_hash
from transfer_study.study.stage import Stage

# isort: split
# After `ray_process`, which sets what Ray reads when it is imported.
import ray

_PIECE = 1 << 26  # bytes
_PATIENCE = 600.0  # seconds for a piece


@dataclass(frozen=True)
class Sent:
    """A file by its name below its place, with its sha256, and the references to its pieces."""

    name: str
    sha256: str
    pieces: list[Any]


class _Library:
    """The actor beside the driver; what it has sent once stays in the object store."""

    def __init__(self) -> None:
        self._sent: dict[str, list[Sent]] = {}

    def of(self, stage: str) -> dict[str, list[Sent]]:
        """What a stage reads, by its place."""
        files = files_of(Stage.model_validate_json(stage))
        for place, found in files.items():
            if place not in self._sent:
                self._sent[place] = [_send(name, path) for name, path in found.items()]
        return {place: self._sent[place] for place in files}


def _send(name: str, path: Path) -> Sent:
    pieces, digest = [], hashlib.sha256()
    with regular_file(path) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            pieces.append(ray.put(piece))
    return Sent(name, digest.hexdigest(), pieces)


def open_library() -> str:
    """Start the actor on this machine; gives the name by which workers ask for it."""
    name = f"library-{uuid4().hex}"
    # Kept for as long as this process lives, which is its owner.
    _open.append(ray.remote(_Library).options(**beside_driver(), name=name).remote())
    return name


_open: list[Any] = []
_places: dict[str, str] = {}  # in a worker, where it has what its machine lacked


def at_hand(stage: Stage, library: str | None) -> Stage:
    """The stage as this machine can read it, with what it lacks brought here.

    As it is where all is there, and where nothing could be brought: it will then say what it lacks.
    """
    stage = elsewhere(stage, _places)
    if library is None or not _lacks(stage):
        return stage
    try:
        actor = ray.get_actor(library)
        sent = ray.get(actor.of.remote(stage.model_dump_json()), timeout=_PATIENCE)
        brought = {place: _bring(files, place) for place, files in sent.items()}
    except (ray.exceptions.RayError, ValueError, OSError):
        return stage
    moved = elsewhere(stage, brought)
    if _lacks(moved):
        return stage
    _places.update(brought)
    return moved


def _lacks(stage: Stage) -> bool:
    """Whether something that a stage reads is not here as it was planned; what is, is kept."""
    from transfer_study.execute.run_stage import check_at_hand

    try:
        check_at_hand(stage)
    except (DataError, EncoderError, OSError):
        return True
    except Exception:  # another fault, which the stage tells by itself
        return False
    return False


def _bring(files: list[Sent], place: str) -> str:
    """The place on this machine that has these files, written now or before."""
    content = hashlib.sha256(json.dumps([[f.name, f.sha256] for f in files]).encode()).hexdigest()
    root = usable_cache() / "files"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / content
    with _alone(root / f"{content}.lock"):
        if not all(_is_sound(folder, file) for file in files):
            shutil.rmtree(folder, ignore_errors=True)
            aside = Path(tempfile.mkdtemp(dir=root))
            for file in files:
                _write(aside, file)
            aside.rename(folder)
    alone = len(files) == 1 and files[0].name == Path(place).name
    return str(folder / files[0].name if alone else folder)


def _is_sound(folder: Path, file: Sent) -> bool:
    try:
        return file_hash(folder / file.name) == file.sha256
    except OSError:
        return False


def _write(folder: Path, file: Sent) -> None:
    """Write a file piece by piece; raises OSError where it is not the one that was sent."""
    path = folder / file.name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise OSError(f"{file.name} leaves its folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as written:
        for piece in file.pieces:
            written.write(ray.get(piece, timeout=_PATIENCE))
    if file_hash(path) != file.sha256:
        raise OSError(f"{file.name} did not arrive whole")


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One worker of this machine at a time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def usable_cache() -> Path:
    """Where this machine keeps what can be had again: the user's cache, or a temporary folder."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return Path(tempfile.gettempdir()) / f"transfer-study-{os.getuid()}"
