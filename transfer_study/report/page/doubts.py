"""How a single edge could be wrong, in sentences that a reader can check."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from transfer_study.points import counted, points, verdict_text
from transfer_study.report.content import Content
from transfer_study.report.page.frames import Frame, ShownEffect
from transfer_study.study.arms import PAIRS, Control
from transfer_study.study.joined import apart

_FEW_SEEDS = 5
_DECIDED = ("gain", "loss")


def doubts_of(effect: ShownEffect, frame: Frame, content: Content) -> Iterator[str]:
    """What speaks against taking the effect at its word."""
    if effect.verdict in ("failed", "not_run"):
        yield (
            "Not all of its runs have a score, so that it is not judged: it has both scores for "
            f"{int(effect.n_seeds)} of {counted(len(effect.runs), 'seed')}."
        )
        return
    if effect.verdict == "not_learned":
        yield (
            f"{effect.target} was not learned: in most seeds what this is held against is no "
            f"better than a constant answer ({points(effect.constant)}), so that nothing can be "
            "said of it."
        )
        return
    if effect.collapsed:
        yield (
            "The model did not learn: in most seeds it is no better than a constant answer "
            f"({points(effect.constant)}), where its baseline is. Its training failed."
        )
    seeds = int(effect.n_seeds)
    if (of_baseline := int(effect.n_baseline_seeds)) > seeds:
        yield (
            f"It is held against the mean of {of_baseline} runs, of which {of_baseline - seeds} "
            "have no run of the model beside them: that is not the mean of the changes by seed."
        )
    if seeds == 1:
        yield "One seed says nothing of chance: there is no interval."
    elif lacking := effect.lacking:
        yield f"There is no interval: {lacking}."
    elif seeds < _FEW_SEEDS:
        yield (
            f"Its spread over seeds is estimated from {seeds} runs; the interval allows for that, "
            "but not for seeds that differ in kind."
        )
    if effect.seed_share < 0.5:
        yield (
            "Most of its uncertainty is of the test examples: more seeds alone will not settle it."
        )
    if effect.verdict == "undecided" and not effect.lacking:
        yield "Undecided is not the same as no effect: the interval holds effects that matter."
    if effect.verdict in _DECIDED:
        yield from _of_decided(effect, frame)
    if effect.target in content.absent:
        yield content.absent[effect.target]
    yield from _of_leaks(effect, content.leaks)


def _of_decided(effect: ShownEffect, frame: Frame) -> Iterator[str]:
    if effect.arm == PAIRS.label and not effect.over:
        yield (
            "No control was run for it: it may come from longer training, or from more text, "
            "rather than from what the partner teaches."
        )
    for control, over in effect.over.items():
        if over.verdict != effect.verdict:
            word = verdict_text(over.verdict)
            yield (
                f"Over {control} ({Control.known[control].briefly}) it is {word}: that control "
                "may explain it."
            )
    largest = max((abs(e.delta) for e in frame if e.verdict in _DECIDED), default=0.0)
    if frame.family > 1 and abs(effect.delta) == largest:
        yield (
            f"It is the largest of {frame.family} effects, and the largest of many is likely to be "
            "smaller when measured again."
        )


def _of_leaks(effect: ShownEffect, leaks: pd.DataFrame | None) -> Iterator[str]:
    if leaks is None or not {"source", "target", "texts"} <= set(leaks):
        return
    learned = {effect.target, *apart(effect.source)}
    found = leaks[leaks["source"].isin(learned) & (leaks["target"] == effect.target)]
    if "target_split" in found:
        found = found[found["target_split"] == "test"]
    if len(found):
        names = ", ".join(sorted(set(found["source"].astype(str))))
        yield (
            f"Texts of what it learns from ({names}) are also in the test set of {effect.target}: "
            "see the leaks."
        )
