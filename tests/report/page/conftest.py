"""Made-up studies of any number of tasks, and a browser to open their pages in."""

from __future__ import annotations

import itertools
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from transfer_study.analysis.edges import key_of
from transfer_study.analysis.meaning.table import NUMBERS
from transfer_study.report.content import Content
from transfer_study.report.of_plan import content_of
from transfer_study.report.page import write_page
from transfer_study.report.sentences.so_far import SoFar
from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.study import Study

KINDS = ("classification", "tagging", "regression", "multilabel")
METRICS = {
    "classification": "accuracy",
    "tagging": "entity_f1",
    "regression": "pearson",
    "multilabel": "example_f1",
}
VERDICTS = ("gain", "loss", "equivalent", "undecided", "undecided", "undecided")


def _study(names: list[str], readings: list[str], seeds: int, domains: int) -> Study:
    listed = []
    for n, name in enumerate(names):
        kind = KINDS[n % 4]
        entry = {"name": name, "kind": kind, "domain": f"domain-{n % domains}"}
        entry["source"] = {"format": "csv", "folder": f"corpus-{n + 1}"}
        if kind != "regression":
            entry["labels"] = ["yes", "no"]
        listed.append(entry)
    about = {"name": f"study-of-{len(names)}", "encoder": "tiny", "tasks": listed, "seeds": seeds}
    return Study.model_validate(about | {"readings": readings})


def _plan(study: Study) -> Plan:
    data = {
        task.name: DataFingerprint(
            key=task.name,
            **{
                split: SplitFingerprint(n=n, sha256=f"{i:064x}", gold="0")
                for split, n in (("train", 1000 + i), ("dev", 200), ("test", 500))
            },
        )
        for i, task in enumerate(study.tasks)
    }
    prints = Fingerprints(data=data, encoders={"tiny": "0" * 64}, precision=Precision.FLOAT32)
    return plan(study, prints)


def _row(rng, about, place: int, verdict: str, over: str, seeds: int) -> dict[str, object]:
    known = verdict not in ("failed", "not_run")
    size = {"gain": 1, "loss": -1}.get(verdict, 0) * rng.uniform(0.012, 0.06)
    delta = (size or rng.normal(0, 0.004)) if known else math.nan
    half = {"gain": 0.008, "loss": 0.008, "equivalent": 0.003}.get(verdict, 0.03)
    baseline = 0.58 + 0.012 * place
    numbers = {
        "baseline": baseline,
        "score": baseline + delta,
        "delta": delta,
        "low": delta - half,
        "high": delta + half,
        "p": 0.0001 if size else 0.4,
        "adjusted_low": delta - 1.4 * half,
        "adjusted_high": delta + 1.4 * half,
        "adjusted_p": 0.004 if size else 0.7,
        "seed_sd": half / 2,
        "example_error": half / 5,
        "freedom": 6.5,
    }
    if not known:
        numbers = dict.fromkeys(numbers, math.nan)
    counts = {"n_seeds": seeds * known, "n_test": 500 * known, "n_documents": 500 * known}
    counts |= {
        "n_baseline_seeds": seeds * known,
        "level": 0.01,
        "constant": 0.2,
        "collapsed": False,
    }
    return {**about, "over": over, **numbers, **counts, "verdict": verdict}


def make_content(
    tasks: int,
    *,
    readings: tuple[str, ...] = ("refine",),
    seeds: int = 5,
    domains: int = 2,
    controls: tuple[str, ...] = (),
    complete: bool = True,
    names: list[str] | None = None,
) -> Content:
    """A study with made-up numbers; the first gain and the first loss are always there."""
    names = names or [f"corpus-{n + 1}" for n in range(tasks)]
    study = _study(names, list(readings), seeds, domains)
    planned = _plan(study)
    rng = np.random.default_rng(tasks)
    rows = []
    metric = {t.name: METRICS[str(t.kind)] for t in study.tasks}
    for reading in readings:
        ends = [(s, t, "pair") for s, t in itertools.permutations(names, 2)]
        ends += [("+".join(n for n in names if n != t), t, "full") for t in names]
        for n, (source, target, arm) in enumerate(ends):
            verdict = VERDICTS[n] if n < 3 else str(rng.choice(VERDICTS))
            if not complete and n in (4, 5):
                verdict = ("failed", "not_run")[n - 4]
            about = {"encoder": "tiny", "source": source, "target": target, "arm": arm}
            about |= {"reading": reading, "metric": metric[target]}
            place = names.index(target) + 1
            rows.append(_row(rng, about, place, verdict, "", seeds))
            if arm == "pair":
                rows += [_row(rng, about, place, "undecided", over, seeds) for over in controls]
    deltas = pd.DataFrame(rows)
    scores = _scores(planned, deltas, metric, rng)
    failed = [s.id for s in planned if not complete and s.task_names == tuple(names[:2])]
    table = pd.DataFrame(
        [(t.name, str(t.kind), t.domain, metric[t.name]) for t in study.tasks],
        columns=["name", "kind", "domain", "metric"],
    )
    return content_of(planned, deltas, scores, table, failed)


