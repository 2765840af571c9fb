"""What a figure's caption says it compares: with each arm, in each reading, the true baseline."""

from __future__ import annotations

import pytest

from transfer_study.analysis.graph.views import Shown
from transfer_study.report.design import Design
from transfer_study.report.sentences.captions import caption
from transfer_study.study.study import Study

TASKS = ["chemprot", "ddi2013-type", "bc5cdr-chemical"]
AGAINST = {
    ("pairs", "refine"): "trained jointly with A, against the same recipe on B alone",
    ("pairs", "finetune"): "fine-tuned after joint training with A, against fine-tuning B alone",
    ("sequential", "finetune"): "fine-tuned after fine-tuning on A, against fine-tuning B alone",
    ("leave-one-out", "refine"): "trained with all tasks, against all tasks but A",
    ("leave-one-out", "finetune"): (
        "fine-tuned after joint training with all tasks, against all tasks but A"
    ),
    ("heads-only", "refine"): (
        "a head on the frozen encoder that A and B refined, against one on its own encoder"
    ),
    ("heads-only", "finetune"): (
        "a head on the frozen encoder that A and B refined, against one on the bare encoder"
    ),
    ("soft", "refine"): "trained beside A, their two encoders tied by a penalty, against B alone",
    ("soft", "finetune"): (
        "fine-tuned after training beside A, their two encoders tied by a penalty, against B alone"
    ),
}


@pytest.mark.parametrize(("arm", "reading"), AGAINST)
def test_a_caption_names_the_baseline_of_its_edges(arm: str, reading: str) -> None:
    study = Study.model_validate(
        {
            **{"name": "s", "encoder": "tiny", "tasks": TASKS, "readings": [reading]},
            "arms": ["single", "full", arm],
        }
    )
    (view,) = Shown(arm=arm).views(study)
    said = caption(Design.of(study), "tiny", reading, view, 6)
    assert f"in points: {AGAINST[arm, reading]} (tiny, {reading} reading)." in said
