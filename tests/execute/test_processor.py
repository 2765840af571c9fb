"""The processor is called what people know it by."""

from __future__ import annotations

import platform
import sys

import pytest

from transfer_study.execute import processor


@pytest.mark.parametrize(
    ("cpuinfo", "told", "name"),
    [
        ("model name\t: Intel(R)  Xeon(R)\nmodel name : other", "", "Intel(R) Xeon(R)"),
        ("BogoMIPS : 50.00", "Architecture: aarch64\nModel name: Neoverse-N1", "Neoverse-N1"),
        ("model name : unknown", "Apple M2 Pro", "Apple M2 Pro"),
        ("", "", platform.processor() or platform.machine()),
    ],
)
def test_a_processor_has_the_name_that_the_system_tells(
    cpuinfo, told, name, tmp_path, monkeypatch
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo, encoding="utf-8")
    monkeypatch.setattr(processor, "_CPUINFO", file)
    script = f"print({told!r})" if told else "raise SystemExit(1)"
    monkeypatch.setattr(
        processor, "_COMMANDS", (("no-such-command",), (sys.executable, "-c", script))
    )
    processor.processor_name.cache_clear()
    assert processor.processor_name() == name
    processor.processor_name.cache_clear()
