"""What does not fit together in a study, found in what is written, sound or not.

Works on plain mappings, so that a study file gets all its faults at once and a Study made in
Python is held to the same. What is ill-formed in itself is left to the types.
"""

from __future__ import annotations

from collections.abc import Iterator

from transfer_study.study.checks.adapter_faults import adapter_faults
from transfer_study.study.checks.mixing_faults import mixing_faults
from transfer_study.study.checks.pretraining_faults import pretraining_faults
from transfer_study.study.checks.stopping_faults import stopping_faults
from transfer_study.study.checks.written import (
    Fault,
    Written,
    arms_of,
    finetune_recipes,
    items_of,
    known_arms,
    mapping_of,
    name_of,
    number_of,
)
from transfer_study.study.encoder import TinyConfig
from transfer_study.study.pairs import Pairing
from transfer_study.study.reading import Reading
from transfer_study.study.recipes.recipe import Recipe
from transfer_study.study.recipes.sharing import OPTIONS
from transfer_study.study.spelling import choices
from transfer_study.study.tasks.blue import BLUE

INCOHERENT = "incoherent"  # the type of these faults among pydantic's
# A study's tables go to results/NAME, and the store is results/stages.
_TAKEN_NAMES = ("stages",)
_ONCE = {
    "tasks": "give each task a name of its own",
    "encoder": "give each encoder a name of its own",
    "seeds": "list each seed once",
    "arms": "list each arm once",
    "readings": "list each reading once",
    "controls": "list each control once",
}
_NUMBERS = {2: "two", 3: "three"}


def incoherences(study: Written) -> Iterator[Fault]:
    """Every incoherence as (key, sentence), of a study as one would write it."""
    if study.get("name") in _TAKEN_NAMES:
        yield ("name",), f"found {study['name']!r}, the folder of the store; choose another name"
    yield from _repetitions(study)
    yield from _lonely_arms(study)
    yield from _idle_baselines(study)
    yield from _groups(study)
    yield from _changes_of_no_task(study)
    yield from _variants_alike(study)
    yield from _controls(study)
    yield from _derived_by_hand(study)
    yield from mixing_faults(study)
    yield from stopping_faults(study)
    yield from adapter_faults(study)
    yield from _idle_sharing(study)
    yield from _tiny_encoders(study)
    if study.get("protocol") == "both" and study.get("variants"):
        yield (
            ("protocol",),
            "found 'both', which compares two recipes of its own and takes no `variants`; remove "
            "one of them",
        )
    yield from pretraining_faults(study)


def _repetitions(study: Written) -> Iterator[Fault]:
    for key, remedy in _ONCE.items():
        names = [name_of(item) for item in items_of(study, key)]
        for n, name in enumerate(names):
            if name and name in names[:n]:
                yield (key, n), f"found {name!r} a second time; {remedy}"


def _lonely_arms(study: Written) -> Iterator[Fault]:
    arms = arms_of(study)
    tasks = items_of(study, "tasks")
    known = known_arms(study)
    joint = [str(arm) for arm in known if arm.against == "single"]
    if joint and "single" not in arms:
        yield (
            ("arms",),
            f"found [{', '.join(arms)}]; {joint[0]!r} is compared with 'single': add it",
        )
    read = [str(reading) for reading in items_of(study, "readings")] or [str(Reading.REFINE)]
    for arm in known:
        if not {*map(str, arm.readings)} & {*read}:
            asked = " or ".join(map(repr, map(str, arm.readings)))
            yield (
                ("arms",),
                f"found {str(arm)!r}, which has no part in the reading {read[0]!r}; add {asked} to "
                f"`readings`, or leave {str(arm)!r} out",
            )
    needy = [arm for arm in known if len(tasks) < arm.least_tasks]
    if tasks and needy and not isinstance(study["tasks"], str):
        alone = len(tasks) == 1
        remedy = "set `arms: [single]`" if alone else f"leave {str(needy[0])!r} out of `arms`"
        yield (
            ("tasks",),
            f"found {len(tasks)} task{'' if alone else 's'}, but the arm {str(needy[0])!r} needs "
            f"{_NUMBERS[needy[0].least_tasks]} or more; add a task, or {remedy}",
        )
    paired = [str(arm) for arm in known if arm.of_pairs]
    if paired and study.get("pairs") == Pairing.WITHIN:
        domains = {name_of(task): _domain(task) for task in tasks}
        apart = len(tasks) > 1 and len(set(domains.values())) == len(tasks)
        if apart and None not in domains.values():
            found = ", ".join(f"{name}: {domain}" for name, domain in domains.items())
            yield (
                ("tasks",),
                f"no domain holds two tasks ({found}), so there is no pair; set "
                f"`pairs: all`, or leave {paired[0]!r} out of `arms`",
            )


