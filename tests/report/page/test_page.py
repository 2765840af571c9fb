"""The page as text: what it says, what it weighs, and that nothing in it can break out."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from base64 import b64encode
from html.parser import HTMLParser

import pandas as pd
import pytest

from transfer_study.report.page import page, write_page
from transfer_study.report.page.subject import Subject
from transfer_study.study.stage_labels import stage_labels


@dataclasses.dataclass(frozen=True)
class Advice:
    task: str
    reading: str
    text: str
    command: str
    enough: bool
    encoder: str = "tiny"
    variant: str = ""


class _Text(HTMLParser):
    """The words of a page, without style and script, and its elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._skipped = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._skipped = tag in ("style", "script")
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self._skipped = False

    def handle_data(self, data):
        if not self._skipped:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def data_of(html: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])


@pytest.mark.parametrize(
    ("tasks", "readings", "largest"),
    [(8, ("refine",), 250_000), (8, ("refine", "finetune"), 250_000), (30, ("refine",), 1_000_000)],
)
def test_weighs_no_more_than_it_may(content, tmp_path, tasks, readings, largest) -> None:
    path = tmp_path / "report.html"
    write_page(content(tasks, readings=readings), path)
    assert path.stat().st_size <= largest


def test_says_what_is_there_and_what_is_not(content) -> None:
    said = _Text(page(content(4, complete=False))).text
    assert "14 of 16 edges: " in said
    assert ", 1 failed, 1 not run." in said
    for words in ("Not asked for.", "Not searched for:", "Not known here:"):
        assert words in said
    assert "These stages failed" in said
    assert "refine-corpus-1+corpus-2-s0" in said
    assert "benjamini1995controlling" in said


def test_what_was_not_learned_and_what_collapsed_have_marks_in_every_view(content) -> None:
    whole = content(4)
    deltas = whole.deltas.copy()
    unlearned = deltas["target"] == "corpus-2"
    deltas.loc[unlearned, ["verdict", "delta"]] = "not_learned", 0.0
    deltas.loc[unlearned, ["adjusted_low", "adjusted_high", "adjusted_p"]] = math.nan
    assert "† the model" not in _Text(page(dataclasses.replace(whole, deltas=deltas))).text
    deltas["collapsed"] = (deltas["source"] == "corpus-1") & (deltas["target"] == "corpus-3")
    html = page(dataclasses.replace(whole, deltas=deltas))
    assert '<td class="not_learned s1"><button data-e="1">◇</button>' in html
    assert re.search(r'<g class="diamond" data-e="1"><path', html)
    assert re.search(r'<g class="f not_learned" data-e="1".*◇ not learned</text>', html)
    assert re.search(r'<td class="loss s\d"><button data-e="2">−\d\.\d†</button>', html)
    assert "† the model did not learn" in _Text(html).text


def test_shows_what_was_measured_besides(content) -> None:
    whole = dataclasses.replace(
        content(4, controls=("placebo", "matched")),
        leaks=pd.DataFrame(
            {"source": ["corpus-1"], "target": ["corpus-2"], "texts": [83], "share": [0.0146]}
        ),
        costs=pd.DataFrame({"kind": ["refine"], "seconds": [1234.5]}),
        false_edge_rate="A/A comparisons: of 40 …",
        recommendations=[
            Advice("corpus-1", "refine", "Train it with corpus-2.", "transfer-study run", False),
            Advice("corpus-1", "finetune", "Train it alone.", "transfer-study run", False),
        ],
        warnings=["Intervals of macro F1 cover 91%."],
    )
    html = page(whole)
    said = _Text(html).text
    for words in (
        "corpus-1, refine reading Train it with corpus-2.",
        "corpus-1, finetune reading Train it alone.",
        "0.0146",
        "1234",
        "over placebo",
    ):
        assert words in said
    assert "Warning. Intervals of macro F1 cover 91%." in said
    data = data_of(html)
    doubts = {data["doubts"][n] for effect in data["frames"][0]["effects"] for n in effect[-1]}
    assert any("Texts of what it learns from (corpus-1)" in doubt for doubt in doubts)
    assert any("Over placebo" in doubt for doubt in doubts)


def test_nothing_runs_but_what_its_policy_names(content) -> None:
    html = page(content(4))
    elements = _Text(html).elements
    policy = next(a["content"] for _, a in elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'; ")
    for tag, source in (("script", "script-src"), ("style", "style-src")):
        inline = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.S)[1]
        digest = b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{source} 'sha256-{digest}'" in policy
    assert not [a for _, a in elements if "style" in a or any(key.startswith("on") for key in a)]
    assert not [a for _, a in elements if "src" in a or a.get("href", "#")[0] != "#"]


def test_words_of_others_stay_words(content) -> None:
    hostile = "</script><script>alert(1)</script>"
    whole = dataclasses.replace(
        content(4), warnings=[hostile], leaks=pd.DataFrame({"source": [hostile]})
    )
    html = page(whole)
    assert hostile not in html
    assert hostile in _Text(html).text


def test_data_have_every_effect_of_every_frame_once(content) -> None:
    whole = content(4, readings=("refine", "finetune"), controls=("placebo",))
    data = data_of(page(whole))
    assert [frame["at"][1] for frame in data["frames"]] == ["refine", "finetune"]
    raw = whole.deltas[whole.deltas["over"] == ""]
    for frame in data["frames"]:
        effects = [dict(zip(data["effect"], values, strict=True)) for values in frame["effects"]]
        rows = raw[raw["reading"] == frame["at"][1]]
        assert sorted(e["delta"] for e in effects) == sorted(rows["delta"].round(6))
        assert len({e["slot"] for e in effects}) == len(effects) == 16
        assert all(len(e["by_seed"]) == len(e["runs"]) == 5 for e in effects)
        assert all(set(e["over"]) == {"placebo"} for e in effects if e["arm"] == "pair")


def test_a_delta_by_seed_is_the_difference_of_two_scores(content, plan_of) -> None:
    whole = content(4)
    data = data_of(page(whole))
    effect = dict(zip(data["effect"], data["frames"][0]["effects"][0], strict=True))
    ids = {label: stage for stage, label in stage_labels(plan_of(4)).items()}
    target = data["tasks"][effect["slot"] % 4]["name"]
    scores = whole.scores[whole.scores["task"] == target].set_index("stage")["value"]
    for delta, (_, stage, alone) in zip(effect["by_seed"], effect["runs"], strict=True):
        ends = (ids[data["stages"][n]] for n in (stage, alone))
        score, baseline = (scores[end] for end in ends)
        assert delta == pytest.approx(score - baseline, abs=1e-5)


def test_a_study_that_compares_nothing_has_a_page(content) -> None:
    whole = content(4)
    empty = dataclasses.replace(whole, deltas=whole.deltas.iloc[:0])
    assert "The study compares nothing" in _Text(page(empty)).text


def test_the_same_content_gives_the_same_bytes(content) -> None:
    assert page(content(8)) == page(content(8))


def test_scores_are_of_models_trained_with_a_partner_or_after_it(content) -> None:
    subject = Subject(content(4))
    frame = subject.frames[0]
    later = dataclasses.replace(frame, view=dataclasses.replace(frame.view, edges="sequential"))
    assert [subject.partner_label(one) for one in (frame, later)] == ["with", "after"]
