"""Outputs written each by itself: what fails is told, and leaves no old file in its place."""

from __future__ import annotations

import pytest

from transfer_study.store.outputs import Outputs, at_once


def fail() -> None:
    raise ValueError("cannot convert float NaN to integer\nand more")


def test_one_that_fails_costs_no_other_and_is_told(tmp_path):
    outputs = Outputs(tmp_path / "failed.log")
    old, new = tmp_path / "old.svg", tmp_path / "new.svg"
    old.write_text("of an earlier report")
    assert outputs.write([old], fail) == []
    assert outputs.write([new], lambda: new.write_text("new") and None) == [new]
    assert not old.exists()
    assert new.exists()
    (told,) = outputs.told
    assert told.startswith(f"{old} could not be written (ValueError: cannot convert float NaN")
    assert "\n" not in told
    assert "Traceback" in (tmp_path / "failed.log").read_text()


def test_the_log_is_of_the_last_report_alone(tmp_path):
    log = tmp_path / "failed.log"
    Outputs(log).write([tmp_path / "a"], fail)
    assert log.exists()
    assert Outputs(log).told == ()
    assert not log.exists()


def test_the_files_of_one_output_are_one_sentence(tmp_path):
    outputs = Outputs(tmp_path / "log")
    outputs.write([tmp_path / f"a.{kind}" for kind in ("svg", "png")], fail)
    (told,) = outputs.told
    assert told.startswith(f"{tmp_path}/a.{{svg,png}} could not be written")


def test_an_interrupt_is_no_failed_output(tmp_path):
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Outputs(tmp_path / "log").write([], interrupt)


def test_at_once_the_first_error_is_raised(tmp_path):
    with pytest.raises(ValueError, match="NaN"):
        at_once([tmp_path / "a"], fail)
