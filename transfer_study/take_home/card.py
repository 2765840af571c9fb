"""The card of an exported model: what it is, how good, how it was chosen, how it is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import yaml

from transfer_study.analysis.effects.intervals import no_interval_of_scores
from transfer_study.analysis.effects.model_scores import ModelScore
from transfer_study.report.tables.table import TableCell, as_markdown, number, table_of, text
from transfer_study.store.stage_record import StageRecord
from transfer_study.study.recipes.recipe import Precision
from transfer_study.study.stage import Stage, StageTask
from transfer_study.study.tasks.task import Task
from transfer_study.take_home.choice import Choice
from transfer_study.take_home.loading import how_to_load, how_to_load_with_loader

_LIBRARIES = ("transfer-study", "torch", "transformers")


@dataclass(frozen=True)
class Card:
    """All that a card says.

    `task` is None for a model that was chosen for all its tasks; `heads` are those that it
    answers, `pairs` the names of those on two texts; `loader` says that the folder has a loader of
    its own. `checked` is how many test examples of a task were held against the stored answers,
    `record` what the run says of itself that left the model.
    """

    study: str
    choice: Choice
    epoch: int
    task: Task | None
    heads: tuple[Task, ...]
    pairs: frozenset[str]
    loader: bool
    scores: Sequence[ModelScore]
    checked: Mapping[str, int]
    record: StageRecord

    @property
    def stage(self) -> Stage:
        """The stage that the model is of."""
        return self.choice.stage

    def markdown(self) -> str:
        """The card as a README.md that model hubs show."""
        sections = {
            "Load": self._load(),
            "Scores": self._scores(),
            "How it was chosen": self._choice(),
            "Data": self._data(),
            "Recipe": self._recipe(),
            "Licences": self._licences(),
        }
        name = ", ".join(task.name for task in self.heads)
        return "\n\n".join(
            [
                self._front_matter(),
                f"# {name} ({self.study})",
                self._what(),
                *(f"## {title}\n\n{text}" for title, text in sections.items()),
            ]
        )

    @property
    def _encoder(self) -> str:
        # A folder of this machine means nothing to a reader.
        name = self.stage.encoder.name
        return PurePath(name).name if PurePath(name).is_absolute() else name

    def _front_matter(self) -> str:
        values: dict[str, Any] = {"library_name": "transformers", "license": "other"}
        if not self.loader:
            values["pipeline_tag"] = self.heads[0].kind.take_home.pipeline
        values["tags"] = ["transfer-study", *(task.name for task in self.heads)]
        return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True)}---"

    def _what(self) -> str:
        stage = self.stage
        starts = [f" after {', '.join(p.task_names)}" for p in stage.parents]
        used = {n: self.record.provenance.versions.get(n, "unknown") for n in _LIBRARIES}
        heads = [
            f"- `{task.name}`: {task.kind}, {task.domain}; {_outputs(task)}" for task in self.heads
        ]
        return "\n".join(
            [
                f"The encoder `{self._encoder}` has learned {', '.join(stage.task_names)}"
                f"{''.join(starts)} ({self.choice.candidate.title}; seed {stage.seed}, epoch "
                f"{self.epoch} of {self._epochs}). It answers",
                "",
                *heads,
                "",
                f"Stage `{stage.id}` of transfer-study {used['transfer-study']} (torch "
                f"{used['torch']}, transformers {used['transformers']}), learned on "
                f"{self.record.provenance.device}.",
            ]
        )

    @property
    def _epochs(self) -> str:
        """How many epochs the run made, and of how many where its patience ended it."""
        planned, made = self.stage.recipe.epochs, self.record.ended_after
        return str(planned) if made is None else f"{made}, by patience and not {planned}"

    def _load(self) -> str:
        how = how_to_load_with_loader if self.loader else how_to_load
        asked = self.task or self.heads[0]
        code, note = how(asked, asked.name in self.pairs)
        checked = ", ".join(f"{n} of {task}" for task, n in self.checked.items())
        notes = [
            note,
            f"Texts are cut at {self.stage.recipe.max_length} pieces, as in the study.",
            f"Read back, the model gave its stored answers for these test examples: {checked}.",
        ]
        if self.stage.recipe.precision is Precision.BFLOAT16:
            notes.append(
                "The study and this check computed in bfloat16 (`torch.autocast`); in float32 an "
                "answer near a tie can differ."
            )
        return f"```python\n{code}```\n\n" + " ".join(filter(None, notes))

    def _scores(self) -> str:
        table = as_markdown(
            table_of(
                self.scores,
                *(text(name, name) for name in ("task", "metric", "split")),
                number("this model", lambda s: _number(s.value)),
                number("examples", "n"),
                number("mean (seeds)", lambda s: f"{_number(s.over_seeds.mean)} ({s.n_seeds})"),
                number("95% interval", _interval),
            )
        )
        return (
            f"{table}\n\n{self._again()}Means are over the study's runs that differ in their seed "
            "alone, each task at its own best epoch; the intervals are Student's t. Dev chose the "
            "epoch and the model, so that dev scores flatter; test was predicted once and chose "
            "nothing."
        )

    def _again(self) -> str:
        """That the model is not of the run that the study tells of, where it is not."""
        if not self.record.alike:
            return ""
        shares = ", ".join(f"{share:.1%} of {task}" for task, share in self.record.alike.items())
        return (
            "The weights of the study's own run were not kept. This model is of a run of the same "
            "recipe and seed that was made for it, on another kind of processor or with other "
            f"versions. Of the test examples it answered {shares} as the study's own run did; the "
            "scores of this model are its own.\n\n"
        )

    def _choice(self) -> str:
        by = (
            f"dev score ({self.task.selection_metric})"
            if self.task
            else "mean dev score of its tasks"
        )
        compared, seed = self.choice.compared, self.choice.seed
        taken = f"the seed of best {by}" if seed is None else f"seed {seed}, as asked"
        if len(compared) == 1:
            return (
                f"It was asked for: {compared[0][0].title}; then {taken}. The test set played no "
                "part."
            )
        chosen = self.choice.candidate
        table = table_of(
            compared,
            text("model", lambda one: TableCell(one[0].title, bold=one[0] is chosen)),
            number("dev", lambda one: _number(one[1])),
        )
        return (
            f"By the best {by}, "
            f"{'the mean over the seeds' if seed is None else f'of seed {seed}'}, the simpler of "
            f"equals; then {taken}. The test set played no part.\n\n"
        ) + as_markdown(table)

    def _data(self) -> str:
        return as_markdown(
            table_of(
                _learned(self.stage),
                text("task", lambda member: member.task.name),
                number("train", lambda member: str(member.data.train.n)),
                number("dev", lambda member: str(member.data.dev.n)),
                number("test", lambda member: str(member.data.test.n)),
                text("sha256 of train", lambda member: member.data.train.sha256[:16]),
            )
        )

    def _recipe(self) -> str:
        blocks = []
        for stage in _lineage(self.stage):
            text = yaml.safe_dump(stage.recipe.model_dump(mode="json"), sort_keys=False)
            blocks.append(
                f"{str(stage.kind).capitalize()} {', '.join(stage.task_names)} (stage "
                f"`{stage.id}`):\n\n```yaml\n{text}```"
            )
        return "\n\n".join(blocks)

    def _licences(self) -> str:
        tasks = [member.task for member in _learned(self.stage)]
        lines = [
            f"- The corpora ({', '.join(task.name for task in tasks)}) have licences or data use "
            "agreements of their own, which may bind what is learned from them. Read them before "
            "you pass this model on, and cite their authors.",
            f"- The weights derive from the encoder `{self._encoder}`: its licence holds for them "
            "too.",
        ]
        clinical = [task.name for task in tasks if "clinical" in task.domain]
        if clinical:
            lines.append(
                f"- {', '.join(clinical)}: clinical text. A model can remember parts of what it "
                "learned from; do not share it unless the corpus's agreement allows that."
            )
        return "\n".join(lines) + "\n"


def _lineage(stage: Stage) -> Iterator[Stage]:
    for parent in stage.parents:
        yield from _lineage(parent)
    yield stage


def _learned(stage: Stage) -> list[StageTask]:
    """The tasks that the stage, or one that it starts from, learned; each once."""
    members = {member.task.name: member for s in _lineage(stage) for member in s.tasks}
    return [members[name] for name in sorted(members)]


def _outputs(task: Task) -> str:
    return task.kind.answered or f"labels {', '.join(task.outputs)}"


def _number(value: float) -> str:
    return f"{value:.4f}"


def _interval(score: ModelScore) -> str:
    if lacking := no_interval_of_scores(score.over_seeds, score.n_seeds):
        return f"none ({lacking})"
    return f"{_number(score.over_seeds.low)} to {_number(score.over_seeds.high)}"
