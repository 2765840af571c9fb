"""What must hold after every fault and again at the end, by what lies on the disk or in the bucket.

I1 at most one commit a stage, whose bytes never change. I2 whatever is committed has every file,
of the size and sha256 on record. I3 no child begins before its parents are committed. I4 no
committed stage runs again, and at most one interval of checkpoints is lost. I5 what comes out is
what an undisturbed run gives, byte for byte. I6 a stale attempt changes nothing visible. I7 a
resumed run ends, by itself and soon. I8 a second one changes nothing.
(I3 and what runs again are watched by `world.learn`, while stages run.)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256

from tests.chaos.disk import Folder, MemoryDisk
from tests.chaos.storage import Objects
from tests.chaos.world import ROOT, STEPS, TOY, Violation, World
from transfer_study.study.plan import Plan

PARTS = {"stages": "result.json", "models": "model.json"}
Committed = dict[tuple[str, str], tuple[bytes, dict[str, bytes]]]  # record and files, by part, name


@lru_cache(maxsize=1 << 14)
def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()


@lru_cache(maxsize=1 << 14)
def _record(content: bytes) -> Mapping[str, object]:
    found: Mapping[str, object] = json.loads(content)
    return found


def is_visible(disk: MemoryDisk, part: str, name: str) -> bool:
    """Whether a record is there."""
    try:
        disk.node(ROOT / part / name / PARTS[part])
    except OSError:
        return False
    return True


def on_disk(disk: MemoryDisk) -> Committed:
    """All that is in the place of something committed on a disk."""
    found: Committed = {}
    for part, record in PARTS.items():
        try:
            folder = disk.node(ROOT / part)
        except FileNotFoundError:
            continue
        assert type(folder) is Folder
        for name in folder.entries:
            files = disk.files(ROOT / part / name)
            found[part, name] = files.pop(record, b""), files
    return found


def in_bucket(objects: Objects) -> Committed:
    """All that is committed in a bucket."""
    found: Committed = {}
    for key, content in objects.items():
        part, name, *rest = [*key.split("/"), ""]
        if part in PARTS and rest[0] == PARTS[part]:
            try:
                attempt = _record(content)["attempt"]
            except (ValueError, KeyError):
                attempt = "?"
            begin = f"files/{part}/{name}/{attempt}/"
            files = {k.removeprefix(begin): v for k, v in objects.items() if k.startswith(begin)}
            found[part, name] = content, files
    return found


def check_whole(committed: Committed) -> None:
    """I2."""
    for (part, name), (record, files) in committed.items():
        if not record:
            raise Violation(f"I2: {part}/{name} is there without its record")
        try:
            said = _record(record)["files"]
        except ValueError:
            raise Violation(f"I2: the record of {part}/{name} is torn") from None
        assert isinstance(said, dict)
        if {*said} != {*files}:
            raise Violation(f"I2: {part}/{name} has {len(files)} of {len(said)} files")
        for file, content in files.items():
            if (len(content), _hash(content)) != (said[file]["size"], said[file]["sha256"]):
                raise Violation(f"I2: {part}/{name}/{file} is not as committed")


def check_stays(before: Committed, after: Committed) -> None:
    """I1, I6: what was committed is still there, with the same bytes."""
    for key, was in before.items():
        if after.get(key) != was:
            raise Violation(f"I1: {'/'.join(key)} changed after it was committed")


def table(committed: Committed) -> dict[tuple[str, str], bytes]:
    """What a study's tables are made of: all that its stages answer, and their weights."""
    return {
        (name, file): content
        for (_, name), (_, files) in committed.items()
        for file, content in files.items()
        if file != "stage.json"
    }


def check_end(
    committed: Committed, plan: Plan, undisturbed: Mapping[tuple[str, str], bytes]
) -> None:
    """I2, I5 and I7 of a run that has ended."""
    missing = {stage.name for stage in plan} - {
        name for part, name in committed if part == "stages"
    }
    if missing:
        raise Violation(f"I7: {len(missing)} stages were not run to their end")
    check_whole(committed)
    if table(committed) != undisturbed:
        raise Violation("I5: what comes out is not what an undisturbed run gives")


def check_once(world: World) -> None:
    """I1, by what the store says of its commits."""
    for (part, name), count in world.commits.items():
        if count > 1:
            raise Violation(f"I1: {part}/{name} was committed {count} times")


def lost_steps(before: Counter[str], resumed: Counter[str], most: int = STEPS) -> int:
    """I4: the steps that were done twice; raises where more than `most` of one stage were."""
    lost = 0
    for name in before & resumed:
        twice = before[name] + resumed[name] - TOY
        if twice > most:
            raise Violation(f"I4: {twice} steps of {name} were lost, of an interval of {STEPS}")
        lost += max(twice, 0)
    return lost
