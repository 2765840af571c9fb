"""The page in a real browser: what a reader sees, points at, presses and copies."""

from __future__ import annotations

import pytest

EDGE = '[data-e="1"]'  # corpus-1 -> corpus-2, which is a gain; its slot is source * tasks + target


def test_asks_for_nothing_and_complains_of_nothing(opened) -> None:
    page = opened(8)
    page.locator("#tab-matrix").click()
    page.locator(f"#matrix {EDGE}").click()
    assert len(page.asked) == 1, page.asked
    assert page.complaints == []


def test_what_its_policy_does_not_name_does_not_run(opened) -> None:
    page = opened(4)
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            document.body.append(Object.assign(new Image(), {src: "https://example.org/x.png"}));
        }"""
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in said for said in page.complaints)


def test_pointing_at_an_edge_tells_its_delta_and_interval(opened) -> None:
    page = opened(4)
    assert page.shown("#tip") == 0
    page.mouse.move(*_on_the_curve(page))
    assert page.text("#tip").startswith("corpus-1 → corpus-2: +5.7 points [4.6, 6.8], gain")
    page.mouse.move(2, 2)
    assert page.shown("#tip") == 0


def _on_the_curve(page) -> list[float]:
    """A point of the edge, where no other crosses, in the window."""
    return page.evaluate(
        f"""() => {{
            const path = document.querySelector('#graph .line{EDGE} .hit');
            path.scrollIntoView({{block: "center", behavior: "instant"}});
            const at = path.getPointAtLength(0.7 * path.getTotalLength());
            const spot = at.matrixTransform(path.getScreenCTM());
            return [spot.x, spot.y];
        }}"""
    )


def test_a_click_opens_the_evidence_and_all_views_share_the_selection(opened) -> None:
    page = opened(4)
    page.mouse.click(*_on_the_curve(page))
    assert page.text("#h-evidence") == "corpus-1 → corpus-2: +5.7, gain"
    said = page.text("#evidence-body")
    for words in (
        *("Adjusted interval", "[4.6, 6.8]", "Benjamini-Hochberg over 14 effects", "Margin"),
        *("Test examples\n500", "from seeds", "placebo", "matched", "How it could be wrong"),
        *("refine: 10 epochs", "5 runs and their logs"),
    ):
        assert words in said, words
    for words in (
        "120 become right and 70 wrong from a run without it to one with it",
        "40 [20, 60] become right and −10 [−20, 0] wrong",
        "alone it scores as much with no size that was run [150, more than were run]",
        *("by class", "<b>\t1,200\t+8.0 gain\n[1.0, 15.0]", "rare\t40\t0.0\n[−20.0, 20.0]"),
    ):
        assert words in said, words
    assert page.locator("#evidence .seeds").get_attribute("d").count("M") == 5
    page.locator("#evidence summary").click()
    assert "/history.jsonl" in page.text("#evidence pre")
    for view in ("graph .line", "matrix ", "table "):
        page.locator(f"#tab-{view.split()[0]}").click()
        assert page.shown(f"#panel-{view}{EDGE}.selected") == 1
    assert page.shown(f"#forest {EDGE}.selected") == 1


def test_a_failed_edge_is_marked_apart_and_names_its_log(opened) -> None:
    page = opened(4)
    page.locator("#tab-matrix").click()
    failed, not_run = (
        page.locator("#matrix .failed button"),
        page.locator("#matrix .not_run button"),
    )
    assert (failed.inner_text(), not_run.inner_text()) == ("×", "○")
    failed.click()
    assert page.text("#h-evidence").endswith(": failed")
    assert "not judged" in page.text("#evidence-body")


def test_of_scores_of_others_it_tells_no_recipe_log_or_test_example(opened) -> None:
    page = opened("judged")
    page.locator("#tab-matrix").click()
    page.locator(f"#matrix {EDGE}").click()
    said = page.text("#evidence-body")
    assert "corpus-2 scores" in said and "5 runs" in said and "\nRuns\n" in said
    for absent in ("Recipe", "To see their logs", "Test examples", "from test examples"):
        assert absent not in said
    assert page.shown("text=Kind of target") == 0
    assert page.shown("#costs") == page.shown("#failures") == 0
    assert "93% gain" in page.text("[aria-labelledby=predicted]")
    page.locator("#tab-graph").click()
    node = page.locator("#graph [data-t]").first
    assert node.get_attribute("aria-label").startswith("corpus-1: accuracy ")
    node.click()
    assert "Domain" not in page.text("#evidence-body")
    page.locator("#tab-table").click()
    # Nothing is known of the test examples' part, nor how many these are.
    cells = page.locator("#edges tbody tr").first.locator("td").all_inner_texts()
    assert cells[7:10] == ["5", "–", "–"]
    assert page.complaints == []
    page.mouse.move(2, 2)  # the tip is no part of the page
    assert page.axe() == []


def test_filters_hide_in_every_view_what_they_leave_out(opened) -> None:
    page = opened(4)
    page.locator("[data-filter=certainty]").select_option("decided")
    page.locator("[data-filter=sign]").select_option("1")
    gains = page.locator("#forest .gain").count()
    assert page.text("#count") == f"{gains} of 16 effects shown"
    page.locator("#tab-table").click()
    assert page.shown("#edges tbody tr") == gains
    slots = "[...document.querySelectorAll('#graph .line:not(.off)')].map(e => e.dataset.e)"
    drawn = page.evaluate(slots)
    assert len(drawn) == gains
    assert all(page.locator(f'#forest .gain[data-e="{slot}"]').count() == 1 for slot in drawn)
    page.locator("[data-filter=task]").select_option("1")
    slots = "[...document.querySelectorAll('#forest .gain:not(.off)')].map(e => +e.dataset.e)"
    assert all(slot in (17, slot - slot % 4 + 1) or slot // 4 == 1 for slot in page.evaluate(slots))
    page.locator("#choices button[type=reset]").click()
    # A form takes its first values after it has told that it will.
    said = "() => document.querySelector('#count').innerText === '16 of 16 effects shown'"
    page.wait_for_function(said)


def test_another_reading_changes_every_view(opened) -> None:
    page = opened(8)
    before = [page.text(part) for part in ("#caption", "#forest")]
    drawn = page.locator("#graph").text_content()
    words = page.locator("#matrix").text_content()
    page.locator("[data-axis=reading]").select_option("finetune")
    assert "fine-tuned after joint training" in page.text("#caption")
    assert page.text("#forest") != before[1]
    page.wait_for_function(
        "said => document.querySelector('#graph').textContent !== said", arg=drawn
    )
    assert page.locator("#matrix").text_content() != words
    page.locator("[data-axis=reading]").select_option("refine")
    # The script writes what the page had written.
    page.wait_for_function(
        "said => document.querySelector('#graph').textContent === said", arg=drawn
    )
    assert [page.text(part) for part in ("#caption", "#forest")] == before
    assert page.locator("#matrix").text_content() == words


def test_the_script_writes_what_the_page_has_written(opened) -> None:
    with_script, without = opened(4), opened(4, javascript=False)
    for part in ("#graph", "#matrix", "#edges tbody", "#forest", "#score-table tbody"):
        texts = ["".join(p.locator(part).text_content().split()) for p in (with_script, without)]
        assert texts[0].replace("↕", "") == texts[1], part


def test_tables_are_sorted_and_copied(opened) -> None:
    page = opened(4, permissions=["clipboard-read", "clipboard-write"])
    page.locator("#tab-table").click()
    page.locator("#edges thead button", has_text="change").click()
    changes = [row[4] for row in _rows(page) if row[4] not in "×○"]
    numbers = [float(text.replace("−", "-")) for text in changes]
    assert numbers == sorted(numbers, reverse=True)
    assert page.locator("#edges [aria-sort=descending]").count() == 1
    copied = {}
    for form in ("csv", "markdown", "latex"):
        page.locator(f'[data-of=edges][data-copy="{form}"]').click()
        page.wait_for_function("document.querySelector('#said').textContent === 'Copied.'")
        page.wait_for_timeout(100)
        copied[form] = page.evaluate("navigator.clipboard.readText()")
    csv = copied["csv"].splitlines()
    assert csv[0].startswith("with,on,alone,score,change,adjusted interval")
    assert csv[1].startswith("corpus-1,corpus-2,") and '"[4.6, 6.8]"' in csv[1]
    assert len(csv) == 17
    assert copied["markdown"].splitlines()[1].startswith("| --- | --- |")
    assert r"\toprule" in copied["latex"] and r"$-$" in copied["latex"]


def _rows(page) -> list[list[str]]:
    return page.evaluate(
        "[...document.querySelectorAll('#edges tbody tr')]"
        ".map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )


def test_all_can_be_done_by_keyboard(opened) -> None:
    page = opened(4)
    focused = "document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{focused}.id") == "main"
    page.locator("#tab-graph").focus()
    page.keyboard.press("ArrowRight")
    assert page.shown("#panel-matrix") == 1
    page.keyboard.press("ArrowLeft")
    page.locator("#graph .node[tabindex='0']").focus()
    first = page.evaluate(f"{focused}.dataset.t")
    seen = {first}
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        seen.add(page.evaluate(f"{focused}.dataset.t"))
    assert len(seen) == 4
    page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{focused}.dataset.t") == first
    page.keyboard.press("ArrowDown")
    name = page.evaluate(f"{focused}.getAttribute('aria-label')")
    assert "→" in name
    assert page.text("#tip") == name
    page.keyboard.press("Enter")
    assert page.evaluate(f"{focused}.id") == "h-evidence"
    assert page.text("#h-evidence").split(":")[0] == name.split(":")[0]
    page.locator("#evidence button", has_text="Back").press("Enter")
    assert page.evaluate(f"{focused}.getAttribute('aria-label')") == name
    page.keyboard.press("Escape")
    assert page.evaluate(f"{focused}.dataset.t") == first


def test_arrow_keys_go_through_the_matrix(opened) -> None:
    page = opened(4)
    page.locator("#tab-matrix").click()
    page.locator("#matrix button[tabindex='0']").focus()
    slot = "Number(document.activeElement.dataset.e)"
    assert page.evaluate(slot) == 1
    for key, expected in (("ArrowRight", 2), ("ArrowDown", 6), ("ArrowLeft", 4), ("ArrowLeft", 4)):
        page.keyboard.press(key)
        assert page.evaluate(slot) == expected
    page.keyboard.press("Enter")
    assert page.text("#h-evidence").startswith("corpus-2 → corpus-1")


def test_what_has_the_focus_can_be_seen(opened) -> None:
    page = opened(4)
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement);"
            " return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; })()"
        )
        assert outline, page.evaluate("document.activeElement.outerHTML.slice(0, 100)")


def test_of_many_tasks_the_matrix_is_first_and_the_graph_is_of_one(opened) -> None:
    page = opened(30)
    assert page.shown("#panel-matrix") == 1
    assert page.shown("#panel-graph") == 0
    page.locator("#tab-graph").click()
    chooser = page.locator("#panel-graph [data-choose]")
    chooser.select_option("3")
    page.locator('#graph [data-t="3"].score').wait_for()
    shown = page.evaluate("[...document.querySelectorAll('#graph .line')].map(e => +e.dataset.e)")
    assert len(shown) == 58
    assert all(slot % 30 == 3 or slot // 30 == 3 for slot in shown)
    assert page.locator("#forest .f").count() == 30
    assert "corpus-4" in page.text("#forest h3")
    assert page.complaints == []


@pytest.mark.parametrize("tasks", [4, 30])
def test_is_readable_without_scripts(opened, tasks) -> None:
    page = opened(tasks, javascript=False)
    assert page.text(".lead").startswith("Of ")
    for part in ("#graph", "#matrix", "#edges", "#forest svg", "#score-table", "#bibtex"):
        assert page.shown(part) >= 1, part
    assert page.shown(".js-only") == 0
    assert "Scripts are off" in page.text("noscript")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened, scheme) -> None:
    page = opened(4, color_scheme=scheme)
    assert page.axe() == []
    page.locator("#tab-matrix").click()
    page.locator(f"#matrix {EDGE}").click()
    page.locator("#evidence summary").click()
    assert page.axe() == []
    page.locator("#tab-table").click()
    assert page.axe() == []


@pytest.mark.parametrize("tasks", [4, 30])
def test_a_phone_scrolls_parts_and_never_the_page(opened, tasks) -> None:
    page = opened(tasks, viewport={"width": 360, "height": 740})
    for view in ("graph", "matrix", "table"):
        page.locator(f"#tab-{view}").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, view


@pytest.mark.parametrize("tasks", [4, 8])
def test_what_is_wider_than_a_phone_says_so_and_fades(opened, tasks) -> None:
    page = opened(tasks, viewport={"width": 390, "height": 844})
    hint = "getComputedStyle(document.querySelector('#sheet'), '::before').content"
    faded = "getComputedStyle(document.querySelector('#sheet')).maskImage !== 'none'"
    page.locator("#sheet.wide.more").wait_for()
    assert "scroll sideways" in page.evaluate(hint)
    assert page.evaluate(faded)
    page.locator("#sheet").evaluate("part => part.scrollTo(part.scrollWidth, 0)")
    page.locator("#sheet.wide:not(.more)").wait_for()
    assert not page.evaluate(faded)
    wide = opened(tasks)
    wide.page.wait_for_timeout(100)
    assert wide.locator("#sheet.wide").count() == 0


@pytest.mark.parametrize("tasks", [4, 8])
def test_the_graph_is_the_figure_and_its_words_can_be_read_on_a_phone(opened, tasks) -> None:
    page = opened(tasks, viewport={"width": 390, "height": 844})
    sizes = page.evaluate(
        "[...document.querySelectorAll('#graph text')].map(text =>"
        " parseFloat(text.getAttribute('font-size')) * text.getScreenCTM().a)"
    )
    assert min(sizes) > 9  # pixels
    for words in ("A → B: effect on B", "Kind of task", "Outer ring"):  # the figure's own legend
        assert page.locator("#graph text", has_text=words).count() == 1


def test_print_shows_everything(opened) -> None:
    page = opened(4)
    page.emulate_media(media="print")
    for part in ("#graph", "#matrix", "#edges", "#forest", "#score-table", "#methods", "#failures"):
        assert page.shown(part) == 1, part
    assert page.shown("#choices") == page.shown("[role=tablist]") == 0


def test_moves_nothing_for_those_who_ask_so(opened) -> None:
    page = opened(4, reduced_motion="reduce")
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter(element =>"
        " parseFloat(getComputedStyle(element).transitionDuration) > 0).length"
    )
    assert moving == 0
