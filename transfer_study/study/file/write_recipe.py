"""Values of a recipe written into a study file, of which nothing else changes.

Not a comment, a space or an end of line: what is written of a key is replaced where it stands, and
what is new stands below what is there, or at the end of a list in braces.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from transfer_study.errors import InvalidStudy
from transfer_study.files import read_regular, write_whole
from transfer_study.study.file.study_file import read_study
from transfer_study.study.search import Section, Values, with_values

_MOST_BYTES = 1 << 20
# From where to where in the text, and what is to stand there.
_Edit = tuple[int, int, str]


def recipe_written(path: Path, section: Section, values: Values) -> tuple[str, str]:
    """The text of a study file as it is, and with these values in its recipe.

    Raises InvalidStudy where they cannot be written alone: the recipe is an alias, say, or what
    another one is an alias of.
    """
    text = read_regular(path, _MOST_BYTES).decode("utf-8")
    if not values:
        return text, text
    written = _changed(text, section, values)
    if written is None or not _is_same(path, written, section, values):
        listed = ", ".join(f"{key}: {value_text(value)}" for key, value in values.items())
        raise InvalidStudy(
            f"{path}: `{section}` cannot be changed by itself, for an anchor or alias is in the "
            f"way; write it out, or change it by hand to {{{listed}}}"
        )
    return text, written


def _is_same(path: Path, written: str, section: Section, values: Values) -> bool:
    """Whether a new text reads as the study of the file with these values, and nothing else."""
    try:
        return read_study(path, text=written) == with_values(read_study(path), section, values)
    except InvalidStudy:
        return False


def write_study(path: Path, before: str, text: str) -> None:
    """Replace the text of a study file; raises InvalidStudy where it is not as it was `before`."""
    if read_regular(path, _MOST_BYTES).decode("utf-8") != before:
        raise InvalidStudy(
            f"{path}: was changed while recipes were tried and stays as it is; give the command "
            "again, which tries nothing twice"
        )
    write_whole(path, text.encode("utf-8"))


def value_text(value: Any) -> str:
    """A value as study files have it: 2.0e-4, 8, true, mean."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if value and not 1e-2 <= abs(value) < 1e4:
        digits, _, power = f"{Decimal(repr(value)):e}".partition("e")
        return f"{digits}{'' if '.' in digits else '.0'}e{int(power)}"  # a float for all of YAML
    return repr(value)


def _changed(text: str, section: Section, values: Values) -> str | None:
    """The text with the values; None where there is no mapping to write them to."""
    bare = text.removeprefix("\ufeff")
    root = yaml.compose(bare, yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)  # it was read as a study
    pairs = {key.value: (key, child) for key, child in root.value}
    lines = {key: f"{key}: {value_text(value)}" for key, value in values.items()}
    if section not in pairs:
        block = [f"{section}:", *(f"  {line}" for line in lines.values())]
        edits = [_added(bare, root, block, f"{section}: {{{', '.join(lines.values())}}}")]
    else:
        key, recipe = pairs[section]
        if not isinstance(recipe, yaml.MappingNode) or recipe.start_mark.index < key.end_mark.index:
            return None
        own = {key.value: child for key, child in recipe.value if key.value in values}
        if not all(_inside(child, recipe) for child in own.values()):
            return None
        edits = [
            (child.start_mark.index, child.end_mark.index, value_text(values[name]))
            for name, child in own.items()
        ]
        if new := [line for name, line in lines.items() if name not in own]:
            edits.append(_added(bare, recipe, new, ", ".join(new)))
    for start, end, said in sorted(edits, reverse=True):
        bare = bare[:start] + said + bare[end:]
    return text[: len(text) - len(text.removeprefix("\ufeff"))] + bare


def _inside(child: yaml.Node, holder: yaml.Node) -> bool:
    return bool(holder.start_mark.index <= child.start_mark.index < holder.end_mark.index)


def _added(text: str, holder: yaml.MappingNode, block: Sequence[str], flow: str) -> _Edit:
    """New keys at the end of a mapping, in its own style: as lines, or as one text in braces."""
    if holder.flow_style:
        start = holder.start_mark.index + text[holder.start_mark.index :].index("{") + 1
        inside = text[start : holder.end_mark.index - 1].rstrip()
        at = start + len(inside)
        return at, at, ("" if not inside else " " if inside.endswith(",") else ", ") + flow
    last_key, last = holder.value[-1]
    end = max(last.end_mark.index, last_key.end_mark.index)
    if isinstance(last, yaml.CollectionNode) and not last.flow_style:
        end = len(text[:end].rstrip())  # the mark is where the next key begins
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * holder.value[0][0].start_mark.column
    lines = newline.join(indent + line for line in block)
    # Below the line on which the last value ends, whatever comment that has.
    at = text.find("\n", end) + 1
    return (at, at, lines + newline) if at else (len(text), len(text), newline + lines + newline)
