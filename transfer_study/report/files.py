"""The files that a reader opens: the report as a page and as Markdown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from transfer_study.report.content import Content
from transfer_study.report.markdown import report_markdown


def write_report_files(content: Content, figures: Sequence[Path], results: Path) -> None:
    """Write `report.md` into the results folder, with links to the figures."""
    links = [Path(os.path.relpath(path, results)).as_posix() for path in figures]
    content = replace(content, figures=links)
    (results / "report.md").write_text(report_markdown(content) + "\n", encoding="utf-8")
