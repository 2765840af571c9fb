"""Runs through Ray as a person has them: in a terminal, interrupted, hung up on.

The other end of the terminal is an emulator, so that what is tested is what is seen.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pexpect
import psutil
import pyte
import pytest

from transfer_study.execute.cluster.process_session import members

# In Python 3.12 and later of `pty.fork`, where a test runner has threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

STAGES = 7
SETTINGS = ["--set", "seeds=1", "--workers", "2"]
COMMAND = ["-m", "transfer_study", "run", "small.yaml", *SETTINGS]
COLOURS = re.compile(rb"\x1b\[[\d;]*\b(3[0-7]|4[0-7]|9[0-7]|38;[\d;]+)m")


def environment(folder: Path, **more: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {
        **plain,
        "TERM": "xterm-256color",
        "TRANSFER_STUDY_STORE": str(folder / "stages"),
        "TRANSFER_STUDY_RESULTS": str(folder / "results"),
        "TRANSFER_STUDY_PLOTS": str(folder / "plots"),
        "HF_HUB_OFFLINE": "1",
        **more,
    }


def heed_signals() -> None:
    """In the background of a shell Ctrl-C is ignored, and would be in what is started here."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)


def committed(folder: Path) -> dict[str, int]:
    """When each stage was committed: a stage that ran again has another time."""
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in (folder / "stages" / "stages").glob("*/result.json")
    }


