"""Figures as files whose bytes depend on nothing but the figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zlib import crc32

from matplotlib.figure import Figure

from transfer_study.figures.canvas import house_style
from transfer_study.files import write_whole

# Writes the files of one output, by a function: `Outputs.write`, or at once.
Write = Callable[[Sequence[Path], Callable[[], Sequence[Path] | None]], list[Path]]
KINDS = ("svg", "png", "pdf")
_DPI = 200
_LONGEST = 60  # bytes
# Neither dates nor the versions of libraries.
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def file_part(name: str) -> str:
    """A name as part of a file's name, which has at most 255 bytes and no `/`.

    One that is cut or changed has its hash.
    """
    plain = name.replace("/", "-")
    whole = plain.encode()
    if plain == name and len(whole) <= _LONGEST:
        return name
    return f"{whole[: _LONGEST - 9].decode(errors='ignore')}-{crc32(name.encode()):08x}"


def files_of(stem: Path, kinds: Sequence[str] = KINDS) -> list[Path]:
    """The paths that `save` writes; a stem may have a dot."""
    return [stem.with_name(f"{stem.name}.{kind}") for kind in kinds]


def save(figure: Figure, stem: Path, *, kinds: Sequence[str] = KINDS) -> list[Path]:
    """Write `stem.svg`, `stem.png` and `stem.pdf`, making their folder; return their paths."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = files_of(stem, kinds)
    with house_style():
        for kind, path in zip(kinds, paths, strict=True):
            drawn = BytesIO()
            figure.savefig(drawn, format=kind, dpi=_DPI, metadata=METADATA[kind], facecolor="white")
            write_whole(path, drawn.getvalue())
    return paths


def save_by(
    write: Write, stem: Path, draw: Callable[[], Figure], kinds: Sequence[str] = KINDS
) -> list[Path]:
    """Have a figure drawn and saved under a stem as one output."""
    return write(files_of(stem, kinds), lambda: save(draw(), stem, kinds=kinds))
