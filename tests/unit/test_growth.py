"""The measure of growth tells linear from quadratic."""

from __future__ import annotations

from tests.growth import grows_with_its_size


def test_a_loop_grows_with_its_size() -> None:
    assert grows_with_its_size(lambda size: sum(range(size)), 200_000)


def test_a_loop_in_a_loop_grows_faster() -> None:
    assert not grows_with_its_size(lambda size: [sum(range(size)) for _ in range(size)], 300)
