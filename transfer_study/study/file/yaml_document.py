"""A YAML file as plain text, lists and mappings, with the place where each of them was written.

Scalars stay the text that was written: a label `true`, `yes`, `NA` or `1.0` is never a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from transfer_study.errors import InvalidStudy, Problem
from transfer_study.files import read_regular
from transfer_study.study.built_in import built_in_studies
from transfer_study.visible import is_plain

Key = tuple[str | int, ...]
# A line of the file, or the `--set` option that gave the value.
Origin = int | str

# Lists whose items have names, by which `--set` and messages call them.
_NAMED = ("tasks", "encoder")
_NULL = "tag:yaml.org,2002:null"
_MOST_BYTES = 1 << 20
# Values, keys and collections, each counted as often as an alias repeats it.
_MOST_NODES = 100_000


@dataclass
class Document:
    """The content of a study file after all `--set` changes, and where each key came from."""

    path: Path
    value: dict[str, Any]
    origins: dict[Key, Origin]

    def origin(self, key: Key) -> Origin:
        """The place of a key, or of the nearest written key that it would belong to."""
        known = (key[:n] for n in range(len(key), 0, -1) if key[:n] in self.origins)
        return self.origins.get(next(known, ()), 1)

    def where(self, key: Key) -> str:
        """File, line and dotted key, or the option that set it."""
        origin, dotted = self.origin(key), self.dotted(key)
        if isinstance(origin, str):
            return origin if origin.startswith(f"--set {dotted}=") else f"{origin}, `{dotted}`"
        return f"{self.path}, line {origin}" + (f", `{dotted}`" if key else "")

    def dotted(self, key: Key) -> str:
        """A key as `--set` takes it, items of named lists by their names."""
        parts = []
        for n, step in enumerate(key):
            if isinstance(step, str):
                parts.append(f".{step}")
            else:
                name = _name(self.at(key[: n + 1])) if key[0] in _NAMED and n == 1 else None
                parts.append(f".{name}" if name else f"[{step}]")
        return "".join(parts).lstrip(".")

    def at(self, key: Key) -> Any:
        """What stands at a key, None where nothing does."""
        place: Any = self.value
        for step in key:
            try:
                place = place[step]
            except (LookupError, TypeError):
                return None
        return place

    def set(self, setting: str) -> None:
        """Change or add one key by `dotted.key=value`; raises InvalidStudy where that cannot be."""
        option = f"--set {setting}"
        dotted, separator, text = setting.partition("=")
        if not separator or not all(dotted.split(".")):
            raise InvalidStudy(f"{option}: expected KEY=VALUE, as in --set refine.epochs=3")
        *parents, last = dotted.split(".")
        holder: Any = self.value
        key: Key = ()
        for part in parents:
            step = _step(holder, part, option)
            key = (*key, step)
            self.origins.setdefault(key, option)
            child = self.at(key)
            if isinstance(child, str) and key[0] in _NAMED:
                child = {"name": child}
            holder[step] = holder = {} if child is None else child
        step = _step(holder, last, option)
        key = (*key, step)
        reader = _Reader(option, key, option)
        holder[step] = reader.read(text)
        self.origins = {k: o for k, o in self.origins.items() if k[: len(key)] != key}
        self.origins.update(reader.origins)


def read_document(path: Path, settings: Sequence[str] = (), text: str | None = None) -> Document:
    """Parse a study file, or a text for it, and apply the settings.

    Raises InvalidStudy with every fault of YAML.
    """
    reader = _Reader(str(path))
    value = reader.read(_text(path) if text is None else text.removeprefix("\ufeff"))
    if not isinstance(value, dict):
        found = "a list" if isinstance(value, list) else "nothing" if not value else repr(value)
        raise InvalidStudy(
            f"{path}: found {found[:60]}; a study file is a mapping of keys, "
            "such as `name: my_study` and `tasks: [...]`"
        )
    document = Document(path, value, reader.origins)
    for setting in settings:
        document.set(setting)
    return document


@dataclass
class _Reader:
    """Turns the text of a file, or of a `--set` value that goes to `key`, into plain values."""

    place: str
    key: Key = ()
    option: str | None = None
    origins: dict[Key, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    checked: set[int] = field(default_factory=set)  # nodes; an alias visits one again

    def read(self, text: str) -> Any:
        try:
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            if node is not None and _expanded(node, {}) > _MOST_NODES:
                raise InvalidStudy(
                    f"{self.place}: has more than {_MOST_NODES:,} values once its aliases are "
                    "written out; write a smaller study, with fewer aliases of aliases"
                )
            value = "" if node is None else self._value(loader, node, self.key)
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise InvalidStudy(
                f"{self._where(line)}: the character {chr(int(error.character))!r} may not stand "
                "in YAML; remove it"
            ) from None
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise InvalidStudy(f"{self._where(line)}: {_yaml_fault(error)}") from None
        except RecursionError:
            raise InvalidStudy(
                f"{self.place}: is nested too deeply; does an anchor contain itself?"
            ) from None
        if self.option and node is None:
            self.problems.append(Problem("has no value; give one after the =", self.place))
        if self.problems:
            raise InvalidStudy(*self.problems)
        return value

    def _where(self, line: int) -> str:
        return self.option or f"{self.place}, line {line}"

    def _value(self, loader: yaml.SafeLoader, node: yaml.Node, key: Key) -> Any:
        self.origins.setdefault(key, self.option or node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            for child in node.value:
                if child.tag == _NULL and not child.value:
                    where = self._where(child.start_mark.line + 1)
                    self.problems.append(Problem("an item of the list is empty; remove it", where))
            return [self._value(loader, n, (*key, i)) for i, n in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, key)
        self._check_plain(node)
        return node.value

    def _check_plain(self, scalar: yaml.Node) -> None:
        """Names, labels and paths are printed, and name files: they have no control characters."""
        if not is_plain(scalar.value):
            self.problems.append(
                Problem(
                    f"{scalar.value!r} has a character that controls a terminal or ends a text; "
                    "remove it",
                    self._where(scalar.start_mark.line + 1),
                )
            )

    def _mapping(self, loader: yaml.SafeLoader, node: yaml.MappingNode, key: Key) -> Any:
        if id(node) not in self.checked:
            self.checked.add(id(node))
            self._check_keys(node)
            # `<<: *anchor`: what it brings comes first, own keys come last and win.
            loader.flatten_mapping(node)
        value: dict[str, Any] = {}
        for name, child in node.value:
            if isinstance(name, yaml.ScalarNode):
                inner = (*key, name.value)
                self.origins[inner] = self.option or name.start_mark.line + 1
                value[name.value] = self._value(loader, child, inner)
        return value

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: dict[str, int] = {}
        for name, child in node.value:
            line = name.start_mark.line + 1
            where = self._where(line)
            if isinstance(name, yaml.ScalarNode):
                self._check_plain(name)
            if not isinstance(name, yaml.ScalarNode):
                self.problems.append(Problem("a key must be plain text, not a list", where))
            elif name.value in seen:
                self.problems.append(
                    Problem(
                        f"the key {name.value!r} was already given in line {seen[name.value]}; "
                        "keep one of them",
                        where,
                    )
                )
            elif child.tag == _NULL:
                self.problems.append(
                    Problem(f"`{name.value}` has no value; give one or remove the key", where)
                )
            seen.setdefault(str(name.value), line)


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are below one, itself included, with every alias written out."""
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1  # of an anchor that holds itself
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = isinstance(node, yaml.MappingNode)
        children = [child for pair in inner for child in (pair if pairs else (pair,))]
        known[id(node)] = 1 + sum(_expanded(child, known) for child in children)
    return known[id(node)]


