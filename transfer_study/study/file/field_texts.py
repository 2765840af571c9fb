"""The texts below the fields of a class, as its source has them."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent


def field_texts(of: type) -> dict[str, str]:
    """The text below each field of a class, and of those that it is made from, by its name."""
    texts: dict[str, str] = {}
    for cls in reversed(of.__mro__):
        if cls.__module__.partition(".")[0] == __name__.partition(".")[0]:
            (written,) = ast.parse(dedent(inspect.getsource(cls))).body
            assert isinstance(written, ast.ClassDef)
            for field, text in pairwise(written.body):
                match field, text:
                    case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(said))):
                        texts[name] = inspect.cleandoc(said)
    return texts
