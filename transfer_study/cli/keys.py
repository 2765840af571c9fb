"""`transfer-study keys`."""

from __future__ import annotations


def keys() -> None:
    """Print every key of a study file with its meaning, values and default, as Markdown."""
    from transfer_study.study.file.keys_page import keys_page

    print(keys_page(), end="")
