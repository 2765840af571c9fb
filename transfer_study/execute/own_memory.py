"""What a stage has used is given back at its end."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_memory() -> Iterator[None]:
    """Of all objects made within, those that nothing uses any more are removed at the end.

    Models refer to themselves in circles, which Python would find when it likes. To look through
    all that was there before, libraries above all, takes a quarter of a second a stage.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
