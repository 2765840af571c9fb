"""`--fidelity`: a preview is a study of its own, told everywhere as what it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import transfer_study
from tests.conftest import SMALL, Command
from tests.study.conftest import made_up_fingerprints
from transfer_study.data import fingerprints as data_module
from transfer_study.data.fingerprints import read_tasks
from transfer_study.errors import StudyError
from transfer_study.execute.cost import work
from transfer_study.session.preview import _left, preview_of
from transfer_study.study.file.study_file import read_study
from transfer_study.study.plan import plan
from transfer_study.study.previewed import previewed
from transfer_study.study.recipes.protocol import Protocol
from transfer_study.study.study import Study

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
HERE = ("--executor", "in-process")
FIFTH = ("--fidelity", "0.2")


@pytest.fixture
def long_study(tmp_path: Path) -> Path:
    """A study of two tasks and three seeds with something to leave out."""
    text = SMALL[: SMALL.index("  - name: relation")] + SMALL[SMALL.index("arms:") :]
    text = text.replace("single, pairs, full", "single, pairs").replace("seeds: 2", "seeds: 3")
    text = text.replace("{epochs: 2, learning", "{epochs: 16, batch_size: 8, learning", 1)
    path = tmp_path / "small.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no data are to be read")

    for name in ("load_tasks", "read_tasks"):
        monkeypatch.setattr(data_module, name, refuse)


@pytest.mark.parametrize("said", ["0", "1", "1.5", "-0.1", "abc", "nan", "inf", ""])
@pytest.mark.parametrize("verb", ["run", "plan", "status", "report"])
def test_what_is_no_share_is_one_sentence(
    long_study: Path, command: Command, verb: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(long_study.parent)
    code, out, err = command(verb, str(long_study), f"--fidelity={said}")
    assert code == 2
    assert out == ""
    (line,) = (line for line in err.splitlines() if line.startswith("error"))
    assert line.startswith(f"error: --fidelity: found {said!r}; give the share")
    assert [path.name for path in long_study.parent.iterdir()] == ["small.yaml"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fidelity=0.01", "--set=refine.epochs=1", "--set=seeds=1"], "too little to leave out"),
        (["--fidelity=0.1", "--set=protocol=paper", "--set=refine.epochs=9"], "`protocol: clean`"),
        (["--fidelity=0.1", "--until-decided", "--max-seeds=9"], "a preview has no looks"),
        (["--set=preview={of: small}"], "preview"),
    ],
)
def test_what_has_no_preview_says_why(
    long_study: Path, command: Command, options: list[str], said: str
) -> None:
    code, out, err = command("plan", str(long_study), *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_preview_is_run_told_and_held_against_its_study(
    long_study: Path, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = command("run", str(long_study), *FIFTH, *HERE)
    assert code == 0
    assert "transfer-study tune" not in err  # of what is trained so little nothing is to be tuned
    said = " ".join(out.split())
    assert "A preview of small, at about" in said
    assert "on one worker where this preview took" in said
    assert f"transfer-study run {long_study} " in f"{said} "
    # Its folders are its own, and everything in them says what it is.
    assert not (tmp_path / "results" / "small").exists()
    results, plots = (tmp_path / name / "small-preview-20" for name in ("results", "plots"))
    for name in ("report.md", "report.html", "deltas.md", "deltas.tex", "tables.md", "tables.tex"):
        text = " ".join((results / name).read_text(encoding="utf-8").split())
        assert "A preview of small, at about" in text, name
    assert "Recommendations" not in (results / "report.md").read_text(encoding="utf-8")
    record = json.loads((results / "stages.json").read_text(encoding="utf-8"))
    assert record["definition"]["preview"]["of"] == "small"
    graph = (plots / "transfer_graph.svg").read_text(encoding="utf-8")
    assert "preview of small" in " ".join(graph.split())
    # It goes on like any study, and without its data once it was run.
    *_, err = command("run", str(long_study), *FIFTH, *HERE)
    assert "stages are done; nothing to run" in err
    with monkeypatch.context() as patched:
        without_data(patched)
        status = json.loads(command("status", str(long_study), *FIFTH, "--json")[1])
        assert set(status["stages"].values()) == {"done"}
        assert status["preview"]["share"] == 0.2
        code, out, _ = command("report", str(long_study), *FIFTH)
        assert code == 0
        shared = ["--share", str(tmp_path / "shared")]
        assert command("report", str(long_study), *FIFTH, *shared)[0] == 0
    page = (tmp_path / "shared" / "report.html").read_text(encoding="utf-8")
    assert "A preview of small, at about" in page
    # What asks for the study does not find the preview.
    code, _, err = command("recommend", str(long_study), "--task", "topics")
    assert code == 3
    outcome = transfer_study.run(long_study, fidelity=0.2, executor="in-process", progress=False)
    with pytest.raises(StudyError, match="run small itself"):
        outcome.recommend("topics")
    # A study that has changed since has another preview.
    changed = ("--set", "refine.epochs=12")
    status = json.loads(command("status", str(long_study), *FIFTH, *changed, "--json")[1])
    assert status["counts"]["done"] == 0
    assert command("run", str(long_study), *HERE, "-q")[0] == 0
    code, out, err = command("compare", str(results), str(long_study))
    assert code in (0, 4)
    assert "note: A preview of small, at about" in err
    assert "2 edges in both studies" in out


def _studies() -> list[str]:
    every = (read_study(file, [], data=Path("/nowhere")) for file in EXPERIMENTS.glob("*.yaml"))
    return sorted(study.name for study in every if study.protocol is Protocol.CLEAN)


def _validated(study: Study) -> Study:
    """As a results folder's record is read."""
    return Study.model_validate(
        study.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"data"})
    )


@pytest.mark.parametrize("name", _studies())
def test_every_study_here_has_a_preview_of_about_the_share(name: str) -> None:
    study = read_study(EXPERIMENTS / f"{name}.yaml", [], data=Path("/nowhere"))
    whole = plan(study, made_up_fingerprints(study))
    left = _left(whole, 0.5)
    preview = previewed(study, left)
    again = _validated(preview)
    assert (again.preview, again.refine, again.seeds) == (left, preview.refine, preview.seeds)
    assert 0 < left.part < 0.75
    assert preview.name == f"{study.name}-preview-50"
    assert {task.name for task in preview.tasks} == {task.name for task in study.tasks}
    assert len(preview.seeds) == max(1, len(study.seeds) // 2)
    for task, of_whole in zip(preview.tasks, study.tasks, strict=True):
        assert task.limits.of("train") <= (of_whole.limits.of("train") or 10**9)


def test_whole_seeds_are_stages_of_the_study_itself(long_study: Path) -> None:
    study = read_study(long_study)
    preview = preview_of(study, 0.7, read_tasks(study))
    assert len(preview.seeds) == 2
    ids, own = ({stage.id for stage in transfer_study.make_plan(one)} for one in (preview, study))
    assert ids < own
    assert preview.preview is not None
    assert preview.preview.left == "2 of 3 seeds, whole"


def test_a_preview_has_the_work_that_it_says(long_study: Path) -> None:
    study = read_study(long_study, ["refine.patience=4"])
    preview = preview_of(study, 0.2, read_tasks(study))
    assert preview.preview is not None
    works = [sum(map(work, transfer_study.make_plan(one))) for one in (study, preview)]
    assert works[1] / works[0] == pytest.approx(preview.preview.part)
    assert preview.preview.part <= 0.2
    assert preview.seeds == study.seeds[:1]
    assert preview.refine.patience == round(4 * preview.refine.epochs / 16)
