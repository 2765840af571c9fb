"""The process in which Ray runs, apart from what it runs: its settings, its start and its end.

It reads a job from standard input and writes events to standard output, one line each; what Ray
prints goes to standard error. Only this module and the drivers, which are run by it, import Ray.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transfer_study.errors import ExecutionError, StoreError
from transfer_study.execute.cluster.node_settings import NODE_SETTINGS
from transfer_study.execute.cluster.process_session import end_session
from transfer_study.execute.cluster.stage_job import LONGEST_START, NO_WORKER, UP, RayEvent
from transfer_study.execute.resources import Resources
from transfer_study.store.runs.host import names_told

# Read by Ray when it is imported or started: no output of its own.
os.environ.update(
    {
        **NODE_SETTINGS,
        "RAY_AIR_NEW_OUTPUT": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_FUNCTION_THREAD_TIMEOUT_S": "60",  # of a trial that is stopped, until the next begins
        "TUNE_GLOBAL_CHECKPOINT_S": "100000",  # Tune's own state is never restored
        "TUNE_WARN_THRESHOLD_S": "100000",
    }
)

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

Tell = Callable[[RayEvent], None]
_SECONDS_BETWEEN_LOOKS = 5.0


def serve(run: Callable[[str, Tell, threading.Event], None]) -> None:
    """Run the job on standard input, as the leader of a session that ends with this process.

    The event is set where more than the job is written there: the run is to stop soon.
    """
    job, more = _first_line()
    suspended = threading.Event()
    if more:
        suspended.set()
    threading.Thread(target=_hear_parent, args=[suspended], daemon=True).start()
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as events:
        os.dup2(2, 1)  # whatever prints is kept from the events
        one_at_a_time = threading.Lock()

        def tell(event: RayEvent) -> None:
            with one_at_a_time:
                events.write(event.model_dump_json() + "\n")

        try:
            run(job, tell, suspended)
        except (ExecutionError, StoreError) as error:
            tell(RayEvent(is_="impossible", message=str(error)))


def _first_line() -> tuple[str, bytes]:
    """The first line of standard input, and what has come after it; reads it itself.

    Python's own reader would wait for more in another thread while this process ends.
    """
    said = bytearray()
    while b"\n" not in said and (chunk := os.read(0, 1 << 16)):
        said += chunk
    line, _, more = bytes(said).partition(b"\n")
    return line.decode(), more


def _hear_parent(suspended: threading.Event) -> None:
    """Where the process that gave the job is gone, by whatever signal, leave nothing running."""
    while os.read(0, 1):
        suspended.set()
    end_session(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


class StaysHere:
    """Of all that it is given Tune pickles a copy, to restore a run; here that is but a name.

    A run is never restored from it, and what an object of ours holds need not be picklable.
    """

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (type(self).__name__,)


@contextmanager
def started(resources: Resources, tell: Tell = lambda _: None) -> Iterator[None]:
    """Ray on this machine, or joined at an address, with a worker that was tried: that is told.

    Raises ExecutionError where it cannot be. Ray itself waits for ever where its first workers do
    not come, and lets no other thread of this process do anything.
    """
    over = threading.Event()
    try:
        with _started(resources):
            tell(UP)
            threading.Thread(target=_watch, args=[this_machine(), tell, over], daemon=True).start()
            yield
    finally:
        over.set()


def _watch(here: str, tell: Tell, over: threading.Event) -> None:
    """Tell that the job is impossible once Ray has ended here: a driver would wait for ever."""
    while not over.wait(_SECONDS_BETWEEN_LOOKS):
        if any(node["NodeID"] == here and not node["Alive"] for node in ray.nodes()):
            tell(
                RayEvent(
                    is_="impossible",
                    message="Ray's own process on this machine (its raylet) has ended: killed, or "
                    "out of memory; what is finished is kept, and the same command continues",
                )
            )
            return


@contextmanager
def _started(resources: Resources) -> Iterator[None]:
    try:
        ray.init(
            address=resources.address or "local",  # never a cluster that happens to run here
            include_dashboard=None if resources.address else False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=True,
        )
    except Exception as error:  # of many kinds, a bare one where the machine is too busy
        said = _sentence(error)
        if resources.address is None:
            raise ExecutionError(
                f"Ray cannot be started ({said}); where the machine is busy or its memory full, "
                "wait and give the command again"
            ) from None
        raise ExecutionError(
            f"the cluster at {resources.address} cannot be reached ({said}); check the address "
            "with `ray status`"
        ) from None
    try:
        _try_worker(resources.address)
        yield
    finally:
        ray.shutdown()


class _Nothing:
    """An actor that does nothing but answer."""

    def answer(self) -> None:
        """Answer."""


def _try_worker(address: str | None) -> None:
    """Raise ExecutionError unless a worker starts here, which it may not although Ray has."""
    worker = ray.remote(_Nothing).options(**beside_driver()).remote()
    try:
        ray.get(worker.answer.remote(), timeout=LONGEST_START)
    except ray.exceptions.GetTimeoutError:
        raise ExecutionError(NO_WORKER) from None
    except ray.exceptions.RayError as error:
        where = "Ray" if address is None else f"the cluster at {address}"
        raise ExecutionError(
            f"{where} starts no worker for this command ({_sentence(error)}); "
            "its token may be another, or its Python"
        ) from None
    finally:
        ray.kill(worker)


def _sentence(error: Exception) -> str:
    """What Ray says went wrong: the last lines, without ids and what stands in columns."""
    lines = [line.strip() for line in str(error).splitlines() if line[:1] not in ("\t", " ")]
    said = " ".join(filter(None, lines[1:] or lines)) or type(error).__name__
    return said.rstrip(".")


def kill(worker: Any) -> None:
    """End the process of an actor; one that does not hear is killed by its machine's raylet."""
    ray.kill(worker)


