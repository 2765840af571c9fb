"""What a console prints for other programs: JSON that every reader takes."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from transfer_study.terminal.console import print_json, records_of


def test_json_has_null_for_what_is_no_number_however_deep(capsys: pytest.CaptureFixture) -> None:
    table = pd.DataFrame({"delta": [0.1, math.nan], "verdict": ["gain", "failed"]})
    print_json(
        {"best": math.nan, "targets": [{"reach": (1.0, math.inf)}], "edges": records_of(table)}
    )

    def refuse(word: str) -> None:
        raise AssertionError(word)  # Python alone reads NaN and Infinity

    said = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert said == {
        "schema": 1,
        "best": None,
        "targets": [{"reach": [1.0, None]}],
        "edges": [{"delta": 0.1, "verdict": "gain"}, {"delta": None, "verdict": "failed"}],
    }
