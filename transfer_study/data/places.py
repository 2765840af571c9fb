"""Where the files are that a stage reads, and the same stage with them elsewhere.

A stage's id is of their content alone, so that a machine may have them in another place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from transfer_study.data.encoders.find import encoder_folder
from transfer_study.data.files.readers import split_file
from transfer_study.errors import StudyError
from transfer_study.study.encoder import Encoder
from transfer_study.study.stage import Stage
from transfer_study.study.tasks.source import SPLITS, DatasetsSource, FileSource

# The files of a place by their names below it; a file is in a place of its own.
Files = dict[str, Path]
_Move = Callable[[str], str]


def files_of(stage: Stage) -> dict[str, Files]:
    """The files that a stage reads, by the place that it names: a path, or a hub's or package's.

    Of a folder those that are read. A data set of a hub, and one made by code, has none.
    """
    found: dict[str, Files] = {}

    def keep(place: str) -> str:
        path = Path(place)
        if path.is_file():
            found.setdefault(place, {path.name: path})
        return place

    for value in _described(stage):
        if isinstance(value, FileSource) and value.folder is not None:
            found[str(value.folder)] = _splits(value)
        elif isinstance(value, DatasetsSource) and Path(value.name).is_dir():
            found[value.name] = _below(Path(value.name), every=True)
        elif isinstance(value, Encoder) and _has_files(value):
            found[value.source] = _below(encoder_folder(value), every=False)
    _moved(stage, keep)
    return found


def elsewhere(stage: Stage, places: Mapping[str, str]) -> Stage:
    """The same stage, which reads what it names from other places where these are given."""
    moved: Stage = _moved(stage, lambda place: places.get(place, place))
    assert moved.id == stage.id
    return moved


def _has_files(encoder: Encoder) -> bool:
    return encoder.tiny is None and encoder.scratch is None


def _splits(source: FileSource) -> Files:
    files: Files = {}
    for split in SPLITS:
        with suppress(StudyError):  # dev may be carved
            path = split_file(source, split)
            files.update({path.name: path} if path.is_file() else {})
    return files


def _below(folder: Path, *, every: bool) -> Files:
    paths = folder.rglob("*") if every else folder.iterdir()
    return {p.relative_to(folder).as_posix(): p for p in sorted(paths) if p.is_file()}


def _parts(value: BaseModel) -> Iterator[str]:
    """The fields of a part of a stage; what its parents read is read no more."""
    return (name for name in type(value).model_fields if name != "parents")


def _described(value: Any) -> Iterator[BaseModel]:
    """All parts of a stage."""
    if isinstance(value, BaseModel):
        yield value
        for name in _parts(value):
            yield from _described(getattr(value, name))
    elif isinstance(value, tuple):
        for inner in value:
            yield from _described(inner)


def _moved(value: Any, move: _Move) -> Any:
    """A part of a stage with all of its places moved."""
    if isinstance(value, Path):
        return Path(move(str(value)))
    if isinstance(value, tuple):
        return tuple(_moved(inner, move) for inner in value)
    if isinstance(value, dict):
        return {key: _moved(inner, move) for key, inner in value.items()}
    if not isinstance(value, BaseModel):
        return value
    changes = {name: _moved(getattr(value, name), move) for name in _parts(value)}
    if isinstance(value, Encoder) and _has_files(value):
        changes["source"] = move(value.source)
    if isinstance(value, DatasetsSource):
        changes["name"] = move(value.name)
    changes = {name: new for name, new in changes.items() if new != getattr(value, name)}
    return value.model_copy(update=changes) if changes else value
