"""The report as Markdown, for those who read where the code is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from transfer_study.report.content import Content
from transfer_study.report.sentences import beside_paper, figure_names, meaning, predictions
from transfer_study.report.sentences.citations import bibtex
from transfer_study.report.sentences.made import made
from transfer_study.report.sentences.words import (
    advised,
    completeness,
    doubts,
    headline,
    methods,
)
from transfer_study.report.tables.edges_tables import edge_tables
from transfer_study.report.tables.table import as_markdown, frame_table, markdown_text

_PICTURES = (".svg", ".png")


def report_markdown(content: Content) -> str:
    """The whole report: the verdict first, then its evidence, then what could be wrong with it."""
    sections = [
        ("", _verdict(content)),
        ("Figures", [*_figures(content.figures), *_figure_names(content)]),
        ("Edges", _edges(content)),
        ("What the edges mean", _meaning(content)),
        ("Not measured, but estimated", _predicted(content)),
        ("Recommendations", _recommendations(content)),
        ("Beside the original study", _published(content)),
        ("How it could be wrong", _listed(map(markdown_text, doubts(content)))),
        ("A/A comparisons", [content.false_edge_rate] if content.false_edge_rate else []),
        ("Leaks", _leaks(content)),
        ("Costs", _table(content.costs)),
        ("Methods", [methods(content), "", *_code(_cited(content), "bibtex")]),
        ("How to reproduce", _code("\n".join(content.commands), "sh")),
        ("Failures", _listed(f"`{said}`" for said in content.failed.values())),
    ]
    lines = [f"# {markdown_text(content.design.name)}: which tasks help each other", ""]
    for heading, body in sections:
        said = list(body)
        if said:
            lines += [f"## {heading}", ""] if heading else []
            lines += [*said, ""]
    return "\n".join(lines)


def _verdict(content: Content) -> list[str]:
    running = () if content.so_far is None else content.so_far.sentences
    return [
        *(f"> {markdown_text(sentence)}" for sentence in running),
        *([""] if running else []),
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
    tables = list(edge_tables(content.design, content.deltas))
    for table in tables:
        (note,) = table.notes
        if len(tables) > 1:
            yield f"### {markdown_text(table.title)}"
            yield ""
        yield as_markdown(table)
        yield ""
        yield f"Scores and effects in points. {note.text}"
        yield ""


def _meaning(content: Content) -> Iterator[str]:
    for n, (edge, said, parts) in enumerate(meaning.of_edges(content)):
        if not n:
            yield from [meaning.NOTE, ""]
        yield from [f"### {markdown_text(edge)}", "", *map(markdown_text, said)]
        yield from ["", as_markdown(parts), ""] if parts.rows else [""]


def _predicted(content: Content) -> list[str]:
    if content.predicted is None:
        return []
    return [
        predictions.sentence(content.predicted),
        "",
        as_markdown(predictions.likeliest(content)),
    ]


def _recommendations(content: Content) -> Iterator[str]:
    for title, advice in advised(content):
        yield f"- **{markdown_text(title)}**: {markdown_text(advice.text)}"
        if advice.command:
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
    return [] if table is None or table.empty else [as_markdown(frame_table(table))]


def _listed(sentences: Iterable[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _cited(content: Content) -> str:
    return bibtex(content.design.correction, answers=content.design.answers)


def _code(text: str, language: str) -> list[str]:
    return [f"```{language}", *text.strip().split("\n"), "```"]
