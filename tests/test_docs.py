"""README and docs: links lead somewhere, commands and options exist, fragments are valid.

That the site builds without a warning is asked by `make docs`.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from transfer_study.cli.verbs import VERBS, command_of
from transfer_study.data.files.readers import read_counted
from transfer_study.study.file.study_file import read_study
from transfer_study.study.tasks.task import Task

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {verb: command_of(verb) for verb in VERBS}
OPTIONS = {
    name: {option for p in command.params for option in (*p.opts, *p.secondary_opts)} | {"--help"}
    for name, command in COMMANDS.items()
}
OTHERS = ("pip ", "make ", "ray ", "kubectl ", "tensorboard ", "mlflow ", "wandb ")
OF_SBATCH = ("--qos", "--no-kill")
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_of(text: str) -> str:
    """All code of a page, a line each: fenced blocks without comments, and what is in backticks."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.DOTALL | re.MULTILINE)
    inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    lines = (re.sub(r"\s#.*", "", line) for block in blocks for line in block.splitlines())
    return "\n".join(chain(lines, (" ".join(code.split()) for code in inline)))


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_every_relative_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(page)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), link
        if anchor:
            assert anchor in anchors(text_of(target)), link


@pages
def test_every_command_and_its_options_exist(page: Path) -> None:
    code = code_of(text_of(page))
    for verb, words in re.findall(
        r"(?:^|\s)transfer-study ([a-z][a-z-]*)(.*)$", code, re.MULTILINE
    ):
        assert verb in COMMANDS, verb
        assert set(re.findall(r"(?<!\S)--[a-z-]+", words)) <= OPTIONS[verb], (verb, words)
    known = set().union(*OPTIONS.values()) | {"--version", "--constraint", *OF_SBATCH}
    alone = "\n".join(line for line in code.splitlines() if not line.startswith(OTHERS))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", alone)) <= known
    for target in re.findall(r"(?:^|\s)make ([a-z-]+)", code, re.MULTILINE):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text(encoding="utf-8"), target


def test_every_command_is_on_the_page_of_commands() -> None:
    found = re.findall(
        r"^transfer-study ([a-z-]+)", text_of(ROOT / "docs/commands.md"), re.MULTILINE
    )
    assert {*found} == {*COMMANDS}


def test_every_page_is_in_the_navigation_and_linked_from_the_readme() -> None:
    site = text_of(ROOT / "mkdocs.yml")
    for page in PAGES[2:]:
        assert f": {page.name}\n" in site
        assert f"](docs/{page.name})" in text_of(ROOT / "README.md")


def test_the_readme_stays_within_two_screens() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 100


def test_every_study_is_on_the_page_of_studies() -> None:
    text = text_of(ROOT / "docs/studies.md")
    for study in (ROOT / "experiments").glob("*.yaml"):
        assert f"{study.name}`" in text, study


def test_files_for_clusters_are_valid_and_give_commands_that_exist() -> None:
    folder = ROOT / "experiments" / "cluster"
    for file in folder.glob("*.yaml"):
        (words,) = re.findall(r"transfer-study run ([^#]*?)\n(?=  \w|\w)", text_of(file)) or [""]
        assert set(re.findall(r"--[a-z-]+", words)) <= OPTIONS["run"], words
        assert f"experiments/cluster/{file.name}" in text_of(ROOT / "docs/clusters.md")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler/ray-schema.json").read_text())
    jsonschema.validate(yaml.safe_load(text_of(folder / "machines.yaml")), schema)
    (job,) = yaml.safe_load_all(text_of(folder / "kuberay.yaml"))
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert f"ray=={job['spec']['rayClusterSpec']['rayVersion']}\n" in text_of(
        ROOT / "constraints.txt"
    )


@pages
def test_every_fragment_of_a_study_is_valid(page: Path, tmp_path: Path) -> None:
    """A list is of tasks; what has no `name` is added to a small study."""
    small = """
        name: small
        encoder: tiny
        tasks:
          - &task
            name: adverse-events
            kind: classification
            labels: ["yes", "no"]
            source: {format: tsv, folder: x}
          - {<<: *task, name: notes}
          - {<<: *task, name: drugs}
    """
    for fragment in re.findall(r"^```yaml\n(.*?)^```", text_of(page), re.DOTALL | re.MULTILINE):
        written = yaml.safe_load(fragment)
        study = yaml.safe_load(small)
        if isinstance(written, list):
            names = {task["name"] for task in written}
            study["tasks"] = [t for t in study["tasks"] if t["name"] not in names] + written
        else:
            study = written if "name" in written else study | written
        file = tmp_path / "study.yaml"
        file.write_text(yaml.safe_dump(study), encoding="utf-8")
        assert read_study(file).tasks


def test_the_script_for_brat_keeps_every_mention(tmp_path: Path) -> None:
    block = re.search(r"```python\n(.*?)```", text_of(ROOT / "docs/data.md"), re.DOTALL)
    assert block is not None
    (tmp_path / "script.py").write_text(block[1], encoding="utf-8")
    (tmp_path / "brat").mkdir()
    (tmp_path / "brat" / "d1.txt").write_text("Aspirin β in trials\nIt eased\npain, left arm.\n")
    (tmp_path / "brat" / "d1.ann").write_text(
        "T1\tDrug 0 7\tAspirin\nT2\tSign 29 33\tpain\nT3\tSign 29 33;40 43\tpain arm\n"
        "R1\ttreats Arg1:T1 Arg2:T2\n#1\tAnnotatorNotes T1\tsure\n"
    )
    out = tmp_path / "train.pubtator"
    words = [sys.executable, "script.py", "brat", str(out)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == "1 mentions in several pieces left out\n"
    source = {"format": "pubtator", "files": {"train": str(out)}}
    task = Task.model_validate(
        {"name": "t", "kind": "tagging", "labels": ["Drug", "Sign"], "source": source}
    )
    (title, abstract), unread = read_counted(task, "train")
    assert (title.text, title.label) == (
        ("Aspirin", "β", "in", "trials"),
        ("B-Drug", "O", "O", "O"),
    )
    assert abstract.text[:3] == ("It", "eased", "pain")
    assert abstract.label[:4] == ("O", "O", "B-Sign", "O")
    assert title.document == abstract.document == "d1"
    assert not any(unread.values())


def test_no_machine_path_is_in_the_pages() -> None:
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(home|root|work|Users|tmp)/", text_of(page)), page
