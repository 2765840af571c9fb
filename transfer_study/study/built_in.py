"""The studies that come with the package, by name."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def study_path(asked: Path) -> Path:
    """The file that is asked for: a file, or the name of a built-in study where no file has it."""
    found = built_in_studies().get(str(asked))
    return asked if found is None or asked.is_file() else found


def built_in_studies() -> dict[str, Path]:
    """The files of the built-in studies by name.

    An installed package has them inside; a source tree beside it, each written once.
    """
    inside = _PACKAGE / "studies"
    folder = inside if inside.is_dir() else _PACKAGE.parent / "experiments"
    return {file.stem: file for file in sorted(folder.glob("*.yaml"))}
