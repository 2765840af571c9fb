"""Which characters a text and a name may have, and when two names are the same.

Texts are learned, names (labels, ids, documents) are compared, printed and drawn: a name has no
control character at all, a text none but white space (tab, line ends, form feed, next line).
"""

from __future__ import annotations

import re
import unicodedata

# Half of a surrogate pair is no character; U+FFFE and U+FFFF are none in any encoding.
_NEVER = r"\ud800-\udfff\ufffe\uffff"
_NOT_IN_TEXT = re.compile(rf"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f{_NEVER}]")
_NOT_IN_NAME = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{_NEVER}]")


def fault_of_text(text: str) -> str | None:
    """What may not stand in a text and what to do about it, as the end of a sentence."""
    return _fault(_NOT_IN_TEXT.search(text))


def fault_of_name(name: str) -> str | None:
    """What may not stand in a name and what to do about it, as the end of a sentence."""
    return _fault(_NOT_IN_NAME.search(name))


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC), in which names that look alike are compared."""
    return unicodedata.normalize("NFC", name)


def shown(name: str) -> str:
    """A name of unknown origin as it may be printed: what is not printable is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def code_point(character: str) -> str:
    """The character's number as Unicode writes it, such as U+00E9."""
    return f"U+{ord(character):04X}"


def _fault(found: re.Match[str] | None) -> str | None:
    if found is None:
        return None
    character, point = found[0], code_point(found[0])
    if "\ud800" <= character <= "\udfff":
        return f"{point}, half of a character that was cut in two; remove it or write U+FFFD"
    if "\x80" <= character <= "\x9f":
        return (
            f"the control character {point}, which comes of saving Windows-1252 as Latin-1; mend"
            " the encoding, or remove it"
        )
    kind = "control character" if unicodedata.category(character) == "Cc" else "character"
    return f"the {kind} {point}; remove it or write a space"
