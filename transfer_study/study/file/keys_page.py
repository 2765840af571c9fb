"""The page that lists every key of a study file, made from the schema that editors use.

transfer-study keys > docs/study-file.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transfer_study.study.file.schema import Schema, study_schema

_HEAD = """\
# The study file

Every key, with what it means, what it may be, and what it is where it is not written. Made by
`transfer-study keys`; the same texts are shown by editors that read
`experiments/study.schema.json`. A file to begin with is written by `transfer-study new`.
"""
_REF = "#/$defs/"
# Tasks that are changes of built-in ones have the same keys.
_NOT_SHOWN = frozenset({"BuiltInTask"})
# Whose keys are those of another, but for a few.
_LIKE = {"FinetuneRecipe": "Recipe", "HeadsRecipe": "Recipe"}
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true`, `false`",
}


def keys_page() -> str:
    """The page as Markdown: the study's own keys, then those of each kind of mapping in it."""
    schema = study_schema()
    types: Schema = schema["$defs"]
    order = list(dict.fromkeys(_mappings(schema, types)))
    places: dict[str, list[str]] = {name: [] for name in order}
    for owner, mapping in (("", schema), *((name, types[name]) for name in order)):
        for key, value in mapping["properties"].items():
            for name in {*_references(value)} & places.keys():
                inherited = owner in _LIKE and key in types[_LIKE[owner]]["properties"]
                if not inherited:
                    places[name].append(
                        f"`{key}`" + (f" of [{owner}](#{owner.lower()})" * bool(owner))
                    )
    parts = [_HEAD, "\n".join(_table(schema, types))]
    for name in order:
        said = types[name].get("description", "").split("\n\n")[0].replace("\n", " ")
        parts.append(f"## {name}\n\nUnder {', '.join(places[name])}. {said}\n")
        if name in _LIKE:
            parts.append(f"The keys of {_link(_LIKE[name])}, of which these differ:\n")
        parts.append("\n".join(_table(types[name], types, types.get(_LIKE.get(name, ""), {}))))
    return "\n".join(parts) + "\n"


def _mappings(schema: Schema, types: Schema) -> Iterator[str]:
    """The kinds of mapping below a schema, in the order in which a reader meets them."""
    names = [name for value in schema["properties"].values() for name in _references(value)]
    shown = [n for n in dict.fromkeys(names) if "properties" in types[n] and n not in _NOT_SHOWN]
    yield from shown
    for name in shown:
        yield from _mappings(types[name], types)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].removeprefix(_REF)
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _table(schema: Schema, types: Schema, like: Schema | None = None) -> Iterator[str]:
    known = (like or {}).get("properties", {})
    needed = schema.get("required", ())
    yield "| key | meaning | values | default |"
    yield "| --- | --- | --- | --- |"
    for key, value in schema["properties"].items():
        if known.get(key) == value:
            continue
        meaning = " ".join(_meaning(value, types).split()).replace("|", "\\|")
        default = "needed" if key in needed else _default(value)
        yield f"| `{key}` | {meaning} | {_values(value, types)} | {default} |"
    yield ""


def _meaning(value: Schema, types: Schema) -> str:
    """What a key is for; pydantic leaves out what its type says in the same words."""
    type_of = types.get(value.get("$ref", "").removeprefix(_REF), {})
    return str(value.get("description") or type_of.get("description", ""))


def _default(value: Schema) -> str:
    if "default" not in value:
        return ""
    default = value["default"]
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, list):
        return f"`[{', '.join(map(str, default))}]`"
    return f"`{default}`"


def _values(value: Schema, types: Schema) -> str:
    """What a key may be, in words."""
    match value:
        case {"$ref": reference}:
            name = reference.removeprefix(_REF)
            linked = "a built-in task, changed" if name in _NOT_SHOWN else _link(name)
            said = _values(types[name], types) if "enum" in types[name] else linked
        case {"enum": words}:
            said = ", ".join(f"`{word}`" for word in words)
        case {"const": word}:
            said = f"`{word}`"
        case {"anyOf": choices}:
            said = " or ".join(dict.fromkeys(_values(choice, types) for choice in choices))
        case {"type": "array"}:
            said = f"list of {_values(value['items'], types)}"
        case {"type": "object"}:
            said = f"{_values(value['additionalProperties'], types)} by name"
        case {"type": list(kinds)}:
            said = " or ".join(_TYPES[one] for one in kinds if one != "boolean")
        case _:
            said = _TYPES[value["type"]] + _bounds(value)
    return said


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _bounds(value: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    said = [f"{sign} {value[bound]}" for bound, sign in signs.items() if bound in value]
    return f" {', '.join(said)}" if said else ""
