"""The page's template filled: style and script inline, allowed by their hashes and nothing else."""

from __future__ import annotations

import base64
import hashlib
import math
from functools import cache, partial
from importlib.resources import files

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from transfer_study.figures.edge import COLLAPSED
from transfer_study.figures.lettering import metric_name
from transfer_study.figures.palette import VERDICTS
from transfer_study.points import axis_number, interval, p_text, percent, points
from transfer_study.report.page import forest
from transfer_study.report.page.frames import AXES, ShownEffect
from transfer_study.report.page.graph import drawn
from transfer_study.report.page.payload import payload
from transfer_study.report.page.scale import limit_of
from transfer_study.report.page.subject import Subject
from transfer_study.report.sentences import beside_paper, figure_names, predictions, words
from transfer_study.report.sentences.captions import margin_text, seed_counts
from transfer_study.report.sentences.citations import bibtex
from transfer_study.report.sentences.made import made
from transfer_study.report.tables.table import Table, frame_table

_SCRIPTS = (
    "data",
    "format",
    "effects",
    "graph",
    "tables",
    "forest",
    "evidence",
    "scroll",
    "choose",
    "start",
)
_LEVELS = 4  # of the matrix's colours
_MOST = 200  # rows of a table whose length the data decide
_MARKS = {"failed": "×", "not_run": "○", "not_learned": "◇"}


def render(subject: Subject) -> str:
    """The page as HTML."""
    content, style = subject.content, _style()
    script = _script(reloads=content.so_far is not None)
    graphs = [drawn(subject, frame) for frame in subject.frames]
    first = subject.number[subject.chosen] if subject.many else 0
    return (
        _environment()
        .get_template("page.html")
        .render(
            subject=subject,
            content=content,
            design=content.design,
            tasks=subject.tasks,
            frame=subject.frames[0] if subject.frames else None,
            choices=_choices(subject),
            drawing=Markup(graphs[0][first]) if graphs else "",
            any_collapsed=any(e.collapsed for frame in subject.frames for e in frame),
            forest=forest,
            limit=limit_of(subject.first, content.design.margin) if subject.frames else 1.0,
            plots=list(forest.plots(subject)) if subject.frames else [],
            many=subject.many,
            controls=_controls(subject),
            words=words,
            made=made(content),
            headline=words.headline(content),
            completeness=words.completeness(content),
            margin=margin_text(content.design.margin),
            seeds=seed_counts(content.design),
            bibtex=bibtex(content.design.correction, answers=content.design.answers),
            cards=_table(content.cards),
            figure_names=figure_names.key(content),
            leaks=_table(content.leaks),
            costs=_table(content.costs),
            published=_table(content.published),
            published_note=beside_paper.NOTE,
            predicted=None if content.predicted is None else predictions.likeliest(content),
            predictions=predictions,
            style=Markup(style),
            script=Markup(script),
            data=Markup(payload(subject, graphs)) if graphs else Markup("null"),
            policy=(
                f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
                "base-uri 'none'; form-action 'none'"
            ),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("transfer_study.report.page"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals.update(
        VERDICTS=VERDICTS,
        MARKS=_MARKS,
        axes=AXES,
        signed=partial(points, signed=True),
        points=points,
        metric_name=metric_name,
        short_encoder=words.short_encoder,
        axis_number=axis_number,
        interval=interval,
        p_text=p_text,
        label=_label,
        level=_level,
        share=lambda effect: percent(effect.seed_share),
    )
    return environment


def _label(effect: ShownEffect) -> str:
    """What stands on an edge or in a cell."""
    return _MARKS.get(effect.verdict) or points(effect.delta, signed=True) + COLLAPSED * bool(
        effect.collapsed
    )


def _level(effect: ShownEffect, limit: float) -> int:
    """How deep a cell's colour is, from 1."""
    share = min(abs(effect.delta) / limit, 1.0) if not math.isnan(effect.delta) else 0.0
    return min(int(share * _LEVELS), _LEVELS - 1) + 1


def _table(frame: pd.DataFrame | None) -> Table | None:
    return None if frame is None else frame_table(frame, _MOST)


def _choices(subject: Subject) -> dict[str, list[str]]:
    """The values of each axis of the frames that has several."""
    values = {axis: list(dict.fromkeys(f.at[axis] for f in subject.frames)) for axis in AXES}
    return {axis: several for axis, several in values.items() if len(several) > 1}


def _controls(subject: Subject) -> list[str]:
    return sorted({control for f in subject.frames for effect in f for control in effect.over})


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"


@cache
def _style() -> str:
    """The style sheet, with the colours of the figures."""
    colours = {
        **{word: verdict.colour for word, verdict in VERDICTS.items()},
        **{f"{word}-text": verdict.text for word, verdict in VERDICTS.items()},
    }
    root = "".join(f"--{name}:{colour};" for name, colour in colours.items())
    return f":root{{{root}}}\n{_read('style.css')}"


@cache
def _script(*, reloads: bool) -> str:
    names = (*_SCRIPTS, "reload") if reloads else _SCRIPTS
    parts = "\n".join(_read(f"script/{name}.js") for name in names)
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _read(name: str) -> str:
    return files("transfer_study.report.page").joinpath(name).read_text(encoding="utf-8")
