"""The page of keys names every field that a study file may have, and says what it is for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema

from transfer_study.study.file.keys_page import keys_page
from transfer_study.study.study import Study

PAGE = Path(__file__).parents[2] / "docs" / "study-file.md"


def models(annotation: Any) -> set[type[BaseModel]]:
    """All models below a type, what is not written in files left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        found = {annotation}
        for field in annotation.model_fields.values():
            if not skipped(field):
                found |= models(field.annotation)
        return found
    return {model for part in get_args(annotation) for model in models(part)}


def skipped(field: Any) -> bool:
    marks = (*field.metadata, *getattr(field.annotation, "__metadata__", ()))
    return any(isinstance(mark, SkipJsonSchema) or mark is SkipJsonSchema for mark in marks)


def sections() -> dict[str, str]:
    first, *others = re.split(r"^## ", keys_page(), flags=re.MULTILINE)
    return {"Study": first, **{part.partition("\n")[0]: part for part in others}}


def test_the_page_is_that_of_the_types() -> None:
    """Otherwise: transfer-study keys > docs/study-file.md."""
    assert PAGE.read_text(encoding="utf-8") == keys_page()


def test_every_field_is_on_the_page() -> None:
    found = sections()
    like = {"FinetuneRecipe": "Recipe", "HeadsRecipe": "Recipe"}
    assert {model.__name__ for model in models(Study)} <= found.keys()
    for model in models(Study):
        text = found[model.__name__] + found.get(like.get(model.__name__, ""), "")
        for name, field in model.model_fields.items():
            assert (f"| `{field.alias or name}` |" in text) is not skipped(field), (model, name)


def test_every_key_has_a_meaning_and_every_link_a_target() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (.*?) \|", keys_page(), flags=re.MULTILINE)
    assert len(rows) > 80
    assert [key for key, meaning in rows if not meaning] == []
    headings = {name.lower() for name in sections()}
    assert {*re.findall(r"\(#(.+?)\)", keys_page())} <= headings


@pytest.mark.parametrize("key", ["refine", "tasks"])
def test_editors_show_the_same_texts(key: str) -> None:
    from transfer_study.study.file.schema import study_schema

    assert study_schema()["properties"][key]["description"] in keys_page()
