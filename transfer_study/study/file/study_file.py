"""Reading a study file: every fault with its line, value and remedy, and paths made absolute."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from transfer_study.errors import InvalidStudy, Problem
from transfer_study.study.built_in import study_path
from transfer_study.study.checks.coherence import INCOHERENT, incoherences
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.sentences import key_of, sentence
from transfer_study.study.file.yaml_document import Document, Key, read_document
from transfer_study.study.recipes.pretraining import Pretraining
from transfer_study.study.study import Study
from transfer_study.study.tasks.source import DatasetsSource, FileSource
from transfer_study.study.tasks.task import Task


def read_study(
    path: Path | str,
    settings: Sequence[str] = (),
    data: Path | str | None = None,
    text: str | None = None,
) -> Study:
    """Read and check a study file, or a built-in study; raises InvalidStudy with every fault found.

    `settings` are `key=value` changes with dotted keys, a task named by its name or position.
    `data`, else $TRANSFER_STUDY_DATA, else the study's own `data`, else the file's folder is the
    root of relative data files; other relative paths resolve against the study file. With `text`
    the file is read as if it had that.
    """
    path = study_path(Path(path))
    document = read_document(path, settings, text)
    try:
        study = Study.model_validate(document.value)
    except ValidationError as error:
        raise InvalidStudy(*_problems(document, error)) from None
    if study.preview is not None:
        where = document.where(("preview",))
        raise InvalidStudy(
            Problem("`preview` is not written; remove it, and give the option --fidelity", where)
        )
    return _located(study, path.resolve().parent, data)


def _problems(document: Document, error: ValidationError) -> list[Problem]:
    """One problem a fault, in the order of the file; the options of `--set` come last."""
    faults = list(_faults(document, error))
    faults.sort(key=lambda fault: (isinstance(o := document.origin(fault[0]), str), o))
    lines = [Problem(" ".join(text.split()), document.where(key)) for key, text in faults]
    return list(dict.fromkeys(lines))


def _faults(document: Document, error: ValidationError) -> Iterator[tuple[Key, str]]:
    details = error.errors(include_url=False)
    if not any(detail["type"] == INCOHERENT for detail in details):
        # The study was not sound enough to be checked as a whole; its text may still be.
        yield from incoherences(document.value)
    told: dict[Key, str] = {}
    derived: dict[Key, str] = {}
    for detail in details:
        key = key_of(document, detail)
        value = document.at(key)
        if detail["type"] == INCOHERENT:
            yield key, detail["msg"]
        elif detail["type"] == "too_short" and isinstance(value, list) and value:
            pass  # pydantic counts the sound items only
        else:
            # Every choice of a union fails by itself: the first is enough.
            written = value is not None or detail["type"] == "missing"
            (told if written else derived).setdefault(key, sentence(document, key, detail))
    # What is not written was derived from something that has a fault of its own, and a mapping that
    # fails another choice of a union is told by what is wrong inside it.
    faults = told or derived
    for key, text in faults.items():
        if not any(len(other) > len(key) and other[: len(key)] == key for other in faults):
            yield key, text


def _located(study: Study, base: Path, data: Path | str | None) -> Study:
    """The study with every relative path resolved."""
    root = data or os.environ.get("TRANSFER_STUDY_DATA")
    resolved = _under(base, study.data or base) if not root else Path(root).expanduser().resolve()
    return study.model_copy(
        update={
            "data": resolved,
            "tasks": tuple(_located_task(task, base, resolved) for task in study.tasks),
            "encoders": tuple(_located_encoder(encoder, base) for encoder in study.encoders),
            "pretrain": _located_pretraining(study.pretrain, resolved),
        }
    )


def _under(base: Path, path: Path) -> Path:
    return base / path.expanduser()


def _located_task(task: Task, base: Path, root: Path) -> Task:
    source = task.source
    update: dict[str, object] = {}
    if isinstance(source, FileSource | DatasetsSource) and source.data is not None:
        root = _under(base, source.data)
        update["data"] = root
    if isinstance(source, FileSource):
        update["folder"] = _under(root, source.folder) if source.folder else None
        update |= {"file": _under(root, source.file)} if source.file else {}
        update["files"] = {split: _under(root, path) for split, path in source.files.items()}
    elif isinstance(source, DatasetsSource) and _under(root, Path(source.name)).is_dir():
        update["name"] = str(_under(root, Path(source.name)))
    return task.model_copy(update={"source": source.model_copy(update=update)})


def _located_pretraining(pretraining: Pretraining | None, root: Path) -> Pretraining | None:
    if pretraining is None or isinstance(pretraining.texts, str):
        return pretraining
    texts = tuple(_under(root, path) for path in pretraining.texts)
    return pretraining.model_copy(update={"texts": texts})


def _located_encoder(encoder: Encoder, base: Path) -> Encoder:
    if encoder.scratch is not None:
        return encoder
    if encoder.tiny is not None:
        if isinstance(encoder.tiny.texts, str):
            return encoder
        texts = tuple(_under(base, path) for path in encoder.tiny.texts)
        tiny = encoder.tiny.model_copy(update={"texts": texts})
        return encoder.model_copy(update={"tiny": tiny})
    folder = _under(base, Path(encoder.source))
    if not folder.is_dir():
        return encoder  # a hub id or a package
    return encoder.model_copy(update={"source": str(folder.resolve())})
