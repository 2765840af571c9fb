"""What a run leaves, for those who go on with it: tables, the graph, advice, the report."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from transfer_study.errors import StudyError
from transfer_study.study.spelling import choices
from transfer_study.visible import visible

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from transfer_study.analysis.advice.recommend import Recommendation
    from transfer_study.report.design import Design


def _none(_: pd.DataFrame) -> list[Recommendation]:
    return []


_LISTED = 60
_PICTURES = ("transfer_graph", "size", "stability", "heat_map")


@dataclass(frozen=True, repr=False)
class Outcome:
    """The edges of a study, its figures and report, and which stages did not come through.

    `deltas` has a row an edge: encoder, source, target, arm, reading, metric, baseline, score,
    delta, low, high, p, n_seeds, n_test, verdict and more; in a study of several training sizes
    also size, in one with variants also variant. Notebooks show it as a picture and a table.
    """

    design: Design
    tasks: pd.DataFrame  # name, kind, domain, metric
    deltas: pd.DataFrame
    figures: list[str]  # paths
    failed: frozenset[str] = frozenset()  # labels of stages, children of failed ones included
    not_run: frozenset[str] = frozenset()  # of the models that neither answered nor failed
    advice: Callable[[pd.DataFrame], list[Recommendation]] = _none  # from edges, for all tasks
    choices: pd.DataFrame | None = None  # what each of the paper's choices adds (protocol: both)
    stability: pd.DataFrame | None = None  # of a study with variants
    pretraining: pd.DataFrame | None = None  # what it does to each score
    predicted: pd.DataFrame | None = None  # pairs that were not measured, as they are estimated
    price: str = ""  # how many edges are decided and what one cost, in words
    false_edge_rate: str = ""  # how often models differ from themselves, in words
    report: str | None = None  # the path of the page
    unwritten: tuple[str, ...] = ()  # a sentence an output that could not be written
    notes: tuple[str, ...] = ()  # what else a reader of the outputs must know
    lost: tuple[str, ...] = ()  # what the store had and has no more, in sentences
    study: str = "STUDY"  # as commands name it

    @property
    def edges(self) -> pd.DataFrame:
        """The raw effects of tasks on another, without controls; one of two names once."""
        from transfer_study.analysis.edges import distinct_edges

        return distinct_edges(self.deltas)

    def graph(
        self,
        encoder: str | None = None,
        reading: str | None = None,
        variant: str | None = None,
    ) -> nx.DiGraph[str]:
        """The transfer graph of an encoder, a reading and a variant, each the first if not named.

        Nodes are tasks with their scores alone, edges the effects of pairs (of another arm where
        the study has no pairs), as in `transfer_graph.json`; of several sizes the largest. Raises
        StudyError for what the study does not have.
        """
        from transfer_study.analysis.edges import raw_edges
        from transfer_study.analysis.graph.graph import build_graph
        from transfer_study.analysis.graph.views import at_size

        edges = at_size(raw_edges(self.deltas), None)
        picked = {}
        for column, asked in (("variant", variant), ("encoder", encoder), ("reading", reading)):
            known = list(dict.fromkeys(edges[column])) if column in edges else []
            if asked is not None and asked not in known:
                raise self._unknown(column, asked, known)
            if known:
                picked[column] = asked or known[0]
                edges = edges[edges[column] == picked[column]]
        views = [view for view in self.design.views if len(view.rows(edges))]
        if not views:
            raise self._unknown("edge", "none", [])
        return build_graph(
            edges,
            self.tasks,
            encoder=picked["encoder"],
            reading=picked["reading"],
            view=views[0],
        )

    def recommend(
        self, task: str, encoder: str | None = None, reading: str | None = None
    ) -> list[Recommendation]:
        """With which partners, if any, to train a task: advice an encoder and reading.

        Raises StudyError for what the study does not have, and where nothing was run.
        """
        from transfer_study.analysis.advice.recommend import (
            check_run,
            check_task,
            edges_by,
        )

        preview = self.design.preview
        if preview is not None:
            raise StudyError(f"a preview recommends nothing; run {preview.of} itself")
        check_task(list(self.tasks["name"]), task)
        edges = edges_by(self.design.name, self.deltas, encoder, reading)
        check_run(edges, task, self.study)
        return [one for one in self.advice(edges) if one.task == task]

    @property
    def picture(self) -> str | None:
        """The path of the figure that shows most of the study, None where none was drawn."""
        drawn = [path for path in self.figures if path.endswith(".png")]
        for stem in _PICTURES:
            for path in drawn:
                if Path(path).name.startswith(stem):
                    return path
        return None

    def _unknown(self, column: str, asked: str, known: list[str]) -> Exception:
        name = self.design.name
        if not known:
            return StudyError(f"the study {name} has no {column} that a graph could show")
        return StudyError(f"{column}: found {asked!r}; {choices(asked, known)}")

    def _lines(self) -> Iterator[str]:
        """What is to be said in every form, most important first."""
        preview = self.design.preview
        if preview is not None:
            yield preview.caution
        yield self.price
        if self.failed:
            yield f"{len(self.failed)} stages failed, or waited for one that did."
        if self.not_run:
            yield f"{len(self.not_run)} models are not there yet."
        yield from (*self.unwritten, *self.lost, *self.notes)
        if self.report is not None:
            yield f"Report: {self.report}"

    def __repr__(self) -> str:
        return visible(f"{self.design.name}: ") + "\n".join(map(visible, self._lines()))

    def _repr_png_(self) -> bytes | None:
        picture = self.picture
        return Path(picture).read_bytes() if picture and Path(picture).is_file() else None

    def _repr_html_(self) -> str:
        name = escape(visible(self.design.name))
        parts = [f"<h3>{name}</h3>"]
        if png := self._repr_png_():
            data = base64.b64encode(png).decode("ascii")
            parts.append(
                f'<img style="max-width: 100%" alt="The figure of {name}" '
                f'src="data:image/png;base64,{data}">'
            )
        parts += (f"<p>{escape(visible(line))}</p>" for line in self._lines())
        if len(self.edges):
            shown = self._shown()
            parts.append(shown.head(_LISTED).to_html(index=False, border=0, justify="left"))
            if len(shown) > _LISTED:
                parts.append(f"<p>and {len(shown) - _LISTED} more in <code>.deltas</code></p>")
        for table in (self.pretraining, self.stability, self.choices):
            if table is not None and len(table):
                parts.append(table.map(_shown_cell).to_html(index=False, border=0, justify="left"))
        return "\n".join(parts)

    def _shown(self) -> pd.DataFrame:
        """The edges as people read them: in points, what is always the same left out."""
        import pandas as pd

        from transfer_study.points import points, verdict_text
        from transfer_study.report.sentences.words import interval_text

        edges = self.edges
        axes = [name for name in ("variant", "encoder", "reading", "size") if name in edges]
        told: dict[str, object] = {name: edges[name] for name in axes if edges[name].nunique() > 1}
        rows = edges.to_dict("records")
        told |= {
            "from": edges["source"],
            "to": edges["target"],
            "arm": edges["arm"],
            "baseline": edges["baseline"].map(points),
            "change": [points(row["delta"], signed=True) for row in rows],
            "adjusted interval": list(map(interval_text, rows)),
            "verdict": edges["verdict"].map(verdict_text),
        }
        return pd.DataFrame(told, index=edges.index).map(_shown_cell)


def _shown_cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.4g}"
    return visible(value) if isinstance(value, str) else value
