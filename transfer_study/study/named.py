"""Values that a study file names by a word, such as an arm: each is all that is known of it."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema
from typing_extensions import Self


class Named:
    """A value known by its word; `known` are those of the class, in the order of tables.

    Equal words are equal values, so that a pickled one is found again.
    """

    word: str
    known: ClassVar[dict[str, Any]]

    def __init_subclass__(cls) -> None:
        cls.known = {}

    @classmethod
    def add(cls, *values: Self) -> None:
        """Make values known to study files, after those that are."""
        cls.known |= {str(value): value for value in values}

    def __str__(self) -> str:
        return self.word

    def __repr__(self) -> str:
        return repr(self.word)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and str(other) == self.word

    def __hash__(self) -> int:
        return hash(self.word)

    def __reduce__(self) -> tuple[Any, ...]:
        return _known, (type(self), self.word)

    @classmethod
    def of(cls, value: object) -> Self:
        """The value itself, or the one of this word; raises pydantic's error for anything else."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str) or value not in cls.known:
            *first, last = map(repr, cls.known)
            expected = f"{', '.join(first)} or {last}"
            raise PydanticKnownError("enum", {"expected": expected})
        known: Self = cls.known[value]
        return known

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.of, serialization=core_schema.to_string_ser_schema(), ref=cls.__name__
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        description = (cls.__doc__ or "").partition("\n")[0]
        return {"description": description, "enum": list(cls.known), "type": "string"}


def _known(cls: type[Named], word: str) -> Any:
    return cls.known[word]
