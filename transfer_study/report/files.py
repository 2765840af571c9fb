"""The files that a reader opens: the report as a page and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from transfer_study.report.content import Content
from transfer_study.report.markdown import report_markdown


def write_report_files(content: Content, figures: Sequence[Path], results: Path) -> Path:
    """Write `report.html` and `report.md` into the results folder; the page's path."""
    from transfer_study.report.page import write_page

    links = [Path(os.path.relpath(path, results)).as_posix() for path in figures]
    content = replace(content, figures=links)
    (results / "report.md").write_text(report_markdown(content) + "\n", encoding="utf-8")
    page = results / "report.html"
    write_page(content, page)
    return page
