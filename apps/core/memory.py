"""How a process that works on millions of values keeps house with memory."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS, ROUNDS, WHOLE = 100_000, 20, 100
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(128 * 2**20)}
"""Environment of a worker that counts: glibc keeps freed blocks of a few megabytes instead of asking the kernel again."""


@contextmanager
def few_collections() -> Iterator[None]:
    """Search for cycles rarely, and not among what is there already.

    Counting and laying out pages make very many objects that stay in use; looking at all of them again and again takes a
    tenth to a quarter of the time. What is freed without cycles is freed at once as ever.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(OBJECTS, ROUNDS, WHOLE)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
