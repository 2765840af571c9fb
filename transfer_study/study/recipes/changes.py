"""What a recipe is changed in, for a variant of a study or for one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema
from typing_extensions import Self

from transfer_study.study.recipes.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Changes:
    """The options of a recipe that were written, and no others; checked as those of any recipe."""

    _recipe: Recipe

    @classmethod
    def to(cls, **options: Any) -> Self:
        """Changes to these options; raises pydantic's ValidationError for what no recipe has."""
        return cls(Recipe(**options))

    @property
    def options(self) -> dict[str, Any]:
        """The options by name, as JSON and YAML have them."""
        return self._recipe.model_dump(mode="json", exclude_unset=True)

    def of(self, recipe: Recipe) -> Recipe:
        """The recipe with these options."""
        return Recipe(**{**recipe.model_dump(), **self.options})

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_wrap_validator_function(
            lambda value, read: value if isinstance(value, cls) else cls(read(value)),
            handler(Recipe),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda changes: changes.options
            ),
        )
