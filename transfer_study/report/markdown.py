"""The report as Markdown, for those who read where the code is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import pandas as pd

from transfer_study.points import MISSING
from transfer_study.report import beside_paper, figure_names
from transfer_study.report.citations import bibtex
from transfer_study.report.content import Content
from transfer_study.report.edges_tables import as_markdown, edge_tables
from transfer_study.report.made import made
from transfer_study.report.system_tables import markdown_text
from transfer_study.report.words import (
    advised,
    completeness,
    doubts,
    failures,
    headline,
    methods,
    reproduce,
)

_PICTURES = (".svg", ".png")


def report_markdown(content: Content) -> str:
    """The whole report: the verdict first, then its evidence, then what could be wrong with it."""
    sections = [
        ("", _verdict(content)),
        ("Figures", [*_figures(content.figures), *_figure_names(content)]),
        ("Edges", _edges(content)),
        ("Recommendations", _recommendations(content)),
        ("Beside the original study", _published(content)),
        ("How it could be wrong", _listed(map(markdown_text, doubts(content)))),
        ("A/A comparisons", [content.false_edge_rate] if content.false_edge_rate else []),
        ("Leaks", _leaks(content)),
        ("Costs", _table(content.costs)),
        ("Methods", [methods(content), "", *_code(bibtex(content.study.correction), "bibtex")]),
        ("How to reproduce", _code("\n".join(reproduce(content)), "sh")),
        ("Failures", _listed(f"`{stage}`" for stage in failures(content))),
    ]
    lines = [f"# {markdown_text(content.study.name)}: which tasks help each other", ""]
    for heading, body in sections:
        said = list(body)
        if said:
            lines += [f"## {heading}", ""] if heading else []
            lines += [*said, ""]
    return "\n".join(lines)


def _verdict(content: Content) -> list[str]:
    return [
        f"**{markdown_text(headline(content))}**",
        "",
        f"Measured: {completeness(content)}.",
        *([""] if made(content) else []),
        *(markdown_text(sentence) for sentence in made(content)),
    ]


def _figures(paths: Iterable[str]) -> Iterator[str]:
    """The pictures, and links to the rest."""
    others = []
    for path in paths:
        name = path.rsplit("/", 1)[-1]
        if name.endswith(".svg"):
            yield f"![{name.removesuffix('.svg')}]({path})"
            yield ""
        elif not name.endswith(_PICTURES):
            others.append(f"[{name}]({path})")
    if others:
        yield f"For papers and other tools: {', '.join(others)}."


def _figure_names(content: Content) -> list[str]:
    """What figures show in place of names."""
    key = figure_names.key(content)
    said = [f"- {markdown_text(shown)}: {markdown_text(name)}" for shown, name in key]
    return ["", "Names in the figures:", "", *said] if said else []


def _edges(content: Content) -> Iterator[str]:
    several = content.edges[["encoder", "reading"]].drop_duplicates().shape[0] > 1
    for table in edge_tables(content.study, content.deltas):
        if several:
            yield f"### {markdown_text(table.encoder)}, {table.reading} reading"
            yield ""
        yield as_markdown(table)
        yield f"Scores and effects in points. {table.note}"
        yield ""


def _recommendations(content: Content) -> Iterator[str]:
    for title, advice in advised(content):
        yield f"- **{markdown_text(title)}**: {markdown_text(advice.text)}"
        yield from (f"  {line}" for line in ["", *_code(advice.command, "sh"), ""])


def _published(content: Content) -> list[str]:
    table = _table(content.published)
    return [*table, "", beside_paper.NOTE] if table else []


def _leaks(content: Content) -> list[str]:
    if content.leaks is not None and content.leaks.empty:
        return ["No text of a test set was found in any training or development set."]
    return _table(content.leaks)


def _table(table: pd.DataFrame | None) -> list[str]:
    """A table as it is; nothing where it was not measured."""
    if table is None or table.empty:
        return []
    headings = [markdown_text(str(name).replace("_", " ")) for name in table.columns]
    lines = [_row(headings), _row("---" for _ in headings)]
    lines += [_row(map(_cell, row)) for row in table.itertuples(index=False, name=None)]
    return lines


def _cell(value: object) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    return markdown_text(f"{value:.4g}" if isinstance(value, float) else str(value))


def _row(words: Iterable[str]) -> str:
    return f"| {' | '.join(words)} |"


def _listed(sentences: Iterable[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _code(text: str, language: str) -> list[str]:
    return [f"```{language}", *text.strip().split("\n"), "```"]
