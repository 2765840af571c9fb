"""A real browser without a window: what it was asked for, and what it complained of."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium is installed (Debian: apt-get install chromium)"
)
SECONDS = 120  # a machine with much to do is slow, not wrong


@dataclass
class Opened:
    """A page in the browser; `asked` are the addresses it wanted, `complaints` what went wrong."""

    page: object
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __getattr__(self, name: str):
        return getattr(self.page, name)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()

    def shown(self, selector: str) -> int:
        return self.page.locator(f"{selector}:visible").count()

    def axe(self) -> list[str]:
        """The violations that axe-core finds, each with the elements that it means."""
        script = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
        # Through the debugger, whose scripts the page's own policy does not concern.
        self.page.evaluate(script)
        found = self.page.evaluate("axe.run().then(result => result.violations)")
        return [f"{v['id']}: {[n['html'][:160] for n in v['nodes'][:3]]}" for v in found]


@contextmanager
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless=new", "--no-sandbox"]
        )
        yield chromium
        chromium.close()


@contextmanager
def opened(chromium, path: Path, **options) -> Iterator[Opened]:
    context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(1000 * SECONDS)
    seen = Opened(context.new_page())
    seen.page.on("request", lambda request: seen.asked.append(request.url))
    seen.page.on("console", lambda message: seen.complaints.append(message.text))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.goto(path.as_uri())
    yield seen
    context.close()
