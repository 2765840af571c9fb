"""The files that a reader opens: the report as a page and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from transfer_study.report.content import Content
from transfer_study.store.outputs import Outputs, write_text


def write_report_files(
    content: Content, figures: Sequence[Path], results: Path, outputs: Outputs
) -> Path | None:
    """Write `report.html` and `report.md` into the results folder; the page's path, if it is."""
    from transfer_study.report.markdown import report_markdown
    from transfer_study.report.page import write_page

    links = [Path(os.path.relpath(path, results)).as_posix() for path in figures]
    content = replace(content, figures=links)
    text, page = results / "report.md", results / "report.html"
    outputs.write([text], lambda: write_text(text, f"{report_markdown(content)}\n"))
    return next(iter(outputs.write([page], lambda: write_page(content, page))), None)
