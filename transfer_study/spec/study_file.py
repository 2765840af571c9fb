"""Reading a study file: strict YAML, and every fault with its line, value and remedy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from transfer_study.errors import InvalidStudy, Problem
from transfer_study.spec.encoder import Encoder
from transfer_study.spec.study import Study, incoherences
from transfer_study.spec.task import FileSource, Task

Key = tuple[str | int, ...]


def read_study(path: Path, settings: Sequence[str] = (), data: Path | None = None) -> Study:
    """Read and check a study file; raises InvalidStudy with every fault found.

    `settings` are `key=value` changes with dotted keys, a task named by its name or number.
    `data` (else the study's own, else $TRANSFER_STUDY_DATA, else the file's folder) is the root
    of relative data files; other relative paths resolve against the study file.
    """
    document = _parse(path)
    for setting in settings:
        document.set(setting)
    study = _validate(document)
    return _locate(study, path.resolve().parent, data)


@dataclass
class _Document:
    """A YAML document as plain strings, lists and dicts, with the line of every key."""

    path: Path
    value: Any
    lines: dict[Key, int]

    def where(self, key: Key) -> str:
        """File, line and dotted key of a place; the nearest written parent's line."""
        known = next((key[:n] for n in range(len(key), -1, -1) if key[:n] in self.lines), ())
        line = self.lines.get(known, 1)
        place = f"{self.path}, line {line}" if line else f"{self.path}, --set"
        return f"{place}, `{_dotted(key)}`" if key else place

    def set(self, setting: str) -> None:
        dotted, separator, text = setting.partition("=")
        if not separator or not dotted:
            raise InvalidStudy(
                f"--set {setting}: expected key=value, as in --set refine.epochs=3"
            )
        value = _plain(yaml.compose(text, Loader=yaml.SafeLoader))
        parts, key, holder = dotted.split("."), (), self.value
        for n, part in enumerate(parts):
            step: str | int = part
            if isinstance(holder, list):
                step = _position(holder, part, setting)
                if not isinstance(holder[step], dict):
                    holder[step] = {"name": holder[step]}
            elif not isinstance(holder, dict):
                raise InvalidStudy(f"--set {setting}: `{_dotted(key)}` has no keys to set")
            key = (*key, step)
            if n == len(parts) - 1:
                holder[step] = value
            else:
                holder = holder[step] if isinstance(holder, list) else holder.setdefault(step, {})
        self.lines[key] = 0


def _dotted(key: Key) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


def _position(holder: list[Any], part: str, setting: str) -> int:
    names = [item.get("name") if isinstance(item, dict) else item for item in holder]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(holder):
        return int(part)
    raise InvalidStudy(
        f"--set {setting}: {part!r} is neither a name nor a position here; "
        f"found: {', '.join(map(str, names))}"
    )


def _parse(path: Path) -> _Document:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InvalidStudy(f"{path}: there is no such study file; check the path") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidStudy(f"{path}: cannot be read as UTF-8 text ({error}); check the path") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidStudy(
            f"{path}{line}: is not valid YAML ({error.problem}); mend the line or the one before it"
        ) from None
    except yaml.YAMLError as error:
        raise InvalidStudy(f"{path}: is not valid YAML ({error})") from None
    if not isinstance(node, yaml.MappingNode):
        raise InvalidStudy(
            f"{path}: a study file is a mapping of keys such as `name:` and `tasks:`, "
            f"found {'nothing' if node is None else 'a ' + node.id}"
        )
    lines: dict[Key, int] = {}
    problems = list(_walk(node, (), lines, path))
    if problems:
        raise InvalidStudy(*problems)
    return _Document(path, _plain(node), lines)