def machine_of(worker: Any) -> str:
    """Ray's id of the machine on which an actor runs; empty where Ray does not know it."""
    said = ray._private.state.actors(worker._actor_id.hex())
    return str(said.get("Address", {}).get("NodeID", ""))


def gpus_per_stage(resources: Resources) -> float:
    """How much of a GPU a stage has: as asked for, else one where there are any."""
    if resources.gpus_per_stage is not None:
        return resources.gpus_per_stage
    return 1.0 if ray.cluster_resources().get("GPU", 0) > 0 else 0.0


def check_resources(cpus: float, gpus: float) -> None:
    """Refuse what no node could ever give: Ray would wait for it for ever."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if any(node.get("CPU", 0) >= cpus and node.get("GPU", 0) >= gpus for node in nodes):
        return
    have = "; ".join(f"{n.get('CPU', 0):g} CPUs, {n.get('GPU', 0):g} GPUs" for n in nodes)
    raise ExecutionError(
        f"a stage asks for {cpus:g} CPUs and {gpus:g} GPUs, and no machine has as many "
        f"(found: {have}); lower --cpus-per-stage, --gpus-per-stage or the recipe's cpu_threads"
    )


def death(said: str) -> tuple[str, bool]:
    """Why a stage ended without an answer, by what Ray says, and whether its machine was lost."""
    if "node has died" in said or "preempted" in said:
        return "its machine was lost", True
    if "is unavailable" in said:  # before Ray knows that a machine is dead
        return "its machine, or the way to it, was lost", True
    if "low on memory" in said:
        return "Ray ended its worker process, for its machine had hardly any memory left", False
    # The system does not tell Ray which.
    return "its worker process died (killed, out of memory, or crashed)", False


def error_of(trial: Any) -> str:
    """What Ray says of a trial that it lost, the last time, as Tune has written it down."""
    try:
        said = Path(trial.error_file).read_text(encoding="utf-8", errors="replace")
    except (AttributeError, TypeError, OSError):  # there is no trial, or nothing was written
        return ""
    return said.rpartition("Failure # ")[2]


def living(cpus: float, gpus: float) -> dict[str, str]:
    """The machines of the cluster that have as much, by Ray's ids with their names.

    Where these are to stay out of records, so they are of what is said of machines.
    """
    named = names_told()
    return {
        node["NodeID"]: node["NodeManagerHostname"] if named else f"machine {node['NodeID'][:8]}"
        for node in ray.nodes()
        if node["Alive"]
        and node["Resources"].get("CPU", 0) >= cpus
        and node["Resources"].get("GPU", 0) >= gpus
    }


def this_machine() -> str:
    """Ray's id of the machine that this runs on."""
    machine: str = ray.get_runtime_context().get_node_id()
    return machine


def beside_driver() -> dict[str, Any]:
    """How an actor asks for this machine, of which it takes no processor."""
    here = NodeAffinitySchedulingStrategy(this_machine(), soft=False)
    return {"num_cpus": 0, "scheduling_strategy": here}


def apart(machines: Collection[str]) -> dict[str, Any]:
    """How a placement group asks for none of these machines."""
    if not machines:
        return {}
    return {"bundle_label_selector": [{"ray.io/node-id": f"!in({','.join(machines)})"}]}


def describe_cluster(address: str | None) -> dict[str, str]:
    """Ray's version and, where an address is given, what is found there.

    Raises ExecutionError where it cannot be joined.
    """
    found = {"version": ray.__version__, "address": address or "none; Ray starts on this machine"}
    if address:
        with started(Resources(address=address)):
            for name, amount in sorted(ray.cluster_resources().items()):
                if name in ("CPU", "GPU", "memory"):
                    found[name] = f"{amount:g}"
    return found
