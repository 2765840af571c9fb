"""Figures as files whose bytes depend on nothing but the figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from transfer_study.figures.canvas import house_style

KINDS = ("svg", "png", "pdf")
_DPI = 200
# Neither dates nor the versions of libraries.
_METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def files_of(stem: Path, kinds: Sequence[str] = KINDS) -> list[Path]:
    """The paths that `save` writes; a stem may have a dot."""
    return [stem.with_name(f"{stem.name}.{kind}") for kind in kinds]


def save(figure: Figure, stem: Path, *, kinds: Sequence[str] = KINDS) -> list[Path]:
    """Write `stem.svg`, `stem.png` and `stem.pdf`, making their folder; return their paths."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = files_of(stem, kinds)
    with house_style():
        for kind, path in zip(kinds, paths, strict=True):
            figure.savefig(path, format=kind, dpi=_DPI, metadata=_METADATA[kind], facecolor="white")
    return paths
