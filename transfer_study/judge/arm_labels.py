"""Which arm the model of a row is of: what is said of it, or what its sources say."""

from __future__ import annotations

from collections.abc import Set
from zlib import crc32

from transfer_study.study.arms import FULL, GROUPS, PAIRS, SINGLE, Arm, arm_of, group_label
from transfer_study.study.characters import fault_of_name
from transfer_study.study.joined import joined
from transfer_study.study.reading import Reading
from transfer_study.study.spelling import choices

_LONGEST = 60  # of the name that a group is given; it becomes part of the names of files


def said_label(said: str) -> str:
    """The label of an arm by its word or label, `group` where a group has no name.

    Raises ValueError for what is none, and for an arm that is not held against the target alone.
    """
    word, colon, name = said.partition(":")
    arm = Arm.known.get(word) or arm_of(word)
    judged = [SINGLE, *(arm for arm in Arm.known.values() if arm.against == "single")]
    listed = [arm.label if arm.sets is None else f"{arm.label}:NAME" for arm in judged]
    if arm is None or (colon and (arm.sets is None or not name)):
        raise ValueError(f"found the arm {said!r}; {choices(said, listed)}")
    if arm not in judged:
        raise ValueError(
            f"found the arm {said!r}, whose models are not held against the target alone, as all "
            f"are here; leave its rows out. Allowed: {', '.join(listed)}"
        )
    if fault := fault_of_name(name):
        raise ValueError(f"the name of the group has {fault}")
    return f"{arm.label}{colon}{name}"


def asked_of(label: str, sources: tuple[str, ...]) -> str:
    """What is asked of all models as far as it is of one with these sources, else nothing.

    An arm of pairs is none of several sources, nor any of a baseline.
    """
    arm = arm_of(label)
    of_pairs = arm is not None and arm.drawn == "edges"
    return "" if not sources or (of_pairs and len(sources) > 1) else label


def label_of(said: str, sources: tuple[str, ...], target: str, tasks: Set[str]) -> str:
    """The label of a model with these sources, `tasks` being all that its encoder has learned.

    `said` is a label, empty where nothing is said: one source makes a pair, all other tasks the
    full mix, and several of them a group. Raises ValueError where the two do not fit.
    """
    named = joined(sources)
    if target in sources:
        raise ValueError(
            f"found the target {target} among its sources; a source is another task, and a "
            "baseline has none"
        )
    if not sources:
        if said and said != SINGLE.label:
            raise ValueError(
                f"found the arm {said!r} without a source; name the source, or leave the arm of a "
                "baseline empty"
            )
        return SINGLE.label
    if said == SINGLE.label:
        raise ValueError(
            f"found the arm 'single' with the source {named}; leave the source of a baseline "
            "empty, or give the model's arm"
        )
    arm = arm_of(said)
    if arm is None:
        if len(sources) == 1:
            return PAIRS.label
        return FULL.label if {*sources, target} == tasks else _group({*sources, target})
    if arm.drawn == "edges" and len(sources) > 1:
        raise ValueError(
            f"found the arm {said!r} with the sources {named}, and it has one; write such rows as "
            f"{FULL.label} or {GROUPS.label}:NAME"
        )
    return _group({*sources, target}) if said == GROUPS.label else said


def reading_of(said: str, label: str) -> str:
    """A reading of this arm, its first where nothing is said; raises ValueError for no such one.

    That of a baseline of which nothing is said stays empty, for it is that of all readings.
    """
    arm = arm_of(label)
    assert arm is not None
    if not said:
        return "" if arm == SINGLE else str(arm.readings[0])
    if said not in [*Reading]:
        raise ValueError(f"found the reading {said!r}; allowed: {', '.join(Reading)}")
    if said not in arm.readings:
        raise ValueError(
            f"found the reading {said!r} of the arm {label!r}; allowed: {', '.join(arm.readings)}"
        )
    return said


def _group(members: Set[str]) -> str:
    """What a group without a name is called: by its members, or so many of them."""
    name = joined(sorted(members))
    if len(name.encode()) > _LONGEST:
        name = f"{len(members)}-tasks-{crc32(name.encode()):08x}"
    return group_label(name)
