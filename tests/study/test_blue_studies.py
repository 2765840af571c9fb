"""The paper's studies at full size, planned by hand-made fingerprints and fed with small files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transfer_study.data.fingerprints import load_tasks
from transfer_study.study.file.study_file import read_study
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.plan import Plan, plan
from transfer_study.study.study import Study

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STUDIES = ("blue_biomedical", "blue_clinical", "blue_all")

# Epochs and learning rate of fine-tuning, from the scripts of the paper's authors.
FINETUNE = {
    "clinicalsts": (30, 5e-5),
    "mednli": (10, 1e-5),
    "i2b2-2010-re": (10, 2e-5),
    "chemprot": (20, 2e-5),
    "ddi2013-type": (10, 5e-5),
    "bc5cdr-chemical": (20, 5e-5),
    "bc5cdr-disease": (20, 6e-5),
    "shareclefe": (20, 5e-5),
}


def read(name: str, data: Path = Path("/data")) -> Study:
    return read_study(EXPERIMENTS / f"{name}.yaml", data=data)


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        # A seed: 4 + 6 pairs + 1 mix refined; 4 from the bare encoder, 4 controls, both ends of
        # 6 pairs and 4 from the mix fine-tuned.
        ("blue_biomedical", 5 * ((4 + 6 + 1) + (4 + 4 + 12 + 4))),
        ("blue_clinical", 5 * ((4 + 6 + 1) + (4 + 4 + 12 + 4))),
        # Pairs within a domain: 6 in each.
        ("blue_all", 5 * ((8 + 12 + 1) + (8 + 8 + 24 + 8))),
    ],
)
def test_number_of_stages(
    name: str, stages: int, take_fingerprints: Callable[[Study], Fingerprints]
) -> None:
    study = read(name)
    assert len(plan(study, take_fingerprints(study))) == stages


def test_all_shares_all_but_the_full_mixes_with_the_domain_studies(
    take_fingerprints: Callable[[Study], Fingerprints],
) -> None:
    plans: dict[str, Plan] = {
        name: plan(study, take_fingerprints(study)) for name in STUDIES if (study := read(name))
    }
    ids = {name: {stage.id for stage in plans[name]} for name in STUDIES}
    mixes = 5 * (1 + 4)  # the joint stage of a domain and the fine-tunes that start from it
    for domain in ("blue_biomedical", "blue_clinical"):
        assert len(ids[domain] - ids["blue_all"]) == mixes
    assert not ids["blue_biomedical"] & ids["blue_clinical"]


@pytest.mark.parametrize("name", STUDIES)
def test_recipes_are_those_of_the_paper(name: str) -> None:
    study = read(name)
    assert len(study.tasks) == (8 if name == "blue_all" else 4)
    for recipe in (study.refine, *(study.finetune_recipe(task.name) for task in study.tasks)):
        assert (recipe.batch_size, recipe.max_length, recipe.warmup) == (32, 128, 0.1)
        assert (recipe.weight_decay, recipe.max_gradient_norm, recipe.schedule) == (
            0.01,
            1,
            "linear",
        )
    assert study.refine.learning_rate == 5e-5
    tuned = {task.name: study.finetune_recipe(task.name) for task in study.tasks}
    assert {n: (r.epochs, r.learning_rate) for n, r in tuned.items()} == {
        task.name: FINETUNE[task.name] for task in study.tasks
    }


def table(*rows: str) -> str:
    return "".join(row.replace("|", "\t") + "\n" for row in rows)


RELATION = "index|sentence|label"
NER = ["Aspirin|{}|0|B{}", "helps|-|8|O", "", "Fine|{}|20|O", ""]
FILES = {
    "clinicalsts": table(
        "index|genre|filename|year|old_index|source1|source2|sentence1|sentence2|score",
        "0|g|f|2018|1|a|b|Take one.|Take two.|3.5",
        "1|g|f|2018|2|a|b|Take none.|Take two.|1.5",
    ),
    "mednli": table(
        "label|index|sentence1|sentence2",
        "neutral|a-1|He is well.|He runs.",
        "entailment|a-2|He ran.|He runs.",
    ),
    "i2b2-2010-re": table(
        RELATION,
        *(
            f"record-{d}.record-{d}.con.l1|@treatment$ for @problem$|{('TrAP', 'PIP')[d % 2]}"
            for d in range(10)
        ),
    ),
    "chemprot": table(
        RELATION,
        "123.T1.T2|@CHEMICAL$ blocks @GENE$|CPR:4",
        "123.T1.T3|@CHEMICAL$ and @GENE$|false",
    ),
    "ddi2013-type": table(
        RELATION,
        "DDI-DrugBank.d1.s0.p0|@DRUG$ and @DRUG$|DDI-false",
        "DDI-DrugBank.d1.s1.p0|Avoid @DRUG$ with @DRUG$|DDI-advise",
    ),
    "bc5cdr-chemical": table(*(row.format("12", "-Chemical") for row in NER)),
    "bc5cdr-disease": table(*(row.format("12", "-Disease") for row in NER)),
    "shareclefe": table(*(row.format("00098-DISCHARGE", "") for row in NER)),
}
# Two examples a task; i2b2 carves its dev set from train.
SIZES = {"i2b2-2010-re": (9, 1, 10)}


@pytest.mark.parametrize("name", STUDIES)
def test_data_in_the_format_of_the_benchmark_are_read(name: str, tmp_path: Path) -> None:
    for folder, text in FILES.items():
        (tmp_path / folder).mkdir()
        for split in ("train", "dev", "test"):
            (tmp_path / folder / f"{split}.tsv").write_text(text, encoding="utf-8")
    study = read(name, tmp_path)
    data = load_tasks(study)
    assert set(data) == {task.name for task in study.tasks} <= set(FILES)
    for task, found in data.items():
        assert (len(found.train), len(found.dev), len(found.test)) == SIZES.get(task, (2, 2, 2))
