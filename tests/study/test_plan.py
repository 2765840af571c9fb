"""What a plan must be, whatever the study: the identity, sharing and order of its stages."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from transfer_study.study.encoder import Encoder
from transfer_study.study.fingerprint import DataFingerprint, Fingerprints, SplitFingerprint
from transfer_study.study.plan import Plan, plan
from transfer_study.study.recipes.recipe import Precision, Recipe
from transfer_study.study.stage import Stage, StageKind, StageTask
from transfer_study.study.study import Study
from transfer_study.study.tasks.task import Task

BOTH = ["refine", "finetune"]

MakeStudy = Callable[..., Study]
Take = Callable[..., Fingerprints]
MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(make_study: MakeStudy, take_fingerprints: Take) -> MakePlan:
    """Plans a study of tasks by name, with changes of the study."""

    def make(*tasks: Any, **changes: Any) -> Plan:
        study = make_study(*tasks, **changes)
        return plan(study, take_fingerprints(study))

    return make


def ids(plan_: Plan) -> set[str]:
    return {stage.id for stage in plan_}


def find(plan_: Plan, kind: str, *tasks: str, start: tuple[str, ...] | None = None) -> Stage:
    """The only stage of a kind on these tasks, starting from a stage on the tasks `start`."""
    (found,) = [
        stage
        for stage in plan_
        if stage.kind == kind
        and stage.task_names == tuple(sorted(tasks))
        and [parent.task_names for parent in stage.parents] == ([start] if start else [])
    ]
    return found


# --- the shape of a plan


@pytest.mark.parametrize("readings", [["refine"], ["finetune"], BOTH])
@pytest.mark.parametrize("arms", [["single"], ["single", "full"], ["single", "full", "pairs"]])
def test_parents_come_first_and_ids_are_unique(
    make_plan: MakePlan, readings: list[str], arms: list[str]
) -> None:
    made = make_plan("a", "b", "c", readings=readings, arms=arms, encoder=["tiny", "other"])
    seen: set[str] = set()
    for stage in made:
        assert stage.id not in seen
        assert {parent.id for parent in stage.parents} <= seen
        seen.add(stage.id)
    assert {system.stage.id for system in made.systems} <= seen


def test_counts(make_plan: MakePlan) -> None:
    # A seed of 4 tasks: 4 alone, 6 pairs, 1 full mix.
    assert len(make_plan(*"abcd", seeds=3)) == 3 * (4 + 6 + 1) == 33
    # Fine-tuned: 4 from the bare encoder, 4 controls, both ends of 6 pairs, 4 from the full mix;
    # the refined stages are their parents, asked for or not.
    assert len(make_plan(*"abcd", seeds=3, readings=["finetune"])) == 33 + 3 * (4 + 4 + 12 + 4)
    assert ids(make_plan(*"abcd", readings=BOTH)) == ids(make_plan(*"abcd", readings=["finetune"]))
    assert len(make_plan(*"abcd", seeds=3, arms=["single"])) == 12
    assert len(make_plan(*"abcd", seeds=3, arms=["single", "full"])) == 15
    assert len(make_plan(*"abcd", encoder=["tiny", "other"], seeds=3)) == 66


def test_what_sharing_saves_is_counted(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", seeds=1, readings=BOTH, arms=["single", "pairs"])
    # Refine: a, b and {a, b} for either end. Fine-tune: two from the bare encoder; two controls
    # and both ends of the pair with a parent each.
    assert made.unshared == (2 + 2) + (2 + 2 * 2 + 2 * 2)
    assert len(made) == 3 + 2 + 2 + 2


def test_all_pairs_are_formed_unless_within_a_domain_is_asked_for(
    make_plan: MakePlan, make_task: Callable[..., dict[str, Any]]
) -> None:
    tasks = [
        make_task(name, domain=domain)
        for name, domain in [("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "z")]
    ]
    within = make_plan(*tasks, seeds=1, arms=["single", "pairs"], pairs="within_domain")
    pairs = {stage.task_names for stage in within if len(stage.tasks) == 2}
    assert pairs == {("a", "c"), ("b", "d")}
    everything = make_plan(*tasks, seeds=1, arms=["single", "pairs"])
    assert len([stage for stage in everything if len(stage.tasks) == 2]) == 10
    assert everything.study.pairs == "all"


# --- what is compared with what


def test_refine_reading_compares_with_the_joint_recipe_on_the_target_alone(
    make_plan: MakePlan,
) -> None:
    made = make_plan("a", "b", "c", seeds=1)
    assert all(not stage.parents and stage.kind == "refine" for stage in made)
    found = {(s.source, s.target): (s.stage, b.stage) for s, b, _ in made.comparisons()}
    assert len(found) == 6 + 3
    for (source, target), (stage, baseline) in found.items():
        assert stage == find(made, "refine", *source.split("+"), target)
        assert baseline == find(made, "refine", target)


def test_finetune_reading_compares_with_fine_tuning_from_the_bare_encoder(
    make_plan: MakePlan,
) -> None:
    made = make_plan("a", "b", "c", seeds=1, readings=["finetune"])
    found = {(s.source, s.target): (s.stage, b.stage) for s, b, _ in made.comparisons()}
    assert len(found) == 6 + 3
    for (source, target), (stage, baseline) in found.items():
        mixture = tuple(sorted([*source.split("+"), target]))
        assert stage == find(made, "finetune", target, start=mixture)
        assert baseline == find(made, "finetune", target)
    controls = {s.target: s.stage for s in made.systems if s.arm == "control"}
    assert controls == {t: find(made, "finetune", t, start=(t,)) for t in "abc"}


def test_comparisons_keep_seed_encoder_and_reading(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", seeds=2, readings=BOTH, encoder=["tiny", "other"])
    for system, baseline, _ in made.comparisons():
        assert baseline.arm == "single"
        assert (system.encoder, system.reading, system.seed, system.target) == (
            baseline.encoder,
            baseline.reading,
            baseline.seed,
            baseline.target,
        )


def test_the_joint_stage_serves_both_edges_both_fine_tunes_and_both_readings(
    make_plan: MakePlan,
) -> None:
    made = make_plan("a", "b", "c", seeds=1, readings=BOTH, arms=["single", "pairs"])
    joint = find(made, "refine", "a", "b")
    edges = [s for s in made.systems if s.stage.id == joint.id]
    assert {(s.source, s.target, s.reading) for s in edges} == {
        ("a", "b", "refine"),
        ("b", "a", "refine"),
    }
    children = [s for s in made if joint.id in {parent.id for parent in s.parents}]
    assert {s.task_names for s in children} == {("a",), ("b",)}
    # The joint recipe on one task is the baseline of one reading and a parent in the other.
    alone = find(made, "refine", "a")
    assert [s.target for s in made.systems if s.stage.id == alone.id] == ["a"]
    assert alone in [parent for stage in made for parent in stage.parents]


# --- what an id depends on


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_the_order_of_tasks_means_nothing(make_plan: MakePlan, order: tuple[str, ...]) -> None:
    assert ids(make_plan(*order, readings=BOTH)) == ids(make_plan(*"abc", readings=BOTH))


def test_the_order_of_arms_readings_and_seeds_means_nothing(make_plan: MakePlan) -> None:
    written = make_plan("a", "b", arms=["single", "full", "pairs"], readings=BOTH, seeds=[0, 1])
    turned = make_plan(
        "a", "b", arms=["pairs", "full", "single"], readings=BOTH[::-1], seeds=[1, 0]
    )
    assert ids(written) == ids(turned)


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": [7]},
        {"refine": {"epochs": 11}},
        {"refine": {"learning_rate": 1e-3}},
        {"refine": {"precision": "bfloat16"}},
        {"refine": {"cpu_threads": 2}},
        {"refine": {"max_length": 64}},
    ],
)
def test_what_changes_every_id(make_plan: MakePlan, changes: dict[str, Any]) -> None:
    before = make_plan("a", "b", seeds=[0])
    after = make_plan("a", "b", **{"seeds": [0], **changes})
    assert len(after) == len(before)
    assert not ids(after) & ids(before)


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "multilabel"},
        {"labels": ["yes", "no", "maybe"]},
        {"metric": "macro_f1"},
        {"negative": "no"},
        {"name": "c"},
    ],
)
def test_what_changes_the_ids_of_a_task(
    make_plan: MakePlan, make_task: Callable[..., dict[str, Any]], changes: dict[str, Any]
) -> None:
    before = make_plan("a", "b", seeds=1)
    after = make_plan(make_task(**{"name": "a", **changes}), "b", seeds=1)
    assert {s.task_names for s in after if s.id in ids(before)} == {("b",)}


def test_changed_data_change_the_stages_that_read_them(
    make_study: MakeStudy, take_fingerprints: Take
) -> None:
    study = make_study("a", "b", "c", readings=BOTH)
    before = plan(study, take_fingerprints(study))
    after = plan(study, take_fingerprints(study, a="other content"))
    for old, new in zip(before, after, strict=True):
        reads = "a" in old.task_names or any("a" in p.task_names for p in old.parents)
        assert (old.id != new.id) == reads


def test_a_changed_encoder_changes_every_id_and_its_name_does_not(
    make_study: MakeStudy, take_fingerprints: Take
) -> None:
    study = make_study("a", "b")
    before = plan(study, take_fingerprints(study, tiny="weights"))
    assert not ids(before) & ids(plan(study, take_fingerprints(study, tiny="other weights")))
    renamed = make_study("a", "b", encoder={"name": "small", "source": "tiny"})
    assert ids(before) == ids(plan(renamed, take_fingerprints(renamed, small="weights")))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "other"},
        {"data": "/elsewhere"},
        {"margin": 0.2},
        {"margin": {"relative": 0.1}},
        {"limits": {"max_train": 5}},
        {"pairs": "within_domain"},
        {"finetune": {"epochs": 77}},  # of a reading that is not asked for
    ],
)
def test_what_changes_no_id(make_plan: MakePlan, changes: dict[str, Any]) -> None:
    assert ids(make_plan("a", "b", **changes)) == ids(make_plan("a", "b"))


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "elsewhere"},
        {"source": {"format": "csv", "folder": "moved"}},
        {"limits": {"max_test": 3}},
        {"carve_dev": 0.2},
    ],
)
def test_what_of_a_task_changes_no_id_while_its_data_are_the_same(
    make_plan: MakePlan, make_task: Callable[..., dict[str, Any]], changes: dict[str, Any]
) -> None:
    before = make_plan("a", "b")
    after = make_plan(make_task("a", **changes), "b")
    assert ids(after) == ids(before)


def test_another_task_adds_only_stages_of_its_own(make_plan: MakePlan) -> None:
    changes: dict[str, Any] = {"readings": BOTH, "arms": ["single", "pairs"], "seeds": 1}
    before, after = make_plan(*"abc", **changes), make_plan(*"abcd", **changes)
    assert ids(before) < ids(after)
    for stage in after:
        if stage.id not in ids(before):
            assert "d" in {n for s in (stage, *stage.parents) for n in s.task_names}


def test_the_full_mix_is_another_with_another_task(make_plan: MakePlan) -> None:
    before, after = make_plan(*"abc", seeds=1), make_plan(*"abcd", seeds=1)
    lost = [stage.task_names for stage in before if stage.id not in ids(after)]
    assert lost == [("a", "b", "c")]


def test_another_seed_adds_only_stages_of_its_own(make_plan: MakePlan) -> None:
    before, after = make_plan("a", "b", seeds=2), make_plan("a", "b", seeds=3)
    assert ids(before) < ids(after)
    assert {s.seed for s in after if s.id not in ids(before)} == {2}


def test_changes_for_a_task_concern_its_fine_tuning_only(make_plan: MakePlan) -> None:
    before = make_plan("a", "b", readings=BOTH, finetune={"epochs": 3})
    after = make_plan(
        "a", "b", readings=BOTH, finetune={"epochs": 3, "tasks": {"a": {"epochs": 4}}}
    )
    for old, new in zip(before, after, strict=True):
        changed = old.kind == "finetune" and old.task_names == ("a",)
        assert (old.id != new.id) == changed
        assert new.recipe.epochs == (4 if changed else old.recipe.epochs)
    spelled_out = make_plan(
        "a", "b", readings=BOTH, finetune={"epochs": 3, "tasks": {"a": {"epochs": 3}}}
    )
    assert ids(spelled_out) == ids(before)


def test_a_change_keeps_the_rest_of_the_recipe_of_fine_tuning(make_study: MakeStudy) -> None:
    finetune = {"batch_size": 8, "tasks": {"a": {"epochs": 4}}}
    study = make_study("a", "b", finetune=finetune)
    assert study.finetune_recipe("a") == Recipe(batch_size=8, learning_rate=2e-5, epochs=4)
    assert study.finetune_recipe("b") == Recipe(batch_size=8, learning_rate=2e-5)


def test_auto_precision_is_resolved_and_hashed(
    make_study: MakeStudy, take_fingerprints: Take
) -> None:
    study = make_study("a", "b", readings=BOTH)
    single = plan(study, take_fingerprints(study, Precision.FLOAT32))
    half = plan(study, take_fingerprints(study, Precision.BFLOAT16))
    assert {stage.recipe.precision for stage in single} == {Precision.FLOAT32}
    assert {stage.recipe.precision for stage in half} == {Precision.BFLOAT16}
    assert not ids(single) & ids(half)
    named = make_study(
        "a", "b", readings=BOTH, refine={"precision": "float32"}, finetune={"precision": "float32"}
    )
    assert ids(plan(named, take_fingerprints(named, Precision.BFLOAT16))) == ids(single)


def made_stage() -> Stage:
    """A small stage in which every part of the pre-image is written out."""
    splits = {
        split: SplitFingerprint(n=3, sha256=split, gold="gold")
        for split in ("train", "dev", "test")
    }
    task = Task.model_validate(
        {
            "name": "a",
            "kind": "classification",
            "labels": ["yes", "no"],
            "negative": "no",
            "source": {"format": "tsv", "folder": "a"},
        }
    )
    recipe = Recipe(
        epochs=3,
        batch_size=8,
        learning_rate=1e-4,
        optimizer="adamw",
        schedule="linear",
        warmup=0.1,
        weight_decay=0.01,
        max_gradient_norm=1.0,
        head_dropout=0.1,
        max_length=64,
        precision=Precision.FLOAT32,
        cpu_threads=1,
        selection="best",
    )

    def made(kind: StageKind, *parents: Stage) -> Stage:
        return Stage(
            kind=kind,
            tasks=(StageTask(task=task, data=DataFingerprint(key="key", **splits)),),
            encoder=Encoder.model_validate("tiny"),
            encoder_hash="weights",
            recipe=recipe,
            seed=4,
            parents=parents,
        )

    return made(StageKind.FINETUNE, made(StageKind.REFINE))


def test_identities_do_not_change_by_accident() -> None:
    """Where this fails, every store in the world would be run again: was that meant?"""
    stage = made_stage()
    assert stage.name == "finetune-s4-0559319fa2739262"


# --- what is still to be run


def test_missing_is_what_is_not_done(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", seeds=1)
    gone = made.stages[1]
    assert made.missing(lambda s: s is not gone, lambda s: True).stages == (gone,)
    assert not made.missing(lambda s: True, lambda s: False).stages
    assert made.missing(lambda s: False, lambda s: False).stages == made.stages


def test_a_done_parent_without_its_model_runs_again_if_a_child_needs_it(
    make_plan: MakePlan,
) -> None:
    made = make_plan("a", "b", seeds=1, readings=["finetune"], arms=["single"])
    child = find(made, "finetune", "a", start=("a",))
    parent = child.parents[0]
    left = made.missing(lambda s: s.id != child.id, lambda s: False)
    assert left.stages == (parent, child)
    kept = made.missing(lambda s: s.id != child.id, lambda s: True)
    assert kept.stages == (child,)
    # A parent that was never run is run once, with its other children still waiting or not.
    assert made.missing(lambda s: s.id != parent.id, lambda s: True).stages == (parent,)


# --- names


@pytest.mark.parametrize("readings", [["refine"], BOTH])
def test_what_people_read_of_stages_is_short(make_plan: MakePlan, readings: list[str]) -> None:
    tasks = [f"a-rather-long-name-of-a-corpus-{n}" for n in range(30)]
    made = make_plan(*tasks, seeds=1, readings=readings, arms=["single", "full", "pairs"])
    assert all(len(stage.family) < 200 for stage in made)
    assert len({stage.name for stage in made}) == len(made)
    assert any(stage.family == "refine-30-tasks-s0" for stage in made)


def test_a_name_tells_kind_tasks_start_and_seed(make_plan: MakePlan) -> None:
    made = make_plan("a", "b", seeds=[3], readings=BOTH)
    joint, tuned = find(made, "refine", "a", "b"), find(made, "finetune", "a", start=("a", "b"))
    assert (joint.family, joint.name) == ("refine-a+b-s3", f"refine-s3-{joint.id}")
    assert tuned.family == "finetune-a-from-refine-a+b-s3"
    assert tuned.name == f"finetune-s3-{tuned.id}"


# --- baselines with further seeds


def test_further_seeds_are_those_of_what_others_are_held_against(make_plan: MakePlan) -> None:
    arms = ["single", "pairs", "full", "leave-one-out", "heads-only"]
    asked = {"seeds": [4, 6], "arms": arms, "readings": BOTH}
    plain, more = (
        make_plan("a", "b", "c", **asked),
        make_plan("a", "b", "c", **asked, baseline_seeds=5),
    )
    assert ids(plain) < ids(more)
    beyond = [s for s in more.systems if s.seed not in (4, 6)]
    assert {s.seed for s in beyond} == {7, 8, 9}
    assert {s.arm for s in beyond} == {"single", "heads-only"}
    assert all(s.baseline is None and not s.sources for s in beyond)
    # Alone by either reading, and a head on what each was refined to or on the encoder.
    assert len(ids(more) - ids(plain)) == 3 * 3 * (2 + 2)
    assert [s for s in more.systems if s.seed in (4, 6)] == list(plain.systems)


def test_a_task_that_nothing_is_held_against_has_no_further_seeds(
    make_plan: MakePlan, make_task: Callable[..., dict[str, Any]]
) -> None:
    tasks = [make_task(name, domain=domain) for name, domain in zip("abc", "xxy", strict=True)]
    made = make_plan(
        *tasks, seeds=1, arms=["single", "pairs"], pairs="within_domain", baseline_seeds=3
    )
    assert {s.target for s in made.systems if s.seed > 0} == {"a", "b"}


def test_as_many_seeds_as_the_study_has_change_nothing(make_plan: MakePlan) -> None:
    assert ids(make_plan("a", "b", seeds=3, baseline_seeds=3)) == ids(make_plan("a", "b", seeds=3))


def test_every_variant_and_size_has_the_further_seeds_of_its_own(make_plan: MakePlan) -> None:
    variants = {"plain": {}, "slow": {"learning_rate": 1e-6}}
    made = make_plan("a", "b", seeds=2, variants=variants, baseline_seeds=4)
    runs = {(s.variant, s.target): 0 for s in made.systems}
    for system in made.systems:
        runs[system.variant, system.target] += system.seed in (2, 3)
    assert runs == dict.fromkeys(runs, 2)
