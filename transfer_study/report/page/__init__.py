"""The report as one HTML file that needs nothing else: for looking before reading.

Everything is in the HTML: drawing, matrix and tables of the first frame, and the data of all
frames once as JSON. The script only changes what is there, so that without it all can be read.
"""

from __future__ import annotations

from pathlib import Path

from transfer_study.report.content import Content
from transfer_study.report.page.render import render
from transfer_study.report.page.subject import Subject
from transfer_study.store.outputs import write_text

__all__ = ["page", "write_page"]


def page(content: Content) -> str:
    """The report of a study as HTML; it makes no request and allows none."""
    return render(Subject(content))


def write_page(content: Content, path: Path) -> None:
    """Write the report of a study to a file."""
    write_text(path, page(content))
