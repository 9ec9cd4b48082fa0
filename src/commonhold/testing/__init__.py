"""What we run against our own stores, for whoever writes another one.

A store is anything that keeps `commonhold.contract.stores.Backend`. To prove one, give pytest two
fixtures and take the tests:

    # conftest.py
    import pytest
    from commonhold.testing.conformance import *

    @pytest.fixture
    async def backend():
        backend = await open_my_store()
        yield backend
        await backend.aclose()

    @pytest.fixture
    def capabilities():
        return Capabilities(excused={"S8": "this store keeps one tenant only"})

    # test_my_store.py
    from commonhold.testing.suite import *

`conformance` goes first: it lets pytest rewrite the asserts of the suite, and brings the fixtures
that have a default (`capabilities`, `clock`, `acting_as`). Each test proves one numbered
requirement of `commonhold.contract`, named at the start of its docstring. An excuse names a
requirement or a test, and says why; the test still runs, and fails the day it passes. Parametrise
`backend` to run everything on several stores. Needs pytest, pytest-asyncio in `auto` mode and Hypothesis.
"""