def _walk(node: yaml.Node, key: Key, lines: dict[Key, int], path: Path) -> Iterator[Problem]:
    lines.setdefault(key, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for name_node, child in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                yield Problem("a key must be plain text", f"{path}, line {line}")
                continue
            name = name_node.value
            if name in seen:
                yield Problem(
                    f"the key {name!r} was already given in line {seen[name]}; keep one of them",
                    f"{path}, line {line}, `{_dotted((*key, name))}`",
                )
            seen[name] = line
            lines[(*key, name)] = line
            yield from _walk(child, (*key, name), lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for n, child in enumerate(node.value):
            yield from _walk(child, (*key, n), lines, path)


def _plain(node: yaml.Node | None) -> Any:
    """Scalars stay the text that was written: a label `true`, `yes` or `1.0` is never a value."""
    if isinstance(node, yaml.MappingNode):
        return {name.value: _plain(child) for name, child in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child) for child in node.value]
    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _validate(document: _Document) -> Study:
    raw = document.value
    problems = [
        Problem(message, document.where(tuple(key.split("."))))
        for key, message in incoherences(
            tasks=[t.get("name") if isinstance(t, dict) else t for t in _items(raw, "tasks")],
            encoders=[e.get("name") if isinstance(e, dict) else e for e in _items(raw, "encoder")],
            seeds=_items(raw, "seeds"),
            arms=_items(raw, "arms") if "arms" in raw else ["single", "full", "pairs"],
            overrides=list(_mapping(_mapping(raw.get("finetune")).get("tasks"))),
        )
    ]
    try:
        study = Study.model_validate(raw)
    except ValidationError as error:
        problems += [p for detail in error.errors() if (p := _problem(document, detail))]
        raise InvalidStudy(*dict.fromkeys(problems)) from None
    if problems:
        raise InvalidStudy(*problems)
    return study


def _items(raw: dict[str, Any], key: str) -> list[Any]:
    value = raw.get(key, [])
    return value if isinstance(value, list) else [value]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _problem(document: _Document, error: ErrorDetails) -> Problem | None:
    # Discriminated unions and aliases add steps that are not keys of the file.
    key = tuple(part for part in error["loc"] if part not in ("tsv", "csv", "jsonl", "conll", "datasets", "synthetic"))
    if not key and error["type"] == "value_error":
        return None  # the study's incoherences, found above with their keys
    found, context = error["input"], error.get("ctx", {})
    name = str(key[-1]) if key else ""
    match error["type"]:
        case "extra_forbidden":
            message = f"the key {name!r} is unknown here; {_choices(name, _allowed(error['loc'][:-1]))}"
        case "missing":
            message = f"`{name}` is missing; add it{_missing_hint(document, key)}"
        case "enum" | "literal_error":
            expected = [w.strip(" '") for w in context["expected"].replace(" or ", ", ").split(",")]
            message = f"found {found!r}; {_choices(str(found), expected)}"
        case "union_tag_not_found" | "union_tag_invalid":
            given = found.get("format") if isinstance(found, dict) else found
            expected = [w.strip(" '") for w in context.get("expected_tags", "'tsv', 'csv', 'jsonl', 'conll', 'datasets', 'synthetic'").split(",")]
            message = f"`format` is {given!r}; {_choices(str(given), expected)}"
        case "int_parsing" | "int_type" | "int_from_float":
            message = f"found {found!r}, which is not a whole number; give one such as 3"
        case "float_parsing" | "float_type" | "finite_number":
            message = f"found {found!r}, which is not a number; give one such as 0.01"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            message = f"found {found!r}; it {error['msg'].removeprefix('Input ')}"
        case "too_short":
            message = "the list is empty; give at least one item"
        case "value_error":
            message = f"{context['error']}" if isinstance(found, dict | list | BaseModel) else f"found {found!r}; {context['error']}"
        case _:
            message = f"found {found!r}; {error['msg'][0].lower()}{error['msg'][1:]}"
    return Problem(message, document.where(key))


def _missing_hint(document: _Document, key: Key) -> str:
    from transfer_study.spec.blue import BLUE

    if len(key) == 3 and key[0] == "tasks":
        entry = document.value["tasks"][key[1]]
        name = entry.get("name", "") if isinstance(entry, dict) else entry
        if close := get_close_matches(str(name), BLUE, n=1):
            return f" (or did you mean the built-in task {close[0]!r}?)"
        return f" (the built-in tasks are {', '.join(BLUE)})"
    return ""


def _choices(found: str, allowed: Sequence[str]) -> str:
    close = get_close_matches(found, allowed, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed: {', '.join(allowed)}{meant}"


def _allowed(location: tuple[str | int, ...]) -> list[str]:
    """The keys of the model at a place of the study, found by following the fields' types."""
    models: list[type[BaseModel]] = [Study]
    for step in location:
        found = [
            candidate
            for model in models
            for name, info in model.model_fields.items()
            if step in (name, info.alias)
            for candidate in _models(info.annotation)
        ]
        tagged = [m for m in models if "format" in m.model_fields and step in get_args(m.model_fields["format"].annotation)]
        models = tagged or found or models
    return sorted({info.alias or name for model in models for name, info in model.model_fields.items()})


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (tuple, list, dict, Union, UnionType) or hasattr(annotation, "__metadata__"):
        for part in get_args(annotation):
            yield from _models(part)


def _locate(study: Study, base: Path, data: Path | None) -> Study:
    """Resolve every relative path of a study."""
    if data is not None:
        root = data.resolve()
    elif study.data is not None:
        root = base / study.data
    else:
        root = Path(os.environ.get("TRANSFER_STUDY_DATA") or base).resolve()
    return study.model_copy(
        update={
            "data": root,
            "tasks": tuple(_locate_task(task, root) for task in study.tasks),
            "encoders": tuple(_locate_encoder(encoder, base) for encoder in study.encoders),
        }
    )


def _locate_task(task: Task, root: Path) -> Task:
    source = task.source
    if not isinstance(source, FileSource):
        return task
    located = source.model_copy(
        update={
            "folder": root / source.folder if source.folder else None,
            "files": {split: root / path for split, path in source.files.items()},
        }
    )
    return task.model_copy(update={"source": located})


def _locate_encoder(encoder: Encoder, base: Path) -> Encoder:
    if encoder.tiny is not None and not isinstance(encoder.tiny.texts, str):
        texts = tuple(base / path for path in encoder.tiny.texts)
        tiny = encoder.tiny.model_copy(update={"texts": texts})
        return encoder.model_copy(update={"tiny": tiny})
    if (base / encoder.source).is_dir():
        return encoder.model_copy(update={"source": str((base / encoder.source).resolve())})
    return encoder
