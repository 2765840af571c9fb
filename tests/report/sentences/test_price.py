"""The price of a decided edge in words."""

from __future__ import annotations

import pandas as pd
import pytest

from transfer_study.report.sentences.price import price


def edges(*verdicts: str) -> pd.DataFrame:
    return pd.DataFrame({"verdict": verdicts})


def costs(core_hours: float, gpu_minutes: float = 0.0) -> pd.DataFrame:
    part = pd.DataFrame({"core_hours": [1.0], "gpu_minutes": [1.0]})
    whole = pd.DataFrame({"core_hours": [core_hours], "gpu_minutes": [gpu_minutes]})
    return pd.concat([part, whole], ignore_index=True)


MANY = edges(*["gain"] * 5, *["loss"] * 3, *["equivalent"] * 3, *["undecided"] * 4, "not_learned")


@pytest.mark.parametrize(
    ("some", "spent", "said"),
    [
        (
            MANY,
            costs(3.3),
            "16 edges: 11 decided (5 gains, 3 losses, 3 equivalent), 0.3 core-hours each",
        ),
        (MANY, costs(3.3), "each; 4 undecided, 1 not learned"),
        (MANY, costs(0.0, 11.0), "(5 gains, 3 losses, 3 equivalent), 1 GPU-minutes each"),
        (edges("gain"), costs(0.05, 4.0), "1 decided (1 gain), 3 core-minutes and 4 GPU-minutes"),
        (edges("undecided"), costs(2.34), "1 edge: none decided, 2.3 core-hours in all"),
        (edges("loss", "failed"), None, "2 edges: 1 decided (1 loss); 1 failed"),
        (edges(), None, "No edges to compare."),
    ],
)
def test_price(some: pd.DataFrame, spent: pd.DataFrame | None, said: str) -> None:
    assert said in price(some, spent)


def test_costs_that_an_earlier_version_kept_have_no_gpu() -> None:
    old = costs(1.1).drop(columns="gpu_minutes")
    assert ", 0.1 core-hours each;" in price(MANY, old)
