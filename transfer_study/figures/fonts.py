"""Fonts: DejaVu Sans and, for letters that it lacks, the installed fonts that have them.

A letter that no font has would be drawn as the box that stands for every such letter. Names with
such letters are replaced by numbers (`naming`); elsewhere a letter is written as its code point.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from itertools import groupby
from pathlib import Path

import matplotlib
from matplotlib import ft2font
from matplotlib.font_manager import (
    FontEntry,
    FontProperties,
    findSystemFonts,
    fontManager,
    get_font,
)

# Fonts that have every letter, as a box or as nothing.
_BLANK = ("lastresort", "last resort", "blank", "fallback")
_ODD = ("mono", "serif", "italic", "oblique", "light", "thin", "black", "condensed")
_FAMILY = "transfer-study:"  # of a font that is asked for by its file
# Since 3.11 matplotlib joins letters and sets them from right to left where their script does.
_SHAPES = hasattr(ft2font, "__libraqm_version__")


def font(text: str, size: float, *, bold: bool = False) -> FontProperties:
    """DejaVu Sans as matplotlib ships it, then the fonts that have the other letters of a text."""
    own, weight = _own(bold=bold), "bold" if bold else "normal"  # the file decides, but in SVG text
    others = _others(frozenset(text), bold=bold)
    if not others:
        return FontProperties(fname=own, size=size, weight=weight)
    families = [_family(file) for file in (own, *others)]
    return FontProperties(family=families, size=size, weight=weight)


def drawable(text: str) -> bool:
    """Whether the fonts of this machine have every letter of a text."""
    return _others(frozenset(text), bold=False) is not None


def legible(text: str) -> str:
    """The text with every letter that cannot be drawn as its code point: U+4E2D."""
    if drawable(text):
        return text
    runs = ((fine, list(letters)) for fine, letters in groupby(text, key=drawable))
    return "".join(
        "".join(letters) if fine else " ".join(f"U+{ord(c):04X}" for c in letters)
        for fine, letters in runs
    )


@cache
def installed() -> tuple[str, ...]:
    """The font files of this machine; not matplotlib's list, which may be older than a font."""
    return tuple(sorted(findSystemFonts(fontext="ttf")))


def _own(*, bold: bool) -> str:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", name))


def _others(letters: frozenset[str], *, bold: bool) -> tuple[str, ...] | None:
    """The files of fonts that have together what DejaVu Sans lacks; None where none has."""
    lacking = frozenset(c for c in letters if not _ignored(c)) - _letters(_own(bold=bold))
    if any(map(_is_unjoined, letters)):
        return None
    return _having(lacking, bold, installed()) if lacking else ()


@cache
def _having(lacking: frozenset[str], bold: bool, files: tuple[str, ...]) -> tuple[str, ...] | None:
    chosen: list[str] = []
    candidates = [_own(bold=False), *files]
    while lacking:
        best = min(candidates, key=lambda file: _rank(file, lacking, bold=bold))
        if not lacking & _letters(best):
            return None
        chosen.append(best)
        lacking -= _letters(best)
    return tuple(chosen)


def _rank(file: str, lacking: frozenset[str], *, bold: bool) -> tuple[int, bool, bool, str]:
    name = Path(file).stem.lower()
    odd = any(word in name.replace("sansserif", "") for word in _ODD)
    return len(lacking - _letters(file)), odd, ("bold" in name) != bold, file


@cache
def _letters(file: str) -> frozenset[str]:
    """The letters of a font; none of a font that cannot be read, or not as outlines."""
    try:
        face = get_font(file)
    except (OSError, RuntimeError):
        return frozenset()
    if not face.scalable or any(word in face.family_name.lower() for word in _BLANK):
        return frozenset()
    return frozenset(map(chr, face.get_charmap()))


@cache
def _family(file: str) -> str:
    """The name by which matplotlib finds just this file, which it must know for that."""
    name = f"{_FAMILY}{file}"
    fontManager.ttflist.append(FontEntry(fname=file, name=name))
    return name


def _ignored(letter: str) -> bool:
    """Whether a letter only says how its neighbours join."""
    return unicodedata.category(letter) == "Cf"


def _is_unjoined(letter: str) -> bool:
    """Whether a letter needs setting that this matplotlib cannot do."""
    to_left = unicodedata.bidirectional(letter) in ("R", "AL")
    return not _SHAPES and (to_left or (unicodedata.category(letter)[0] == "M" and letter > "ऀ"))
