"""The JSON Schema of study files, for editors; made from the types and what they read besides.

python -m transfer_study.study.file.schema > experiments/study.schema.json
"""

from __future__ import annotations

import json
from typing import Any

from transfer_study.study.frozen import MOST_SEED
from transfer_study.study.study import MOST_SEEDS, Study
from transfer_study.study.tasks.blue import BLUE

Schema = dict[str, Any]

# What an editor reads as a value, a study file takes for the text that it looks like.
_TEXT = {"type": ["string", "number", "boolean"]}
_ONCE_EACH = {"minItems": 1, "uniqueItems": True}
# The parts of a row that may have several columns.
_SEVERAL = ("label", "candidates")
_KEPT = ("description", "default")
_NAME = {"type": "string", "pattern": r"^[^\W_][\w-]*$"}


def study_schema() -> Schema:
    """The schema (draft 2020-12) of a study as users write it, short forms included."""
    schema: Schema = _tidy(Study.model_json_schema())
    seed = {"type": "integer", "minimum": 0, "maximum": MOST_SEED}
    written = {
        "name": _NAME,
        "encoder": _one_or_many({"anyOf": [{"type": "string"}, _ref("Encoder")]}),
        "seeds": _either(
            {"type": "integer", "minimum": 1, "maximum": MOST_SEEDS},
            {"type": "array", "items": seed, "maxItems": MOST_SEEDS, **_ONCE_EACH},
        ),
        "groups": {
            "type": "object",
            "propertyNames": _NAME,
            "additionalProperties": {"type": "array", "items": _NAME, **_ONCE_EACH, "minItems": 2},
        },
        "margin": {
            **_either({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, _ref("Margin")),
            "default": Study.model_fields["margin"].default.absolute,
        },
    }
    _replace(schema, written)
    for key in ("tasks", "arms", "readings"):
        schema["properties"][key] |= _ONCE_EACH
    schema["properties"]["tasks"]["items"] = _either(
        {"enum": list(BLUE)}, _ref("BuiltInTask"), _ref("Task")
    )
    _describe_short_forms(schema["$defs"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _describe_short_forms(types: Schema) -> None:
    types["Encoder"]["required"] = ["name"]
    _replace(types["Limits"], {"max_train": _one_or_many({"type": "integer", "minimum": 1})})
    types["Margin"] |= {"minProperties": 1, "maxProperties": 1}
    columns = types["Columns"]["properties"]
    column = {"type": ["string", "integer"]}
    columns |= {part: {**columns[part], **column} for part in columns if part not in _SEVERAL}
    _replace(types["Columns"], dict.fromkeys(_SEVERAL, _one_or_many(column)))
    types["DatasetsSource"]["required"] = ["format"]
    types["DatasetsSource"]["anyOf"] = [{"required": ["name"]}, {"required": ["tasksource"]}]
    values = _one_or_many(_TEXT)
    left_out = {"type": "object", "additionalProperties": values, "minProperties": 1}
    for source in ("FileSource", "DatasetsSource"):
        _replace(types[source], {"leave_out": left_out})
    dev = _either(_TEXT, {"type": "array", "items": _TEXT, "uniqueItems": True})
    split = types["SplitColumn"]
    _replace(split, {"column": column, "train": values, "dev": dev, "test": values})
    task = types["Task"]
    task["required"] = ["name", "kind", "source"]
    labels = {"type": "array", "items": _TEXT, "uniqueItems": True}
    _replace(task, {"name": _NAME, "domain": _NAME, "labels": labels, "negative": _TEXT})
    changeable = {key: value for key, value in task["properties"].items() if key != "kind"}
    changed_source = {key: value for key, value in types["FileSource"].items() if key != "required"}
    types["BuiltInTask"] = {
        **task,
        "description": "A task of the BLUE benchmark by its name, with changes.",
        "properties": {**changeable, "name": {"enum": list(BLUE)}, "source": changed_source},
        "required": ["name"],
    }
    places = (["folder"], ["files"], ["file", "split"])
    types["FileSource"]["oneOf"] = [{"required": keys} for keys in places]


def _replace(described: Schema, keys: Schema) -> None:
    """Give keys another schema, with the description and the default that they have."""
    properties = described["properties"]
    for key, schema in keys.items():
        kept = {part: properties[key][part] for part in _KEPT if part in properties[key]}
        properties[key] = {**schema, **kept}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _either(*choices: Schema) -> Schema:
    return {"anyOf": list(choices)}


def _one_or_many(item: Schema) -> Schema:
    return _either(item, {"type": "array", "items": item, **_ONCE_EACH})


def _tidy(schema: Any) -> Any:
    """Pydantic's schema without titles, nested defaults, and nulls, which a study leaves out."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    tidy: Schema = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            tidy[key] = {name: _tidy(inner) for name, inner in value.items()}
        elif key == "default":
            tidy |= {} if value is None or isinstance(value, dict) else {key: value}
        elif key not in ("title", "discriminator", "format"):
            tidy["anyOf" if key == "oneOf" else key] = _tidy(value)
    if len(tidy.get("anyOf", ())) == 1:
        (only,) = tidy.pop("anyOf")
        tidy |= only
    return tidy


if __name__ == "__main__":
    print(json.dumps(study_schema(), indent=1))