def _text(path: Path) -> str:
    try:
        return read_regular(path, _MOST_BYTES).decode("utf-8-sig")
    except FileNotFoundError:
        is_name = path.name == str(path) and not path.suffix
        known = f", or name one of {', '.join(built_in_studies())}" if is_name else ""
        raise InvalidStudy(f"{path}: there is no such study file; check the path{known}") from None
    except UnicodeDecodeError as error:
        raise InvalidStudy(
            f"{path}: byte {error.object[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise InvalidStudy(
            f"{path}: cannot be read ({error.strerror}); give the path of a study file"
        ) from None


def _yaml_fault(error: yaml.MarkedYAMLError) -> str:
    if "'\\t'" in (error.problem or ""):
        return "a tab cannot indent YAML; write spaces"
    reason = f"{error.context}, {error.problem}" if error.context else error.problem
    return f"is not valid YAML ({reason}); mend this line or the one before it"


def _name(item: object) -> str | None:
    name = item.get("name") if isinstance(item, Mapping) else item
    plain = isinstance(name, str) and name.replace("-", "").replace("_", "").isalnum()
    return str(name) if plain else None


def _step(holder: object, part: str, option: str) -> str | int:
    """The key or position that a part of a dotted key means in a mapping or list."""
    if isinstance(holder, dict):
        return part
    if not isinstance(holder, list):
        raise InvalidStudy(
            f"{option}: there is no {part!r} in the value {holder!r}; set the whole value instead"
        )
    names = [item.get("name") if isinstance(item, dict) else item for item in holder]
    if part in names:
        return names.index(part)
    if part.isdecimal() and int(part) < len(holder):
        return int(part)
    raise InvalidStudy(
        f"{option}: {part!r} is neither a name nor a position in the list; "
        f"found: {', '.join(map(str, names)) or 'nothing'}"
    )
