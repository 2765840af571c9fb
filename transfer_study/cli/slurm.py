"""`transfer-study slurm`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from transfer_study.cli.fidelity import AskedStudy
from transfer_study.cli.options import ExecutorName, budget_of, check_looks, hang_after_of
from transfer_study.cli.run import run
from transfer_study.errors import Problem, StudyError
from transfer_study.execute.resources import Resources
from transfer_study.session.places import Places

# What the job itself says.
_OF_THE_JOB = ("executor", "address")
_OF_RUN = {
    name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
    for name, parameter in inspect.signature(run, eval_str=True).parameters.items()
    if name not in _OF_THE_JOB
}


def slurm(
    *,
    context: typer.Context,
    nodes: Annotated[int, typer.Option(min=1, help="Machines of the job.")] = 1,
    gpus_per_node: Annotated[
        str,
        typer.Option(
            metavar="[TYPE:]N", help="GPUs of each machine, e.g. 8 or a100:8; 0 for CPUs alone."
        ),
    ],
    time: Annotated[
        str, typer.Option(metavar="TIME", help="Time limit of a turn, e.g. 12:00:00 or 2-00.")
    ],
    cpus_per_node: Annotated[
        int | None,
        typer.Option(
            min=1, help="CPUs of each machine.", show_default="what the stages on its GPUs take"
        ),
    ] = None,
    mem: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Memory of each machine, e.g. 64G.", show_default="Slurm's own"
        ),
    ] = None,
    partition: Annotated[
        str | None, typer.Option(help="Where the job queues.", show_default="Slurm's own")
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Who pays for it.", show_default="Slurm's own")
    ] = None,
    warning: Annotated[
        int,
        typer.Option(
            min=60,
            max=65535,
            help="So many seconds before the limit stages keep how far they are, and the job goes "
            "back to the queue.",
        ),
    ] = 300,
    sbatch: Annotated[
        list[str],
        typer.Option(
            metavar="OPTION", help="Any other option of sbatch, e.g. --sbatch=--constraint=ib."
        ),
    ] = [],  # noqa: B006
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File for the script.", show_default="stdout"),
    ] = None,
    submit: Annotated[
        bool, typer.Option("--submit", help="Submit the job, and print its id.")
    ] = False,
    **of_run: Any,
) -> None:
    """Write a job of Slurm's that runs a study through Ray, and goes on with it turn after turn.

    It takes every option of `run`.
    """
    from transfer_study.execute.cluster.slurm.script import SlurmJob, sbatch_command
    from transfer_study.execute.cluster.slurm.script import submit as submitted
    from transfer_study.execute.executor import executor_named
    from transfer_study.session.plans import make_plan, with_answered
    from transfer_study.session.run import check_places

    check_looks(of_run["until_decided"], of_run["max_seeds"], of_run["looks"], of_run["fidelity"])
    within = budget_of(
        *(of_run[name] for name in ("predict", "budget", "budget_share")),
        *(of_run[name] for name in ("until_decided", "fidelity")),
    )
    executor_named(  # what it refuses is refused here too
        "ray",
        Resources(hang_after=hang_after_of(of_run["hang_after"], ExecutorName.RAY)),
        tuple(tracker.value for tracker in of_run["log_to"]),
    )
    command = sbatch_command() if submit else ""
    job = SlurmJob(
        nodes=nodes,
        gpus_per_node=gpus_per_node,
        time=time,
        cpus_per_node=cpus_per_node,
        warning=warning,
        partition=partition,
        account=account,
        mem=mem,
        more=sbatch,
    )
    job.check()
    if output is not None and os.path.lexists(output):
        raise StudyError(
            Problem("found a file there, which is never overwritten; give another", str(output))
        )
    asked = AskedStudy(of_run["study"], of_run["settings"], of_run["data"], of_run["fidelity"])
    plan_ = make_plan(*asked.read())
    places = Places(*(of_run[place] for place in ("store", "results", "plots", "keep_weights")))
    check_places(with_answered(plan_, places), places)
    if within is not None:
        from transfer_study.session.within_budget import check_budget

        check_budget(with_answered(plan_, places), within, places)
    per_stage = of_run["cpus_per_stage"] or max(stage.recipe.cpu_threads for stage in plan_)
    cpus = job.cpus(per_stage, of_run["gpus_per_stage"])
    script = job.script(plan_.study.name, cpus, list(_words(context)), Path.cwd())
    if output is not None:
        with output.open("x", encoding="utf-8") as file:
            file.write(script)
    if submit:
        print(submitted(script, command))
    elif output is None:
        print(script, end="")


def _words(context: typer.Context) -> Iterator[str]:
    """What `run` is given: all that was said, here or by a variable, and no default."""
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name not in _OF_RUN or source is None or source.name in ("DEFAULT", "DEFAULT_MAP"):
            continue
        value = context.params[name]
        if parameter.param_type_name == "argument":
            yield str(value)
        elif getattr(parameter, "is_flag", False):
            yield parameter.opts[-1]
        else:
            for each in value if getattr(parameter, "multiple", False) else (value,):
                yield f"{parameter.opts[-1]}={getattr(each, 'value', each)}"


_OWN = [
    parameter
    for parameter in inspect.signature(slurm, eval_str=True).parameters.values()
    if parameter.kind is not inspect.Parameter.VAR_KEYWORD
]
slurm.__signature__ = inspect.Signature([*_OWN, *_OF_RUN.values()])  # type: ignore[attr-defined]
