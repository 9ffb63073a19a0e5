"""A statement that cannot have its lock: the error says who may be in the way."""

from __future__ import annotations

import pytest

from sqitchpy.errors import DeployError
from tests.integration.conftest import Build
from tests.projects import Scripts, table


def test_the_hint_names_the_transactions_that_are_open(build: Build) -> None:
    locked = Scripts("SET LOCAL lock_timeout = '100ms';\nALTER TABLE public.a ADD COLUMN b int;\n")
    app = build({"a": table("a"), "b": locked})
    app.deploy("a")
    with app.database.connect(autocommit=False, application_name="the other one") as other:
        other.execute("SELECT count(*) FROM public.a")
        with pytest.raises(DeployError) as raised:
            app.deploy(mode="change")
        pid = other.info.backend_pid
    hint = raised.value.hint or ""
    assert f"process {pid}" in hint
    assert "application the other one" in hint
    assert "idle in transaction: SELECT count(*) FROM public.a" in hint
    assert app.deployed() == ["a"]
    app.deploy()
    assert app.deployed() == ["a", "b"]