def wait_until(true: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def driver_of(run: int) -> int | None:
    """The process that holds Ray, whose session all of Ray's processes are in."""
    with suppress(psutil.Error):
        for child in psutil.Process(run).children():
            if any("_driver import main" in argument for argument in child.cmdline()):
                return child.pid
    return None


def names(session: int) -> str:
    found = []
    for process in members(session):
        with suppress(psutil.Error):
            found.append(" ".join(process.cmdline()) or process.name())
    return "\n".join(found)


class Terminal:
    """A run in a terminal of some size, and what its screen shows."""

    def __init__(self, folder: Path, columns: int, **more: str) -> None:
        self.raw = b""
        self.views: list[list[str]] = []
        self.screen = pyte.HistoryScreen(columns, 24, history=1000)
        self._stream = pyte.ByteStream(self.screen)
        self.session: int | None = None
        self.run = pexpect.spawn(
            sys.executable,
            COMMAND,
            cwd=str(folder),
            env=environment(folder, **more),
            dimensions=(24, columns),
            preexec_fn=heed_signals,
            timeout=5,
        )

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def text(self) -> str:
        """All that can be read, what has left the screen at its top included."""
        gone = (
            "".join(row[n].data for n in range(self.screen.columns)).rstrip()
            for row in self.screen.history.top
        )
        return "\n".join([*gone, *self.lines()])

    def watch(self, until: Callable[[], object], seconds: float = 280) -> None:
        """Read what comes, until something holds."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, self.text()
            self.session = self.session or driver_of(self.run.pid)
            try:
                came = self.run.read_nonblocking(65536, timeout=0.1)
            except pexpect.TIMEOUT:
                self.views.append(self.lines())  # nothing is half drawn
                continue
            except pexpect.EOF:
                break
            self.raw += came
            self._stream.feed(came)

    def resize(self, columns: int) -> None:
        self.screen.resize(24, columns)
        self.run.setwinsize(24, columns)

    def end(self) -> int:
        """Read to the end; the exit code. Nothing of Ray's may be left by then."""
        self.watch(lambda: False)
        self.run.close()
        assert self.session is not None
        assert names(self.session) == ""
        assert not self.screen.cursor.hidden
        assert "Traceback" not in self.text()
        assert self.run.exitstatus is not None
        return int(self.run.exitstatus)


# All that the screen may show while stages run.
EXPECTED = re.compile(
    r"Reading small.yaml and its data\.|Running \d+ stages\.|\d+ of \d+ stages are done; running .*"
    r"|\[\d/\d\]  done    \S+  .*| {9}\S.*|warning: \S+ does not learn by .*"
    r"|running +epoch +time +dev scores|\S+ +\d/\d +\d+ s.*|\d+ done · \d+ running · .*"
)


def check_views(terminal: Terminal) -> None:
    """No noise, no line that is left of an earlier view, the counts last."""
    drawn = [view for view in terminal.views if any(" done · " in line for line in view)]
    assert len(drawn) > 5
    for view in drawn:
        assert [line for line in view if not EXPECTED.fullmatch(line)] == []
        assert sum(" done · " in line for line in view) == 1
        headings = [n for n, line in enumerate(view) if line.startswith("running ")]
        assert len(headings) <= 1
        assert " done · " in view[-1]
        assert all(len(line) < 80 for line in view[headings[0] if headings else -1 :])
    assert any(re.search(r"refine-\S+ +\d/2 ", line) for view in drawn for line in view)


@pytest.mark.timeout(900)  # two runs, with others beside them
def test_a_run_in_a_terminal_is_interrupted_and_the_same_command_completes_it(
    small_study: Path,
) -> None:
    folder = small_study.parent
    first = Terminal(folder, 200)
    for width in (120, 80, 200):  # before a stage is done: all of them take but a few seconds
        first.resize(width)
        now = len(first.views)
        first.watch(lambda now=now: len(first.views) > now + 2)
    first.watch(lambda: committed(folder))
    first.run.sendintr()
    assert first.end() == 130, first.text()
    assert first.lines()[-1].startswith("Interrupted. What is finished is kept")
    assert not list((folder / "stages").glob("attempts/*"))
    check_views(first)
    kept = committed(folder)
    assert 1 <= len(kept) < STAGES

    second = Terminal(folder, 80, NO_COLOR="1")
    assert second.end() == 0, second.text()
    check_views(second)
    text, left = second.text(), STAGES - len(kept)
    assert f"{len(kept)} of {STAGES} stages are done; running {left} stage" in text
    assert text.count("  done    ") == left
    assert " done · " not in text  # the view itself is gone
    assert "Report: " in text
    assert not COLOURS.search(second.raw)
    after = committed(folder)
    assert len(after) == STAGES
    assert {name: after[name] for name in kept} == kept  # nothing ran twice


def test_a_second_ctrl_c_does_not_disturb_the_first(small_study: Path) -> None:
    folder = small_study.parent
    terminal = Terminal(folder, 80)
    terminal.watch(lambda: committed(folder))
    for _ in range(2):
        terminal.run.sendintr()
        time.sleep(0.05)
    assert terminal.end() == 130, terminal.text()
    assert terminal.lines()[-1].startswith("Interrupted. What is finished is kept")
    assert not list((folder / "stages").glob("attempts/*"))
    assert 1 <= len(committed(folder)) < STAGES


@contextmanager
def started(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that leads a group of processes, as a shell, `timeout` or a job of Slurm has it."""
    with subprocess.Popen(
        [sys.executable, *COMMAND],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,  # noqa: PLW1509
    ) as run:
        yield run


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "gcs_server"),
        (signal.SIGTERM, "raylet/raylet"),
        (signal.SIGHUP, "DashboardAgent|dashboard/agent.py"),
        (signal.SIGKILL, "DashboardAgent|dashboard/agent.py"),
    ],
)
def test_no_process_is_left_of_a_run_that_was_stopped_while_ray_started(
    small_study: Path, number: signal.Signals, moment: str
) -> None:
    folder = small_study.parent
    with started(folder) as run:
        wait_until(lambda: driver_of(run.pid))
        session = driver_of(run.pid)
        assert session is not None
        wait_until(lambda: re.search(moment, names(session)))
        run.send_signal(number)
        _, messages = run.communicate(timeout=60)
        if number == signal.SIGKILL:  # then the driver must see to it
            wait_until(lambda: not names(session), 30)
        assert names(session) == ""
    if number != signal.SIGKILL:
        assert run.returncode == (75 if number == signal.SIGTERM else 130), messages
        last = "Stopped as asked:" if number == signal.SIGTERM else "Interrupted."
        assert messages.splitlines()[-1].startswith(last)
        assert len(messages.splitlines()) == 3, messages
        assert not list((folder / "stages").glob("attempts/*"))


def loopback(process: psutil.Process) -> bool:
    ours = [c.laddr.ip for c in process.net_connections("inet") if c.status in ("LISTEN", "NONE")]
    return all(ip.removeprefix("::ffff:") in ("127.0.0.1", "::1") for ip in ours)


def test_a_group_that_is_terminated_ends_quietly_and_listened_to_this_machine_alone(
    small_study: Path,
) -> None:
    folder = small_study.parent
    longer = small_study.read_text().replace("refine: {epochs: 2,", "refine: {epochs: 40,")
    small_study.write_text(longer)  # or all is over before it is disturbed
    with started(folder) as run:
        wait_until(lambda: committed(folder))
        session = driver_of(run.pid)
        assert session is not None
        ray = [psutil.Process(session), *members(session)]
        listening = [p for p in ray if any(c.status == "LISTEN" for c in p.net_connections("tcp"))]
        assert len(listening) >= 4, names(session)  # driver, gcs_server, raylet, workers
        assert [p for p in ray if not loopback(p)] == []
        victim = next(p for p in ray if p.name().startswith("ray::ImplicitF"))
        victim.kill()
        assert run.stderr is not None
        told = []
        while not told or "its worker process died" not in told[-1]:
            told.append(run.stderr.readline())
            assert told[-1], told
        os.killpg(run.pid, signal.SIGTERM)
        rest = run.stderr.read()  # `communicate` knows nothing of what is in the file's buffer
        run.wait(timeout=60)
        assert names(session) == ""
    messages = "".join(told) + rest
    assert run.returncode == 75, messages
    assert rest.splitlines()[-1].startswith("Stopped as asked: ")
    assert all(
        re.match(r"Reading|Running|\[\d/7\]| {9}|warning: |Stopped as asked", m)
        for m in messages.splitlines()
    ), messages
    assert "Traceback" in (folder / "stages" / "ray.log").read_text(encoding="utf-8")


def test_a_driver_that_dies_is_told_in_a_sentence(small_study: Path) -> None:
    folder = small_study.parent
    with started(folder) as run:
        wait_until(lambda: driver_of(run.pid))
        session = driver_of(run.pid)
        assert session is not None
        wait_until(lambda: "log_monitor" in names(session))
        os.kill(session, signal.SIGKILL)
        _, messages = run.communicate(timeout=60)
        assert names(session) == ""
    assert run.returncode == 2, messages
    assert len(messages.splitlines()) == 3, messages
    assert messages.splitlines()[-1].startswith("error: Ray ended before its work did")


def test_a_cluster_that_is_not_there_is_told_in_a_sentence(small_study: Path) -> None:
    done = subprocess.run(
        [sys.executable, *COMMAND, "--address", "127.0.0.1:1"],
        cwd=small_study.parent,
        env=environment(small_study.parent),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 3, done.stderr
    assert "error: the cluster at 127.0.0.1:1 cannot be reached" in done.stderr


def test_a_closed_terminal_ends_the_run_and_all_of_ray(small_study: Path) -> None:
    terminal = Terminal(small_study.parent, 80)
    terminal.watch(lambda: terminal.session and "raylet/raylet" in names(terminal.session))
    assert terminal.session is not None
    terminal.run.ptyproc.fileobj.close()
    _, status = os.waitpid(terminal.run.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert names(terminal.session) == ""
