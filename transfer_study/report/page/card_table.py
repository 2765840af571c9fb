"""What each task's data are, as a table."""

from __future__ import annotations

import pandas as pd

from transfer_study.figures.lettering import metric_name
from transfer_study.report.content import Content
from transfer_study.report.table import Table, frame_table
from transfer_study.study.sizes import data_sets


def card_table(content: Content) -> Table:
    """A row a task: labels, sizes as used, and the hash of what is trained on."""
    rows = []
    for name, task in data_sets(content.study).items():
        used = content.plan.fingerprints.data[name]
        about = {"task": name, "kind": str(task.kind), "domain": task.domain}
        about["metric"] = metric_name(str(task.metric))
        about["answers"] = task.kind.answered or f"{len(task.outputs)} labels"
        sizes = {"train": used.train.n, "dev": used.dev.n, "test": used.test.n}
        hashes = {"train": used.train.sha256, "test": used.test.sha256}
        rows.append(
            about | sizes | {f"sha256 of {split}": sha[:12] for split, sha in hashes.items()}
        )
    return frame_table(pd.DataFrame(rows))
