"""What a bug report needs to know of a machine."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from operator import itemgetter

from transfer_study.errors import ExecutionError, StoreError
from transfer_study.execute.cluster.authentication import authentication
from transfer_study.files import check_folder
from transfer_study.report.tables.table import as_markdown, table_of, text
from transfer_study.store.open_store import check_store, open_store
from transfer_study.store.storage.commit_record import Part
from transfer_study.store.storage.storage_url import store_place
from transfer_study.terminal.console import in_terminal, print_json, stdout

_LIBRARIES = (
    "transfer-study",
    "torch",
    "transformers",
    "tokenizers",
    "ray",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "networkx",
    "matplotlib",
    "pydantic",
    "datasets",
)
Findings = dict[str, dict[str, str]]


def examine(store: str) -> Findings:
    """Versions, devices, Ray and storage, as section -> name -> value."""
    return {
        "versions": {"python": platform.python_version(), **{n: version_of(n) for n in _LIBRARIES}},
        "machine": _machine(),
        "devices": _devices(),
        "ray": _ray(),
        "storage": _storage(store),
        "environment": {
            name: _said(name)
            for name in sorted(os.environ)
            if name.startswith(
                ("TRANSFER_STUDY_", "RAY_ADDRESS", "CUDA_VISIBLE", "HF_H", "SLURM_JOB_ID")
            )
        },
    }


def _said(variable: str) -> str:
    """What the environment says; of a store never a key that somebody wrote into its URL."""
    value = os.environ[variable]
    if variable != "TRANSFER_STUDY_STORE":
        return value
    try:
        return str(store_place(value))
    except StoreError as error:
        return str(error)


def version_of(name: str) -> str:
    """The installed version of a package, of a bare source tree that it is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "system": platform.platform(),
        "processors": f"{usable} usable of {os.cpu_count()}",
        "memory": f"{memory:.1f} GiB",
    }


def _devices() -> dict[str, str]:
    import torch

    from transfer_study.data.fingerprints import native_precision

    found = {"precision auto": str(native_precision())}
    for n in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(n)
        found[f"GPU {n}"] = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    if not torch.cuda.is_available():
        found["GPU"] = "none; stages run on processors"
    return found


def _ray() -> dict[str, str]:
    address = os.environ.get("RAY_ADDRESS")
    try:
        if address:
            os.environ.update(authentication(address))
        from transfer_study.execute.cluster.ray_process import describe_cluster

        return describe_cluster(address)
    except ExecutionError as error:
        return {"version": version_of("ray"), "address": str(address), "problem": str(error)}


def _storage(named: str) -> dict[str, str]:
    store = open_store(named)
    usage = shutil.disk_usage(check_folder(store.root, "store"))
    free = f"{usage.free / 2**30:.0f} GiB"
    found = {"store": store.place, "free": free}
    if store.place != str(store.root):
        found = {"store": store.place, "cache": str(store.root), "free": free}
    try:
        check_store(store_place(named))
        stages = len(store.committed.names(Part.RESULTS))
    except StoreError as error:
        return {**found, "writable": f"no: {error}"}
    return {**found, "writable": "yes", **({"stages": str(stages)} if stages else {})}


def print_findings(findings: Findings, *, markdown: bool, as_json: bool) -> None:
    """Print the findings to stdout."""
    if as_json:
        print_json(findings)
        return
    console = stdout()
    for section, values in findings.items():
        columns = (text("", itemgetter(n)) for n in (0, 1))
        table = table_of(values.items(), *columns, title=section)
        if markdown:
            print(f"### {section}\n\n{as_markdown(table)}\n")
        elif values:
            console.print(in_terminal(table))
