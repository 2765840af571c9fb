"""What was asked for on the command line, as the values that it stands for."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from transfer_study.analysis.effects.judgement import Rejudged
from transfer_study.errors import StudyError
from transfer_study.study.correction import Correction
from transfer_study.study.margin import Margin


def rejudged(
    metrics: Sequence[str], margin: str | None, correction: Correction | None
) -> Rejudged | None:
    """What is to be judged otherwise, None where nothing is; raises StudyError for bad spelling."""
    by_task = by_name("--metric", metrics, "chemprot=macro_f1")
    asked = Rejudged(margin_of(margin) if margin is not None else None, correction, by_task)
    return asked or None


def by_name(option: str, words: Sequence[str], such_as: str) -> dict[str, str]:
    """What is said of names as NAME=VALUE; raises StudyError for anything else, and for two."""
    found: dict[str, str] = {}
    for said in words:
        name, equals, value = said.partition("=")
        if not (name and equals and value):
            raise StudyError(f"{option}: found {said!r}; give NAME=VALUE such as {such_as}")
        if found.setdefault(name, value) != value:
            raise StudyError(
                f"{option}: found {name} as {found[name]!r} and as {value!r}; say it once"
            )
    return found


def counts_by_name(option: str, words: Sequence[str], such_as: str) -> dict[str, int]:
    """Likewise, of values that count something."""
    found = by_name(option, words, such_as)
    for name, said in found.items():
        if not (said.isascii() and said.isdecimal() and int(said)):
            raise StudyError(
                f"{option}: found {said!r} for {name}; give a whole number of at least 1, such as "
                f"{such_as}"
            )
    return {name: int(said) for name, said in found.items()}


def numbers_by_name(option: str, words: Sequence[str], such_as: str) -> dict[str, float]:
    """Likewise, of values that are numbers."""
    found = {}
    for name, said in by_name(option, words, such_as).items():
        try:
            found[name] = float(said)
        except ValueError:
            raise StudyError(
                f"{option}: found {said!r} for {name}, which is no number; give NAME=VALUE such as "
                f"{such_as}"
            ) from None
    return found


def margin_of(said: str) -> Margin:
    """A margin as it is written; raises StudyError for what is none."""
    number = said.removesuffix("%")
    try:
        share = {"relative": float(number) / 100} if number != said else float(said)
        return Margin.model_validate(share)
    except (ValueError, ValidationError):
        raise StudyError(
            f"--margin: found {said!r}; give a number from 0 to below 1 such as 0.01, which is one "
            "point, or a share of the baseline such as 5%"
        ) from None
