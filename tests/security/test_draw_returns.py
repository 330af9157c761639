"""Returned prizes over a real database: back in stock and odds, recorded in the chained log, and verified offline."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest

from accrual.domain.commands import Receipt, Submission, content_digest
from accrual.domain.dialects import Dialect
from accrual.domain.draw_tables import Draw, Prize
from accrual.domain.facts import Identity, Trigger
from accrual.domain.movements import Reverse
from accrual.domain.promos import Benefit, Limit, Period, Promo
from accrual.draw_verify import verify
from accrual.store.connection import Pool
from tests.flow.draw_desk import AtWork, _entry, apply_promos, at_work
from tests.pg_fixtures import Database

pytestmark = pytest.mark.security

WHEEL = Promo(
    code="WHEEL",
    trigger=Trigger.DRAW_ENTRY,
    limits=(Limit(count=1, every=Period.DAY),),
    benefits=(
        Benefit(
            asset="PTS",
            draw=Draw(
                prizes=(
                    Prize(code="GOLD", asset="GOLD", weight=1_000_000_000, stock=3),
                    Prize(code="NOTHING", nothing=True, weight=1),
                )
            ),
        ),
    ),
)


def findings_in(lines: Sequence[dict[str, Any]]) -> list[str]:
    """What the offline verifier finds."""
    return verify([json.dumps(line) for line in lines])[0]


def rechained(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same file with chains, ends and root made to fit, as somebody would who may write everything."""
    head, receipts = deepcopy(lines[0]), deepcopy(list(lines[1:]))
    published = head["rounds"][0]
    ends = []
    for bucket in sorted({each["bucket"] for each in receipts}):
        chain = hashlib.sha256(f"accrual draw/{published['commitment']}/{bucket}".encode()).digest()
        mine = [each for each in receipts if each["bucket"] == bucket and each["round"] == 1]
        for number, each in enumerate(mine, 1):
            each["number"] = number
            rest = {name: value for name, value in each.items() if name != "chain"}
            text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            chain = hashlib.sha256(chain + text).digest()
            each["chain"] = chain.hex()
        ends.append([bucket, len(mine), chain.hex()])
    head["heads"]["1"] = ends
    published["entries"] = sum(end[1] for end in ends)
    published["root"] = hashlib.sha256("".join(f"{b} {n} {c}\n" for b, n, c in ends).encode()).hexdigest()
    return [head, *receipts]


async def give_back(work: AtWork, number: int, ticket: bytes, member: int) -> None:
    """Return a member's entry."""
    (client,) = work.engine.catalog.clients.values()
    command = Reverse(dialect=Dialect.NATIVE, action="", identity=Identity("id", str(member)), target=ticket)
    key = b"back%d" % number
    submission = Submission(
        programme_id=client.programme_id,
        client_id=client.client_id,
        command=command,
        key=key,
        content=content_digest(key),
        body=b"{}",
    )
    (answer,) = await work.engine.submit_many([submission])
    assert not isinstance(answer, Exception)


async def enter(work: AtWork, members: range) -> dict[str, tuple[int, bytes]]:
    """An entry of each of these members: (member, ticket) by the ticket as receipts write it."""
    (client,) = work.engine.catalog.clients.values()
    entries = [_entry(client.programme_id, client.client_id, member, member, None) for member in members]
    found = {}
    for member, answer in zip(members, await work.engine.submit_many(entries), strict=True):
        assert isinstance(answer, Receipt)
        found[answer.ticket.hex()] = (member, answer.ticket)
    await work.decide()
    return found


async def test_returned_prizes_are_won_again_and_every_step_verifies(database: Database, pool: Pool) -> None:
    await apply_promos(pool, WHEEL)
    async with at_work(database) as work:
        entered = await enter(work, range(5))
        assert [each.left for each in (await work.engine.draws.show(1, "WHEEL")).odds] == [0, None]
        won = [entered[line["ticket"]] for line in (await work.receipts("WHEEL"))[1:] if line["prize"] == "GOLD"]
        assert len(won) == 3
        for number, (member, ticket) in enumerate(won[:2]):
            await give_back(work, number, ticket, member)
        await work.decide()
        (gold, _) = (await work.engine.draws.show(1, "WHEEL")).odds
        assert (gold.left, gold.out) == (2, None)
        again = _entry(1, next(iter(work.engine.catalog.clients.values())).client_id, 99, won[0][0], None)
        await work.engine.submit_many([again])
        await enter(work, range(5, 9))
        closed, _ = await work.engine.draws.disclose(1, "WHEEL", actor="test")
        assert closed.entries == 5 + 4 + 2, "the second try of the day is none; each return is a record of its own"
        lines = await work.receipts("WHEEL")
    assert findings_in(lines) == []
    assert sum("returned" in line for line in lines[1:]) == 2
    drawn = Counter(line["prize"] for line in lines[1:] if "returned" not in line)
    assert drawn["GOLD"] == 5
    returns = [n for n, line in enumerate(lines) if "returned" in line]

    gone = rechained([line for n, line in enumerate(lines) if n not in returns])
    assert any("GOLD was won 5 times, and there were 3" in found for found in findings_in(gone))

    twice = deepcopy(lines)
    twice[returns[1]]["returned"] = twice[returns[0]]["returned"]
    assert any("was returned before" in found for found in findings_in(rechained(twice)))

    loser = next(line for line in lines[1:] if line["prize"] == "NOTHING")
    unwon = deepcopy(lines)
    unwon[returns[0]]["returned"] = f"{loser['round']}-{loser['bucket']}-{loser['number']}"
    assert any("did not win it" in found for found in findings_in(rechained(unwon)))

    assert any("was changed" in found for found in findings_in(unwon))
    assert any("is left out" in found for found in findings_in([x for n, x in enumerate(lines) if n != returns[0]]))
