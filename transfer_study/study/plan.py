"""From a study to its distinct stages, parents first, and the comparisons drawn from them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from transfer_study.study.arms import Arm
from transfer_study.study.builder import Builder, Reader
from transfer_study.study.choice import PairChoice, is_of_control, pair_of
from transfer_study.study.fingerprint import Fingerprints
from transfer_study.study.looks import Edge, Looked, Looks
from transfer_study.study.reading import Reading
from transfer_study.study.sizes import points
from transfer_study.study.stage import Stage
from transfer_study.study.study import Study
from transfer_study.study.system import System, lineage


@dataclass(frozen=True)
class Plan:
    """The distinct stages of a study in an order in which parents come first.

    With `looks`, edges differ in their seeds and are judged look by look. With a `choice`, only the
    pairs chosen are of it; `unmeasured` counts the edges of all others by what is corrected
    together: reading, control that they are over, and whether they are controls' own.
    """

    study: Study
    fingerprints: Fingerprints
    stages: tuple[Stage, ...]
    systems: tuple[System, ...]
    # How many stages there would be if none were shared.
    unshared: int = field(compare=False)
    looks: Looks | None = None
    choice: PairChoice | None = None
    unmeasured: Mapping[tuple[str, str, bool], int] = field(default_factory=dict, compare=False)
    # The ids of stages whose answers the study's results folder holds; only a child makes them run.
    answered: frozenset[str] = field(default=frozenset(), compare=False)

    def __len__(self) -> int:
        return len(self.stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    @cached_property
    def protocols(self) -> tuple[str, ...]:
        """The protocols that the plan runs side by side."""
        return tuple(dict.fromkeys(system.protocol for system in self.systems))

    def under(self, protocol: str) -> Plan:
        """The part of the plan that follows one protocol, as a study of its own."""
        part = self._of(s for s in self.systems if s.protocol == protocol)
        return replace(part, study=self.study.protocols()[protocol])

    def looked(self, looks: Looks) -> Plan:
        """The plan with the seeds that its edges have been given at the looks done.

        What an edge is compared with comes along; a baseline has its further seeds from the first.
        """
        study = self.study.model_copy(update={"seeds": looks.seeds[: looks.counts[looks.done - 1]]})
        every = plan(study, self.fingerprints)
        n_seeds, first = looks.n_seeds(), looks.counts[0]
        order = {seed: n for n, seed in enumerate(looks.seeds)}
        own = self.study.seeds_of_baselines
        kept = {
            (compared.edge, compared.seed)
            for system in every.systems
            if order.get(system.seed, len(order)) < n_seeds.get(system.edge, first)
            or (system.alone and system.seed in own)
            for compared in system.compared()
        }
        part = every._of(s for s in every.systems if (s.edge, s.seed) in kept)
        return replace(part, looks=looks, answered=self.answered)

    def chosen(self, choice: PairChoice) -> Plan:
        """The plan with the pairs chosen alone, and with all that is of no pair.

        What an edge is compared with comes along.
        """
        pairs = choice.pairs
        kept = {
            (compared.edge, compared.seed)
            for system in self.systems
            if not is_of_control(system) and ((pair := pair_of(system)) is None or pair in pairs)
            for compared in system.compared()
        }
        part = self._of(s for s in self.systems if (s.edge, s.seed) in kept)
        left = {
            (system.edge, control.arm if control else "", is_of_control(system))
            for system, _, control in self.comparisons()
            if (system.edge, system.seed) not in kept
        }
        unmeasured = Counter((str(edge.reading), over, of) for edge, over, of in left)
        return replace(part, choice=choice, unmeasured=unmeasured)

    def at_most(self, looks: Looks) -> Plan:
        """The plan if no edge is decided before the last look, but for those that are already."""
        unjudged = {system.edge for system, *_ in self.comparisons()}
        edges = looks.edges or tuple(
            Looked(edge=edge, n_seeds=looks.counts[0], verdict="undecided", look=None)
            for edge in unjudged
        )
        known = looks.model_copy(update={"done": len(looks.counts) - 1, "edges": edges})
        return self.looked(known.another(known.undecided()))

    def ordered(self, priority: Mapping[Edge, float]) -> Plan:
        """The same stages in the order of the edges that want them, highest first."""
        systems = sorted(self.systems, key=lambda system: -priority.get(system.edge, -math.inf))
        wanted = (stage for system in systems for stage in system.stages())
        return replace(self, stages=tuple(_distinct(wanted)))

    def _of(self, systems: Iterable[System]) -> Plan:
        chosen = tuple(systems)
        asked = [stage for system in chosen for stage in lineage(system.stage)]
        return replace(self, stages=tuple(_distinct(asked)), systems=chosen, unshared=len(asked))

    def comparisons(self) -> Iterator[tuple[System, System, System | None]]:
        """Each system that is compared, with its baseline of the same reading and seed.

        By itself (None), and once for each of its controls: system - baseline - (control - the
        control's baseline).
        """
        for system in self.systems:
            if system.baseline is not None:
                for control in (None, *system.controls):
                    yield system, system.baseline, control

    def shared_baselines(self) -> dict[Edge, list[System]]:
        """The runs of each shared baseline with the seeds of the study's `baseline_seeds`, if any.

        They are the same at every look.
        """
        found: dict[Edge, list[System]] = {}
        seeds = self.study.seeds_of_baselines
        for system in self.systems:
            if system.alone and system.seed in seeds:
                found.setdefault(system.edge, []).append(system)
        return found

    def missing(self, is_done: Callable[[Stage], bool], has_model: Callable[[Stage], bool]) -> Plan:
        """The stages still to be run: those not done, and parents whose model a child lacks.

        What is `answered` counts as done.
        """
        needed: set[str] = set()
        wanted: set[str] = set()
        for stage in reversed(self.stages):
            done = stage.id in self.answered or is_done(stage)
            if not done or (stage.id in wanted and not has_model(stage)):
                needed.add(stage.id)
                wanted.update(parent.id for parent in stage.parents)
        stages = tuple(s for s in self.stages if s.id in needed)
        return replace(self, stages=stages)

    def parents(self) -> frozenset[str]:
        """The ids of the stages that another stage of the plan starts from."""
        return frozenset(parent.id for stage in self.stages for parent in stage.parents)

    def possible_parents(self) -> frozenset[str]:
        """The ids of stages that another could start from if the study had every reading and arm.

        Of stages that the plan has, and of others. What a variant changes is no start of another.
        """
        every = {"readings": tuple(Reading), "arms": tuple(Arm.known.values()), "variants": {}}
        return plan(self.study.model_copy(update=every), self.fingerprints).parents()


def plan(study: Study, fingerprints: Fingerprints) -> Plan:
    """Turn a study into its plan; pure: the same study and fingerprints give the same ids."""
    systems = [
        system
        for protocol, followed in study.protocols().items()
        for point in points(followed)
        for label, encoder, pretrained in study.starting_points
        for seed in dict.fromkeys((*study.seeds, *study.seeds_of_baselines))
        for system in _systems_of_seed(
            Builder(
                study=point.study,
                fingerprints=_pick(fingerprints, point.data),
                label=label,
                encoder=encoder,
                seed=seed,
                size=point.size,
                protocol=protocol,
                pretrained=pretrained,
            )
        )
        if system.target in point.targets
    ]
    asked = [stage for system in systems for stage in lineage(system.stage)]
    return Plan(study, fingerprints, tuple(_distinct(asked)), tuple(systems), len(asked))


def _pick(fingerprints: Fingerprints, data: Mapping[str, str]) -> Fingerprints:
    """The fingerprints with the data of every task under its own name."""
    picked = {name: fingerprints.data[key] for name, key in data.items()}
    return fingerprints.model_copy(update={"data": picked})


def _distinct(stages: Iterable[Stage]) -> Iterator[Stage]:
    seen: set[str] = set()
    for stage in stages:
        if stage.id not in seen:
            seen.add(stage.id)
            yield stage


def _systems_of_seed(build: Builder) -> Iterator[System]:
    """The systems of a seed: all, or of a baseline's further seeds what others are held against."""
    systems = _systems(build)
    if build.seed in build.study.seeds:
        yield from systems
        return
    every = list(systems)
    held_against = {system.baseline.edge for system in every if system.baseline is not None}
    yield from (s for s in every if s.alone and s.edge in held_against)


def _systems(build: Builder) -> Iterator[System]:
    for reading in build.study.readings:
        reader = Reader(build, reading)
        for arm in Arm.known.values():
            if arm in build.study.arms:
                for system in arm.systems(reader):
                    yield from build.varied(system)
