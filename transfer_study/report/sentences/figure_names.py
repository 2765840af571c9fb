"""What figures show in place of names: numbers of long ones, and of those that no font has."""

from __future__ import annotations

from collections.abc import Iterable

from transfer_study.figures.fonts import drawable, legible
from transfer_study.figures.naming import plain_label
from transfer_study.report.content import Content

_WHOLE = 40  # letters of a name up to which figures show it whole


def key(content: Content) -> list[tuple[str, str]]:
    """What stands in the figures, and the name that it stands for."""
    numbered = [(str(name), n) for n, name in enumerate(content.tasks["name"], start=1)]
    tasks = [
        (plain_label(name, n) if not drawable(name) else str(n), name)
        for name, n in numbered
        if len(name) > _WHOLE or not drawable(name)
    ]
    variants = [
        (plain_label(name, n, "variant"), name)
        for n, name in enumerate(content.design.variants, start=1)
        if not drawable(name)
    ]
    domains = dict.fromkeys(map(str, content.tasks["domain"]))
    return [*tasks, *variants, *_as_code_points([content.design.name, *domains])]


def font_note(content: Content) -> str | None:
    """That names could not be drawn, and what to do; None where all could."""
    lacking = [name for _, name in key(content) if not drawable(name)]
    if not lacking:
        return None
    again = (
        "the same command" if content.design.given else f"`transfer-study report {content.file}`"
    )
    others = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
    return (
        f"no font of this machine has all letters of {lacking[0]!r}{others}: figures show numbers "
        "or code points in their place, and report.html and report.md say for what; install a font "
        f"that has them (Debian: fonts-noto-core, fonts-noto-cjk), then {again} draws them"
    )


def _as_code_points(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(legible(name), name) for name in names if not drawable(name)]
