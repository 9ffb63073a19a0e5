"""How time grows with the size of what is read: for tests that it does not grow with its square."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time

FACTOR = 4
"""How much larger the larger input is."""
GENEROUS = 2.2
"""Time may grow by so much more than the size. Were it quadratic, that would be by as much as the size, 4, again."""
ATTEMPTS = 5


def grows_with_its_size(work: Callable[[int], object], size: int) -> bool:
    """Whether four times the size takes about four times the time; a busy machine gets several attempts.

    CPU time is measured; what takes less than a few milliseconds is not compared.
    """

    def seconds(size: int) -> float:
        start = process_time()
        work(size)
        return process_time() - start

    for _ in range(ATTEMPTS):
        small = min(seconds(size) for _ in range(2))
        large = seconds(size * FACTOR)
        if large < FACTOR * GENEROUS * small + 0.005:
            return True
    return False
