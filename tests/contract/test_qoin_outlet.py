"""Where a call of Qoin happened: it names no outlet, so it is the client's own, and a retry stays the same call."""

from __future__ import annotations

import pytest

from tests.contract.qoin_desk import Desk, request

CALLS = [
    *(("qoin_task", name) for name in ("transaction", "productsku", "register", "transactionreferral", "luckydraw")),
    *(("qoin_processor", name) for name in ("transactionpromo", "transactionreferral", "registerreferral")),
]


@pytest.mark.parametrize("outlet", [None, "OTL-001"])
@pytest.mark.parametrize(("dialect", "name"), CALLS)
async def test_every_fact_happens_at_the_clients_default_outlet(dialect: str, name: str, outlet: str | None) -> None:
    answer = await Desk(default_outlet=outlet).hand_in(request(dialect, name))
    assert {fact.outlet for fact in answer.command.facts} == {outlet}


async def test_retry_is_the_same_call_after_the_client_has_got_an_outlet() -> None:
    body = request("qoin_task", "transaction")
    before = (await Desk().hand_in(body, key="k")).taken
    after = (await Desk(default_outlet="OTL-001").hand_in(body, key="k")).taken
    assert before.content == after.content
