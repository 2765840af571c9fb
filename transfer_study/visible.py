"""Text of others as it may be shown: nothing in it moves a cursor, changes a colour or hides.

Ids, texts, labels and paths come from files. On their way to a terminal, a report or a table they
pass `visible`; JSON, which escapes by itself, does not need it.
"""

from __future__ import annotations

# The C0 and C1 controls with delete, line and paragraph separators, overrides of direction, and
# halves of surrogate pairs, which no encoding writes.
_CONTROLS = (
    *range(0x20),
    *range(0x7F, 0xA0),
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
    *range(0xD800, 0xE000),
)
_ESCAPED = {n: repr(chr(n))[1:-1] for n in _CONTROLS}
_IN_TEXT = {n: said for n, said in _ESCAPED.items() if chr(n) not in "\n\t"}


def visible(text: str) -> str:
    """The text with every control character written as Python writes it, all on one line."""
    return text.translate(_ESCAPED)


def visible_lines(text: str) -> str:
    """Likewise, line feeds and tabs kept."""
    return text.translate(_IN_TEXT)


def is_plain(text: str) -> bool:
    """Whether a text has none of these characters but line feeds and tabs."""
    return visible_lines(text) == text
