"""The page that says what every column of every table holds.

python -m transfer_study.report.tables.columns_page > docs/tables.md
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from transfer_study.analysis.edges import COLUMNS, MEANINGS

_HEAD = """\
# What do the columns of the tables hold?

Every table of `results/<study>` is a CSV file whose first line has the names below; where there is
a `.parquet` of the same name, it holds the same numbers without rounding. Scores, effects and
intervals are fractions of 1 (0.016 is 1.6 points); an empty field is not known, or does not apply.
Columns `variant` and `size` are there only in studies that have several recipes (`variants:`) or
training sizes (`max_train: [100, 300]`). Made by
`python -m transfer_study.report.tables.columns_page`.
"""

DELTAS = {name: column.meaning for name, column in COLUMNS.items()}

SCORES: Mapping[str, str] = {
    "encoder": MEANINGS["encoder"],
    "reading": MEANINGS["reading"],
    "arm": (
        f"{MEANINGS['arm']} `control`: fine-tuned after the joint recipe on the task alone; "
        "`without`: the full mix without one task."
    ),
    "source": MEANINGS["source"],
    "task": "The task that is scored.",
    "size": MEANINGS["size"],
    "seed": "The seed of the run.",
    "split": "`test`: nothing else is scored here.",
    "metric": "A row a metric of the task's kind, the task's own first.",
    "value": "The score.",
    "n": "Test examples.",
    "stage": "The stage that answered, by its id: the hash of all that changes its numbers.",
    "variant": MEANINGS["variant"],
}

SYSTEMS: Mapping[str, str] = {
    "encoder": MEANINGS["encoder"],
    "system": "Single task, pair, full mix and so on, in words as the paper has them.",
    "mix": "The tasks of the mix, where systems of one kind have several.",
    "task": "The task that is scored; or the average over tasks.",
    "size": "The training size shown: the largest.",
    "metric": "The metric of the task.",
    "mean": "The mean score over seeds.",
    "sd": "Its standard deviation over seeds.",
    "low": "Where the 95% interval of the mean begins, by t over seeds.",
    "high": "Where it ends.",
    "n_seeds": "Seeds.",
    "published": "The score that the paper gives for this system.",
    "published_metric": "In which metric.",
    "published_tables": "In which of its tables.",
    "notes": "What must be known to hold one against the other.",
}

STABILITY: Mapping[str, str] = {
    "encoder": MEANINGS["encoder"],
    "reading": MEANINGS["reading"],
    "arm": MEANINGS["arm"],
    "source": MEANINGS["source"],
    "task": "The task that is scored.",
    "size": MEANINGS["size"],
    "metric": MEANINGS["metric"],
    "variant": MEANINGS["variant"],
    "n_seeds": "Runs, failed ones included.",
    "mean": "The mean score over seeds.",
    "sd": "Its standard deviation over seeds.",
    "lowest": "The lowest score of a seed.",
    "highest": "The highest one.",
    "constant": MEANINGS["constant"],
    "failed": "Runs that failed: not above `constant`, or their stage was tried in vain.",
    "failed_share": "Their share of all.",
    "delta": "The mean difference from the first variant, paired by seed; of the first, empty.",
    "low": MEANINGS["low"],
    "high": MEANINGS["high"],
    "p": MEANINGS["p"],
    "verdict": "As in `deltas.csv`, by the interval of the change by itself.",
}

CHOICES: Mapping[str, str] = {
    "encoder": MEANINGS["encoder"],
    "reading": MEANINGS["reading"],
    "task": "The task that is scored.",
    "size": MEANINGS["size"],
    "step": "The choice of the paper's that is added to those of the rows above.",
    "baseline_metric": "The metric of the single task.",
    "metric": "The metric of the full mix.",
    "baseline": "The mean score of the single task.",
    "score": "The mean score of the full mix.",
    "gain": "The gain that would have been reported: score − baseline.",
    "gain_low": "Where its 95% interval begins, by t over seeds.",
    "gain_high": "Where it ends.",
    "change": "What the step adds to the gain.",
    "change_low": "Where its 95% interval begins.",
    "change_high": "Where it ends.",
    "n_seeds": "Seeds.",
    "variant": MEANINGS["variant"],
}

LEAKS: Mapping[str, str] = {
    "kind": "`text`, `near text`, `sentence` (one of a pair), `document`, `label` or `protocol`.",
    "source": "The task that has what test has.",
    "source_split": "In which split.",
    "target": "The task whose split is concerned.",
    "target_split": "Which split of it.",
    "texts": "How many distinct texts (or documents) of the target are concerned.",
    "verbatim": "How many agree letter for letter, spellings that differ in case being several.",
    "short": "How many have fewer than 40 letters and digits, as headings do.",
    "source_rows": "The rows of the source concerned.",
    "rows": "The rows of the target concerned.",
    "share": "Their part of the target's rows.",
    "severity": "`high`: test scores are too good; `medium`: they may be; `low`: worth knowing.",
    "note": "What else must be known.",
    "examples": "Ids of rows of the source and the target, `source = target`.",
}

COSTS: Mapping[str, str] = {
    "stages of": "The kind of stage and its number of tasks; the last row is of all.",
    "stages": "Stages.",
    "core_hours": "Wall hours times the recipe's threads, of stages that ran on CPUs.",
    "gpu_minutes": "Minutes of the others, each by its share of a GPU.",
    "mean_seconds": "Wall seconds a stage.",
    "peak_gigabytes": "The most memory that one of them took.",
    "device": "What they ran on.",
}

MADE: Mapping[str, str] = {
    "what": "`date`, `device`, or a library; of stages with `patience`, `epochs` and, where the "
    "best epoch was the last of all, `last epoch is best`.",
    "found": "The day, the device, or the library's version; how many epochs of how many.",
    "stages": "How many stages were run so.",
}

FALSE_EDGES: Mapping[str, str] = {
    "encoder": MEANINGS["encoder"],
    "reading": MEANINGS["reading"],
    "arm": MEANINGS["arm"],
    "source": MEANINGS["source"],
    "target": "The task that is scored.",
    "n_seeds": "The model's seeds.",
    "comparisons": "How often half of them were compared with the other half.",
    "rejected": "How many of the comparisons have a p below 0.05.",
    "verdicts": "How many would be called gain or loss.",
    "variant": MEANINGS["variant"],
    "size": MEANINGS["size"],
}

EVIDENCE: Mapping[str, str] = {
    **{name: column.meaning for name, column in COLUMNS.items() if column.key and name != "over"},
    "over": "Empty: only edges themselves are looked into.",
    "by": "`class`, `length`, `rarity` or `overlap`, by which a part of the test set was told "
    "apart; `to right` and `to wrong`, the examples that change; `worth`, in training examples.",
    "part": "Which part: a class or type of mention, or a range of lengths and so on.",
    "n": "Examples in the part (mentions, of a type of them); of `worth`, the training size.",
    "baseline": "The mean score alone; the examples that change between runs of one arm; of "
    "`worth`, the training size.",
    "score": "The mean score of the model; the examples that change between a run of each arm; of "
    "`worth`, the size that the target alone needs to score as much.",
    "delta": "Their difference; infinite where it is beyond the sizes that were run.",
    "low": "Where its 95% interval begins, by itself.",
    "high": "Where it ends.",
    "adjusted_low": "Where the interval begins that is adjusted for all parts of all edges of the "
    "reading; of scores alone.",
    "adjusted_high": "Where it ends.",
    "verdict": "As in `deltas.csv`, of the part; empty where examples are counted.",
}

TABLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "deltas.csv": (
        "One row an edge, and one an edge over each control; `pretraining.csv`, the gain by "
        "pretraining, has the same columns and a row a system.",
        DELTAS,
    ),
    "scores.csv": ("One row a stage, task and metric.", SCORES),
    "tables.csv": ("One row a system and task, the cells of `tables.md`.", SYSTEMS),
    "stability.csv": ("Of a study with variants: one row a system and variant.", STABILITY),
    "choices.csv": ("Under `protocol: both`: one row a task and step.", CHOICES),
    "leaks.csv": ("One row a finding: what the rows of one split share with another's.", LEAKS),
    "costs.csv": ("One row a kind of stage.", COSTS),
    "made.csv": (
        "One row a date, device or version with which stages were run, or number of epochs.",
        MADE,
    ),
    "evidence.csv": (
        "Of the 100 largest edges, decided ones first: a row a part of the test set, and what an "
        "edge changes and is worth ([what does an edge mean?](meaning.md)).",
        EVIDENCE,
    ),
    "false_edges.csv": (
        "One row a model of four seeds or more, compared with itself (A/A).",
        FALSE_EDGES,
    ),
}


def columns_page() -> str:
    """The page as Markdown: a section a table, a row a column."""
    return "\n".join([_HEAD, *(line for name in TABLES for line in _section(name))])


def _section(name: str) -> Iterator[str]:
    said, columns = TABLES[name]
    yield f"## {name}\n\n{said}\n\n| column | what it holds |\n| --- | --- |"
    yield from (f"| `{column}` | {meaning} |" for column, meaning in columns.items())
    yield ""


if __name__ == "__main__":
    print(columns_page(), end="")
