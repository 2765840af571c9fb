"""The verbs of the command line, each imported when it is used: `--help` needs none of them."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

VERBS = (
    *("new", "keys", "run", "slurm", "tune", "plan", "tasks", "status", "report", "compare"),
    *("recommend", "examples", "judge", "export", "prefetch", "prune", "convert-tf", "doctor"),
)
CONTEXT = {"help_option_names": ["-h", "--help"]}


class Verbs(TyperGroup):
    """A group of commands that are files of this package."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {verb: _Verb(verb) for verb in VERBS}


class _Verb(TyperCommand):
    """A verb before its file is imported: it knows its help alone."""

    def __init__(self, name: str) -> None:
        super().__init__(name, help=_help_of(name))

    def make_context(self, *words: Any, **options: Any) -> Any:
        """The context of the command that the file makes, which goes on in this one's place."""
        assert self.name is not None
        return command_of(self.name).make_context(*words, **options)


def command_of(verb: str) -> TyperCommand:
    """The command of a verb, whose file is imported."""
    name = _function_of(verb)
    alone = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings=CONTEXT
    )
    alone.command(verb)(getattr(import_module(f"{__package__}.{name}"), name))
    command = typer.main.get_command(alone)
    assert isinstance(command, TyperCommand)
    return command


def _function_of(verb: str) -> str:
    return verb.replace("-", "_")


def _help_of(verb: str) -> str | None:
    """What the function of a verb says of itself, read from its file."""
    name = _function_of(verb)
    tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text("utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return next(ast.get_docstring(function) for function in functions if function.name == name)