def _idle_baselines(study: Written) -> Iterator[Fault]:
    """Seeds of baselines that are too few, or that nothing is held against."""
    number = number_of(study.get("baseline_seeds"))
    if number is None:
        return
    seeds = study.get("seeds", 3)
    planned = len(seeds) if isinstance(seeds, list | tuple) else number_of(seeds)
    if planned is not None and number < planned:
        yield (
            ("baseline_seeds",),
            f"found {number:g}, but baselines have the study's {planned:g} `seeds` in any case; "
            f"give more than {planned:g}, or remove it",
        )
    if not any(arm.against in ("single", "own") for arm in known_arms(study)):
        yield (
            ("baseline_seeds",),
            f"found {number:g}, but no arm is held against a task alone; add one such as 'pairs' "
            "to `arms`, or remove it",
        )


def _groups(study: Written) -> Iterator[Fault]:
    """Groups that are missing, idle or cannot be learned together."""
    groups = mapping_of(study.get("groups"))
    asked = "groups" in arms_of(study)
    if asked and not groups:
        yield (
            ("arms",),
            "found 'groups', but the study names none; add such as `groups: {ner: [a, b]}`, "
            "or leave 'groups' out",
        )
    if groups and not asked:
        yield ("groups",), "found groups, but no arm asks for them; add 'groups' to `arms`"
    names = [name for task in items_of(study, "tasks") if (name := name_of(task))]
    for group, members in groups.items():
        listed = [str(member) for member in items_of(groups, group)]
        for n, member in enumerate(listed):
            if names and member not in names:
                yield (
                    ("groups", group, n),
                    f"found {member!r}, which is not a task of this study; "
                    f"{choices(member, names)}",
                )
            elif member in listed[:n]:
                yield ("groups", group, n), f"found {member!r} a second time; list each task once"
        if isinstance(members, list | tuple) and len(listed) < 2:
            yield (
                ("groups", group),
                f"found [{', '.join(listed)}], but a group is two tasks or more; add a task, or "
                "remove the group",
            )


def _domain(task: object) -> str | None:
    """The domain of a task, None where it cannot be said."""
    entry = mapping_of(task)
    if "domain" in entry or "kind" in entry:
        return str(entry.get("domain", "general"))
    return mapping_of(BLUE.get(name_of(task))).get("domain")


def _changes_of_no_task(study: Written) -> Iterator[Fault]:
    names = [name for task in items_of(study, "tasks") if (name := name_of(task))]
    for name in mapping_of(mapping_of(study.get("finetune")).get("tasks")):
        if names and name not in names:
            yield (
                ("finetune", "tasks", name),
                f"found {name!r}, which is not a task of this study; {choices(name, names)}",
            )


def _variants_alike(study: Written) -> Iterator[Fault]:
    known: list[tuple[str, Written]] = []
    for name, changes in mapping_of(study.get("variants")).items():
        twin = next((other for other, known_ in known if known_ == mapping_of(changes)), None)
        if twin is not None:
            yield (
                ("variants", name),
                f"found the changes of the variant {twin!r} a second time; remove one of them",
            )
        known.append((name, mapping_of(changes)))


def _controls(study: Written) -> Iterator[Fault]:
    """Controls of nothing, or of what they are not made for."""
    controls = ", ".join(map(str, items_of(study, "controls")))
    if not controls:
        return
    if "pairs" not in arms_of(study):
        yield (
            ("controls",),
            f"found [{controls}], which are controls of pairs; add 'pairs' to `arms`, or remove "
            "them",
        )
    if study.get("variants"):
        yield (
            ("controls",),
            f"found [{controls}] in a study of `variants`, which compares recipes; remove one of "
            "them",
        )
    if study.get("protocol", "clean") != "clean":
        yield (
            ("controls",),
            f"found [{controls}], but `protocol: {study['protocol']}` learns from dev too and "
            "drops rows, so that halves would overlap and updates could not be counted; set "
            "`protocol: clean`, or remove the controls",
        )
    refine = mapping_of(study.get("refine"))
    for name, needed in (("train_on", "train"), ("long_rows", "keep")):
        if refine.get(name, needed) != needed:
            yield (
                ("refine", name),
                f"found {refine[name]}, with which halves would overlap or updates could not be "
                f"counted; set `{name}: {needed}`, or remove `controls`",
            )


