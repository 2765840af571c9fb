"""The name of this machine's processor, as its maker sells it."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
# Where the kernel does not tell the name: ARM under Linux, and macOS.
_COMMANDS = (("lscpu",), ("sysctl", "-n", "machdep.cpu.brand_string"))


@cache
def processor_name() -> str:
    """Such as `AMD EPYC 7763 64-Core Processor`; its architecture where nothing tells more."""
    named = next(_names(), "")
    return named or platform.processor() or platform.machine() or "cpu"


def _names() -> Iterator[str]:
    with suppress(OSError):
        yield from _model_names(_CPUINFO.read_text(encoding="utf-8", errors="replace"))
    for command in _COMMANDS:
        with suppress(OSError, ValueError, subprocess.SubprocessError):
            run = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
            yield from _model_names(run.stdout if ":" in run.stdout else f"model name:{run.stdout}")


def _model_names(text: str) -> Iterator[str]:
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip().lower() == "model name" and value.strip() not in ("", "-", "unknown"):
            yield " ".join(value.split())
