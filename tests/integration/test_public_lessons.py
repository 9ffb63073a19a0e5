"""What deploying public projects with Sqitch and sqitchpy, side by side, has taught."""

from __future__ import annotations

import pytest

from sqitchpy.errors import UnknownChangeError
from tests.integration.conftest import Build
from tests.projects import table


@pytest.mark.parametrize(
    ("to", "words"),
    [("a", 'Change not deployed: "a"'), ("@HEAD", 'Change not deployed: "@HEAD"'), ("z", 'Unknown change: "z"')],
)
def test_a_change_to_keep_is_looked_for_even_when_nothing_is_deployed(build: Build, to: str, words: str) -> None:
    app = build({"a": table("a")})
    app.deploy()
    app.revert()
    with pytest.raises(UnknownChangeError) as caught:
        app.revert(to)
    assert str(caught.value) == words
