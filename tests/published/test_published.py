"""What the paper published, as the package holds it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from transfer_study.published import (
    ClaimedEffect,
    PublishedScore,
    SystemKind,
    claims,
    corpora,
    known_encoders,
    published_encoder,
    published_scores,
)
from transfer_study.study.encoder import Encoder
from transfer_study.study.file.study_file import read_study
from transfer_study.study.tasks.blue import BLUE

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def score(encoder: str, system: SystemKind, task: str, table: int) -> PublishedScore:
    (found,) = [
        s
        for s in published_scores()
        if (s.encoder, s.system, s.task) == (encoder, system, task) and table in s.tables
    ]
    return found


def test_tasks_are_the_built_in_ones_with_their_domains_and_metrics() -> None:
    assert len(corpora()) == 8
    for corpus in corpora():
        built_in = BLUE[corpus.task]
        assert corpus.domain == built_in["domain"]
        if corpus.task != "ddi2013-type":  # the paper has micro and macro F1, BLUE has macro
            assert corpus.metric == built_in["metric"]


def test_every_cell_of_every_table_is_there() -> None:
    cells = Counter(table for score in published_scores() for table in score.tables)
    assert cells == {2: 12, 3: 12, 4: 16, 5: 12, 6: 40}
    assert score("BlueBERT-clinical", SystemKind.SINGLE, "clinicalsts", 2).value == 0.848
    assert score("BioBERT", SystemKind.FINE_TUNE, "chemprot", 6).value == 0.735


def test_the_same_model_in_two_tables_is_one_score_and_another_mix_is_another() -> None:
    chemprot = [
        score("BlueBERT-biomedical", SystemKind.FINE_TUNE, "chemprot", table) for table in (3, 5, 6)
    ]
    assert chemprot[0] is chemprot[1]
    assert [len(s.mix) for s in chemprot] == [4, 4, 8]
    assert (chemprot[0].value, chemprot[2].value) == (0.729, 0.724)


def test_faults_of_the_tables_are_noted_at_their_cells() -> None:
    alone = score("BlueBERT-biomedical", SystemKind.SINGLE, "ddi2013-type", 3)
    joint = score("BlueBERT-biomedical", SystemKind.REFINEMENT, "ddi2013-type", 3)
    assert (alone.metric, joint.metric) == ("macro_f1", "micro_f1")
    assert alone.notes[0].startswith("macro F1") and joint.notes[0].startswith("micro F1")
    for corpus in corpora():
        if corpus.domain == "biomedical":
            copied = score("BlueBERT-clinical", SystemKind.FINE_TUNE, corpus.task, 5)
            origin = score("BlueBERT-biomedical", SystemKind.REFINEMENT, corpus.task, 3)
            assert copied.value == origin.value
            assert "copying slip" in copied.notes[-1]
    assert not score("BlueBERT-clinical", SystemKind.FINE_TUNE, "mednli", 2).notes
    # Tables join notes by this and part them again.
    assert not any("; " in note for s in published_scores() for note in s.notes)


def test_claims_name_their_edges_and_a_star_is_every_other_task_of_the_domain() -> None:
    assert Counter(claim.effect for claim in claims()) == {
        ClaimedEffect.IMPROVES: 5,
        ClaimedEffect.CAN_IMPROVE: 2,
        ClaimedEffect.NOT_IMPROVES: 1,
        ClaimedEffect.MIXED: 1,
        ClaimedEffect.BARELY: 2,
    }
    into = next(c for c in claims() if (c.source, c.target) == ("*", "chemprot"))
    others = ("bc5cdr-disease", "bc5cdr-chemical", "ddi2013-type")
    assert into.edges == tuple((source, "chemprot") for source in others)
    outof = next(c for c in claims() if (c.source, c.target) == ("i2b2-2010-re", "*"))
    assert {target for _, target in outof.edges} == {"clinicalsts", "mednli", "shareclefe"}


@pytest.mark.parametrize(
    ("encoder", "paper"),
    [
        ("bluebert-pubmed-mimic", "BlueBERT-clinical"),
        ({"name": "BlueBERT-PubMed", "source": "/a/folder"}, "BlueBERT-biomedical"),
        ({"name": "mine", "source": "dmis-lab/biobert-v1.1"}, "BioBERT"),
        ("medicalai/ClinicalBERT", None),  # another model of that name
        ("tiny", None),
    ],
)
def test_encoders_are_known_by_name_or_hub_id(encoder: object, paper: str | None) -> None:
    assert published_encoder(Encoder.model_validate(encoder)) == paper


def test_the_shipped_study_of_encoders_has_all_of_the_papers() -> None:
    study = read_study(EXPERIMENTS / "blue_encoders.yaml")
    assert {published_encoder(e) for e in study.encoders} == {*known_encoders().values()}
    assert {task.name for task in study.tasks} == {corpus.task for corpus in corpora()}