def _derived_by_hand(study: Written) -> Iterator[Fault]:
    """What belongs to the stages of controls alone."""
    for n, task in enumerate(items_of(study, "tasks")):
        if mapping_of(task).get("transform") is not None:
            yield (
                ("tasks", n, "transform"),
                "found a transform, which only controls have; remove it, or ask for such as "
                "`controls: [placebo]`",
            )
    sections = [(("refine",), mapping_of(study.get("refine"))), *finetune_recipes(study)]
    sections.append((("heads",), mapping_of(study.get("heads"))))
    variants = mapping_of(study.get("variants")).items()
    sections += [(("variants", name), mapping_of(changes)) for name, changes in variants]
    for key, recipe in sections:
        if recipe.get("epoch_updates") is not None:
            yield (
                (*key, "epoch_updates"),
                f"found {recipe['epoch_updates']}, but an epoch takes every row once; remove it, "
                "or ask for `controls: [matched]`",
            )


def _idle_sharing(study: Written) -> Iterator[Fault]:
    """Options of a way of sharing where it is not asked for, or where nothing is shared."""
    arms = [str(arm) for arm in items_of(study, "arms")]
    heads = (("heads",), mapping_of(study.get("heads")))
    alone = [*finetune_recipes(study), heads]
    for arm, names in OPTIONS.items():
        for name in names:
            usual = Recipe.model_fields[name].default
            for key, recipe in [(("refine",), mapping_of(study.get("refine"))), *alone]:
                value = recipe.get(name, usual)
                if usual in (value, number_of(value)):
                    continue
                if key != ("refine",):
                    where = f"found {value}, but `{key[0]}` learns one task; move it to `refine`"
                    yield (*key, name), f"{where}, or remove it"
                elif arm not in arms:
                    yield (
                        (*key, name),
                        f"found {value}, which does nothing without the arm {str(arm)!r}; add "
                        "that to `arms`, or remove it",
                    )


def _tiny_encoders(study: Written) -> Iterator[Fault]:
    """What a tiny encoder cannot be built or used with; others are not known before they load."""
    for n, encoder in enumerate(items_of(study, "encoder")):
        entry = mapping_of(encoder)
        source = entry.get("source", name_of(encoder))
        given = entry.get("tiny")
        if source != "tiny" and given is not None:
            yield (
                ("encoder", n, "tiny"),
                f"found source {source!r}, but `tiny` describes an encoder with `source: tiny`; "
                "remove one of them",
            )
        if source == "tiny":
            key = ("encoder", n, "tiny")
            hidden, heads, longest = (
                number_of(mapping_of(given).get(name, TinyConfig.model_fields[name].default))
                for name in ("hidden_size", "heads", "max_length")
            )
            if hidden and heads and hidden % heads:
                yield (
                    (*key, "hidden_size"),
                    f"found {hidden:g}, which {heads:g} heads cannot share; give a multiple of it",
                )
            yield from _too_long(study, longest)


def _too_long(study: Written, longest: float | None) -> Iterator[Fault]:
    refine = (("refine",), mapping_of(study.get("refine")))
    finetune = finetune_recipes(study) if "finetune" in items_of(study, "readings") else ()
    own = [arm.section for arm in known_arms(study)]
    sections = [((name,), mapping_of(study.get(name))) for name in own if name is not None]
    for key, recipe in (refine, *finetune, *sections):
        inherited = Recipe.model_fields["max_length"].default if len(key) == 1 else None
        length = number_of(recipe.get("max_length", inherited))
        if length and longest and length > longest:
            yield (
                (*key, "max_length"),
                f"found {length:g}, but the tiny encoder takes at most {longest:g} word pieces; "
                "lower it, or raise `max_length` of the encoder's `tiny`",
            )