def _scores(planned, deltas: pd.DataFrame, metric: dict[str, str], rng) -> pd.DataFrame:
    raw = deltas[deltas["over"] == ""]
    of = {
        (r["reading"], r["arm"], r["source"], r["target"]): r["delta"]
        for r in raw.to_dict("records")
    }
    rows = []
    for system in planned.systems:
        delta = of.get((str(system.reading), system.arm, system.source, system.target), 0.0)
        value = 0.6 + delta + rng.normal(0, 0.004)
        about = (system.encoder, str(system.reading), system.arm, system.source, system.target)
        run = (system.seed, "test", metric[system.target], system.stage.id)
        if not math.isnan(value):
            rows.append((*about, *run, value))
    columns = ["encoder", "reading", "arm", "source", "task", "seed", "split", "metric", "stage"]
    table = pd.DataFrame(rows, columns=[*columns, "value"])
    return table.drop_duplicates(["stage", "task", "metric"])


@pytest.fixture(scope="session")
def content() -> Callable[..., Content]:
    return make_content


@pytest.fixture(scope="session")
def plan_of() -> Callable[[int], Plan]:
    """The plan of `make_content` with so many tasks."""
    return lambda n: _plan(_study([f"corpus-{i + 1}" for i in range(n)], ["refine"], 5, 2))


def with_meaning(content: Content) -> Content:
    """What the first edge means: two classes, the examples that flip, and a worth."""
    edge = {name: content.deltas.iloc[0][name] for name in key_of(content.deltas)}
    parts = [
        ("class", "<b>", 1200, 0.5, 0.58, 0.08, 0.02, 0.14, 0.01, 0.15, "gain"),
        ("class", "rare", 40, 0.3, 0.3, 0.0, -0.1, 0.1, -0.2, 0.2, "undecided"),
        ("to right", "", 2000, 80.0, 120.4, 40.4, 20.2, 60.0, math.nan, math.nan, ""),
        ("to wrong", "", 2000, 80.0, 70.0, -10.0, -20.0, 0.4, math.nan, math.nan, ""),
        ("worth", "", 300, 300.0, math.inf, math.inf, 150.0, math.inf, math.nan, math.nan, ""),
    ]
    names = ["by", "part", "n", *NUMBERS, "verdict"]
    rows = [{**edge, **dict(zip(names, part, strict=True))} for part in parts]
    return replace(content, meaning=pd.DataFrame(rows))


def running(reloads: int) -> Content:
    so_far = SoFar(done=3, failed=1, stages=20, written=1_800_000_000.0, reloads=reloads)
    return replace(make_content(4, complete=False), so_far=so_far)


def judged() -> Content:
    """Scores of models that others trained, and a pair of them that was not run."""
    whole = make_content(5)
    pair = {"encoder": "tiny", "reading": "refine", "arm": "pair", "source": "corpus-1"}
    pair |= {"target": "corpus-6", "expected": 0.03, "low": 0.01, "high": 0.05}
    pair |= {"gain": 0.93, "loss": 0.01, "likely": "likely gain"}
    return replace(
        whole,
        design=replace(whole.design, given=True, answers=False),
        deltas=whole.deltas.assign(n_test=0, n_documents=0, example_error=0.0),
        tasks=whole.tasks.assign(kind=""),
        kinds={},
        recipes={},
        cards=None,
        predicted=pd.DataFrame([pair]),
    )


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
STUDIES = {
    4: lambda: with_meaning(make_content(4, complete=False, controls=("placebo", "matched"))),
    8: lambda: make_content(8, readings=("refine", "finetune")),
    30: lambda: make_content(30, domains=4),
    "judged": judged,
    "running": lambda: running(reloads=2),
    "running for long": lambda: running(reloads=600),
}
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


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Debian's chromium without a window; without it these tests are skipped."""
    if CHROMIUM is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless=new", "--no-sandbox"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """The file of the page of a study of so many tasks, written once."""

    @cache
    def written(tasks: int) -> Path:
        path = tmp_path_factory.mktemp("pages") / f"{tasks}.html"
        write_page(STUDIES[tasks](), path)
        return path

    return written


@pytest.fixture
def opened(chromium, pages) -> Iterator[Callable[..., Opened]]:
    """Opens the page of a study of so many tasks; takes the options of a browser's context."""
    contexts = []

    def open_page(tasks: int, *, javascript: bool = True, **options) -> Opened:
        context = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options},
            java_script_enabled=javascript,
        )
        contexts.append(context)
        context.set_default_timeout(1000 * SECONDS)
        seen = Opened(context.new_page())
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.page.on("console", lambda message: seen.complaints.append(message.text))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.goto(pages(tasks).as_uri())
        return seen

    yield open_page
    for context in contexts:
        context.close()
