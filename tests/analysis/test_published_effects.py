"""The paper's effects of its full mix, beside a study's own."""

from __future__ import annotations

import pandas as pd
import pytest

from transfer_study.analysis.paper.agreement import Agreement
from transfer_study.analysis.paper.effects import hold_effects, published_effects
from transfer_study.published import SystemKind
from transfer_study.study.study import Study

TASKS = ["chemprot", "ddi2013-type", "bc5cdr-chemical", "bc5cdr-disease"]


def _study(tasks: list[str], encoder: str = "all-MiniLM-L6-v2", **keys: object) -> Study:
    return Study.model_validate({"name": "s", "encoder": encoder, "tasks": tasks, **keys})


def _full(encoder: str, verdicts: dict[str, tuple[float, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                **{"encoder": encoder, "reading": "refine", "arm": "full", "over": ""},
                **{"source": "", "target": task, "delta": delta, "verdict": verdict},
                **{"adjusted_low": delta - 0.01, "adjusted_high": delta + 0.01},
            }
            for task, (delta, verdict) in verdicts.items()
        ]
    )


def test_the_papers_refinement_effects_are_those_of_its_table() -> None:
    found = {
        effect.joint.task: effect.value
        for effect in published_effects(SystemKind.REFINEMENT, frozenset(TASKS))
    }
    assert found == {
        "chemprot": -0.011,
        "ddi2013-type": 0.053,
        "bc5cdr-disease": -0.042,
        "bc5cdr-chemical": -0.005,
    }


def test_an_effect_agrees_in_its_direction_alone() -> None:
    here = {
        "chemprot": (0.03, "gain"),
        "ddi2013-type": (0.05, "gain"),
        "bc5cdr-disease": (-0.10, "loss"),
        "bc5cdr-chemical": (-0.02, "undecided"),
    }
    held = hold_effects(_study(TASKS), _full("all-MiniLM-L6-v2", here))
    assert {effect.published.joint.task: effect.outcome for effect in held} == {
        "chemprot": Agreement.DISAGREES,
        # The paper's two scores are in two metrics, so there is nothing to agree with.
        "ddi2013-type": Agreement.CANNOT_DECIDE,
        "bc5cdr-disease": Agreement.AGREES,
        "bc5cdr-chemical": Agreement.CANNOT_DECIDE,
    }
    (ddi,) = (effect for effect in held if effect.published.joint.task == "ddi2013-type")
    assert ddi.doubt == "the paper's scores are micro_f1 beside macro_f1"
    (disease,) = (effect for effect in held if effect.published.joint.task == "bc5cdr-disease")
    assert (disease.delta, disease.low, disease.high) == pytest.approx((-0.10, -0.11, -0.09))


def test_no_change_beyond_the_margin_is_what_equivalent_agrees_with() -> None:
    here = {"bc5cdr-chemical": (0.001, "equivalent"), "chemprot": (0.0, "equivalent")}
    held = hold_effects(_study(TASKS), _full("all-MiniLM-L6-v2", here))
    outcomes = {effect.published.joint.task: effect.outcome for effect in held}
    assert outcomes == {
        "bc5cdr-chemical": Agreement.AGREES,
        "chemprot": Agreement.DISAGREES,
    }


def test_another_mix_or_no_full_mix_is_held_against_nothing() -> None:
    edges = _full("all-MiniLM-L6-v2", {"chemprot": (0.03, "gain")})
    assert hold_effects(_study(TASKS[:3]), edges) == []
    assert hold_effects(_study(TASKS, arms=["single", "pairs"]), edges) == []


def test_an_encoder_of_the_papers_is_held_against_its_own_effects_only() -> None:
    edges = _full("BioBERT", {"chemprot": (0.03, "gain")})
    # The paper refined BlueBERT alone on these tasks.
    assert hold_effects(_study(TASKS, "BioBERT"), edges) == []
