"""A raffle's winners follow from a checkpoint that did not exist when the list of its entries was complete."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.checkpoints import JournalLine
from accrual.domain.draw_tables import Raffle, RafflePrize
from accrual.domain.errors import Busy
from accrual.domain.facts import Trigger
from accrual.domain.promos import Benefit, Promo
from accrual.draw_verify import verify
from accrual.store.connection import Pool
from tests.flow.draw_desk import apply_promos, at_work
from tests.pg_fixtures import Database
from tests.security.test_draw_scheme import KEY

pytestmark = pytest.mark.security


def raffle(at: datetime) -> Promo:
    """Five prizes among the members who enter until then."""
    prizes = (RafflePrize(code="CAR", asset="GOLD"), RafflePrize(code="SECOND", asset="PTS", amount=50, count=4))
    return Promo(
        code="RAFFLE",
        trigger=Trigger.DRAW_ENTRY,
        benefits=(Benefit(asset="LD", raffle=Raffle(at=at.isoformat(), prizes=prizes)),),
    )


async def sign(pool: Pool, number: int, at: datetime) -> None:
    """A checkpoint as the installation writes it; nobody looks at its signature here."""
    line = JournalLine(number=number, at="", leaf="", changes=[], note=f"note {number}\n\n— signed\n")
    text = msgspec.json.encode(line).decode()
    await pool.execute("insert into checkpoint values ($1, $2, $3, $4)", number, at, bytes(64), text)


def found_in(lines: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Findings and notes of the offline verifier."""
    return verify([json.dumps(line) for line in lines])


async def test_winners_wait_for_the_first_checkpoint_after_the_list_is_complete(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    await sign(pool, 1, datetime.now(UTC))
    await apply_promos(pool, raffle(at), draw_key=KEY)
    async with at_work(database, draw_key=KEY) as work:
        await work.enter(0, 40, members=30)
        await work.decide()
        clock = [at + timedelta(minutes=1)]
        monkeypatch.setattr(work.engine.raffles, "_now", lambda: clock[0])
        assert await work.engine.raffles.run_due() == 0, "the list is complete, and nobody has won"
        with pytest.raises(Busy, match="checkpoint from after"):
            await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        waiting = (await work.engine.draws.show(1, "RAFFLE")).rounds[0]
        assert (waiting.beacon, waiting.secret, waiting.share, waiting.drawn_at) == ("checkpoint", None, None, None)
        assert (waiting.entries, waiting.closed_at) == (40, clock[0])
        await sign(pool, 2, clock[0] - timedelta(seconds=1))
        assert await work.engine.raffles.run_due() == 0, "a checkpoint from before decides nothing"
        await sign(pool, 3, clock[0] + timedelta(seconds=59))
        await sign(pool, 4, clock[0] + timedelta(seconds=119))
        clock[0] += timedelta(minutes=2)
        assert await work.engine.raffles.run_due() == 5
        assert await work.engine.raffles.run_due() == 0
        again = await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        assert again.beacon_value is not None
        assert again.beacon_value.startswith("3:")
        assert again.root == waiting.root
        lines = await work.receipts("RAFFLE")
    findings, notes = found_in(lines)
    assert findings == []
    assert any("see that checkpoint 3:" in note for note in notes)

    other = deepcopy(lines)
    other[0]["rounds"][0]["beacon_value"] = "4:" + "0" * 64
    assert any("the secret names" in found for found in found_in(other)[0]), "another checkpoint, other winners"
    none = deepcopy(lines)
    none[0]["rounds"][0]["beacon_value"] = None
    assert any("without the value" in found for found in found_in(none)[0])
    unsaid = deepcopy(lines)
    unsaid[0]["rounds"][0]["beacon"] = None
    assert any("not the one that was committed to" in found for found in found_in(unsaid)[0])


async def test_without_checkpoints_a_raffle_is_drawn_at_once(
    database: Database, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    await apply_promos(pool, raffle(at), draw_key=KEY)
    async with at_work(database, draw_key=KEY) as work:
        await work.enter(0, 20, members=20)
        await work.decide()
        monkeypatch.setattr(work.engine.raffles, "_now", lambda: at + timedelta(minutes=1))
        drawn = await work.engine.raffles.draw(1, "RAFFLE", actor="test")
        assert (drawn.beacon, drawn.beacon_value, drawn.shared) == (None, None, True)
        assert found_in(await work.receipts("RAFFLE"))[0] == []
