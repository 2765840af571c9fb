"""The exact commands that train and export what is advised."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from transfer_study.study.arms import GROUPS, SINGLE, arm_of, group_label, mixes
from transfer_study.study.plan import Plan
from transfer_study.study.reading import Reading

Tasks = tuple[str, ...]


@dataclass(frozen=True)
class Commands:
    """Writes the commands of a study, by one of its encoders, readings and variants.

    `study` is its file, `sizes` those of the targets of several.
    """

    plan: Plan
    study: str
    encoder: str
    reading: str
    variant: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)

    def run(self, *words: str) -> str:
        """What runs the study, with these words; within its budget where that has chosen pairs."""
        choice = self.plan.choice
        if choice is not None:
            # Pairs that were chosen have the seeds of the study, and no looks.
            if words[:2] == ("--until-decided", "--max-seeds"):
                words = ("--set", f"seeds={words[2]}", *words[3:])
            words = (*words, *choice.options)
        return shlex.join(["transfer-study", "run", self.study, *words])

    def longer(self, task: str) -> list[str]:
        """With what words to run the study so that a task may be learned after all."""
        study = self.plan.study
        recipe = study.refine if self.reading == Reading.REFINE else study.finetune_recipe(task)
        return ["--set", f"{self.reading}.epochs={2 * recipe.epochs}"]

    def export(self, task: str, arm: str, partners: Sequence[str]) -> str:
        """What writes the model of a task to a folder of its name."""
        named = arm_of(arm)
        if named is not None and self.reading not in named.one_model:
            # An encoder a task is no one model; its fine-tuning is.
            return self.run("--set", "readings=[refine, finetune]")
        return self._export(task, self._named(task, arm, partners), task)

    def partition(self, groups: Sequence[Tasks], *, complete: bool) -> tuple[str, ...]:
        """What trains each group as one model and writes it, or a model a task after fine-tuning.

        Groups that the study does not train are added to it by `--set`; where there are none, and
        the study is `complete`, nothing is to be run.
        """
        new = self._new_groups(groups)
        settings = self._settings(new)
        commands = [] if complete and not new else [self.run(*settings)]
        for group in groups:
            arm = new.get(group) or self._arm(group)
            one_model = self.reading == Reading.REFINE and len(group) > 1
            # The task of several sizes tells of which the model is.
            by_size = sorted(group, key=lambda task: task not in self.sizes)
            for task in by_size[:1] if one_model else group:
                partners = [name for name in self._names if name in group and name != task]
                named = arm if group in new else self._named(task, arm, partners)
                whole = ["--multi"] if one_model else []
                folder = "+".join(group) if one_model else task
                commands.append(self._export(task, named, folder, *whole, *settings))
        return tuple(commands)

    @property
    def _names(self) -> list[str]:
        return [task.name for task in self.plan.study.tasks]

    def _export(self, task: str, arm: str, folder: str, *more: str) -> str:
        words = ["--task", task, "--arm", arm, *more]
        if len(self.plan.study.readings) > 1:
            words += ["--reading", self.reading]
        if len({system.encoder for system in self.plan.systems}) > 1:
            words += ["--encoder", self.encoder]
        if self.variant:
            words += ["--variant", self.variant]
        if task in self.sizes:
            words += ["--size", str(self.sizes[task])]
        words += ["--to", f"models/{folder}"]
        return shlex.join(["transfer-study", "export", self.study, *words])

    def _named(self, task: str, arm: str, partners: Sequence[str]) -> str:
        """An arm, with its partners where the task has several of that arm."""
        systems = (s for s in self.plan.systems if s.target == task and s.arm == arm)
        several = len({system.source for system in systems}) > 1
        return f"{arm}:{'+'.join(partners)}" if several else arm

    def _arm(self, group: Tasks) -> str:
        """The arm that trains exactly these tasks together; empty where none does."""
        for system in self.plan.systems:
            joint = system.arm == SINGLE.label or mixes(system.arm)
            if joint and {system.target, *system.sources} == set(group):
                return system.arm
        return ""

    def _new_groups(self, groups: Sequence[Tasks]) -> dict[Tasks, str]:
        """The groups that the study does not train, with the arms that will."""
        taken = self.plan.study.groups
        names: Iterator[str] = (
            name
            for n in range(1, len(taken) + len(groups) + 1)
            if (name := f"together{n}") not in taken
        )
        fresh = [group for group in groups if len(group) > 1 and not self._arm(group)]
        return {group: group_label(name) for group, name in zip(fresh, names, strict=False)}

    def _settings(self, new: Mapping[Tasks, str]) -> list[str]:
        if not new:
            return []
        arms = dict.fromkeys([*map(str, self.plan.study.arms), str(GROUPS)])
        groups = dict(self.plan.study.groups)
        groups |= {arm.partition(":")[2]: group for group, arm in new.items()}
        written = ", ".join(f"{name}: [{', '.join(group)}]" for name, group in groups.items())
        return ["--set", f"arms=[{', '.join(arms)}]", "--set", f"groups={{{written}}}"]
