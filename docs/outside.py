"""What the site shows and docs/ does not hold: the README is its first page, figures are copied.

Links of Markdown files are those that work in the repository; here they become those of the site.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
_LINK = re.compile(r"(?<=\]\()(?!https?:|#)([^)#\s]+)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the two pages of the repository's root, and every file outside that a page links to."""
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text("utf-8")))
    pages = [(page.src_uri, page.content_string) for page in files.documentation_pages()]
    linked = {in_repository(link, uri) for uri, text in pages for link in _LINK.findall(text)}
    for path in sorted(shown for shown in map(in_site, linked) if shown not in files.src_uris):
        # What is not there is left to the check of links.
        if (ROOT / path).is_file():
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Turn the links of a page into those of the site, where all pages are in one folder."""
    return _LINK.sub(lambda link: in_site(in_repository(link[1], page.file.src_uri)), markdown)


def in_repository(link: str, uri: str) -> str:
    """The path in the repository that a link of a page leads to."""
    folder = ROOT if uri in PAGES.values() else ROOT / "docs"
    return (folder / link).resolve().relative_to(ROOT).as_posix()


def in_site(path: str) -> str:
    """The path in the site of a file of the repository; reports are shown as the pages they are."""
    return PAGES.get(path, path.removeprefix("docs/").replace("report.md", "report.html"))
