"""The page of a study that runs: it says so, is loaded anew, and lets its reader read."""

from __future__ import annotations

from dataclasses import replace

from transfer_study.report.markdown import report_markdown
from transfer_study.report.page import page as page_of
from transfer_study.report.sentences.so_far import SoFar

SO_FAR = SoFar(done=3, failed=1, stages=20, written=1_800_000_000.0, reloads=2)


def test_it_says_how_much_is_done_and_when_it_was_written(content) -> None:
    running = replace(content(4, complete=False), so_far=SO_FAR)
    for said in (page_of(running), report_markdown(running)):
        told = (
            "Written while the study runs, 2027-01-15 08:00:00 UTC: 3 of 20 stages are done, "
            "1 failed."
        )
        assert said.count(told) == 1
        assert said.index(told) < said.index("1 not run")
        assert "Effects marked ○ (not run) are unfinished" in said


def test_a_study_that_is_over_has_none_of_it(content) -> None:
    said = page_of(content(4, complete=False))
    assert "reload" not in said
    assert "Written while" not in said + report_markdown(content(4, complete=False))


def test_it_is_loaded_anew_while_nobody_does_anything(opened) -> None:
    page = opened("running")
    assert page.complaints == []
    page.wait_for_event("load", timeout=20_000)
    assert page.complaints == []


def test_who_does_something_is_not_disturbed(opened) -> None:
    page = opened("running")
    loads = []
    page.on("load", lambda _: loads.append(1))
    page.locator("#tab-matrix").click()
    for place in range(25):
        page.mouse.move(100 + place, 100)
        page.wait_for_timeout(200)
    assert loads == []
    assert page.shown("#panel-matrix") == 1
    page.wait_for_event("load", timeout=20_000)


def test_an_unfinished_edge_says_how_much_of_it_is_there(opened) -> None:
    page = opened("running for long")
    page.locator("#tab-matrix").click()
    page.locator("#matrix .not_run button").first.click()
    assert "it has both scores for 0 of 5 seeds" in page.text("#evidence-body")


def test_axe_finds_nothing(opened) -> None:
    assert opened("running for long").axe() == []
