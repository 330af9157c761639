"""Draws in two parts over a real database: nothing in it tells a result, closing publishes both, old rounds still verify."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from pathlib import Path

import pytest

from accrual.bootstrap.draw_keys import KEY_NAME, DrawKey, open_draw_key
from accrual.domain.draw_tables import Draw, Prize
from accrual.domain.errors import Broken, Refused
from accrual.domain.facts import Trigger
from accrual.domain.promos import Benefit, Promo
from accrual.settings import Settings
from accrual.store.connection import Pool
from tests.flow.draw_desk import apply_promos, at_work
from tests.pg_fixtures import Database
from tests.security.test_draw_returns import findings_in

pytestmark = pytest.mark.security

KEY = DrawKey(Path("draw.key"), bytes(range(32)))
OTHER = DrawKey(Path("draw.key"), bytes(32))
PRIZES = tuple(Prize(code=f"P{n}", amount=n + 1, weight=1) for n in range(40))
WHEEL = Promo(code="WHEEL", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=Draw(prizes=PRIZES)),))


async def test_a_round_of_each_scheme_verifies_and_the_second_needs_both_parts(
    database: Database, pool: Pool, owner_pool: Pool
) -> None:
    await apply_promos(pool, WHEEL, draw_key=KEY)
    # The first round began before the schemes differed.
    secret = await pool.fetchval("select secret from draw_secret")
    old = hashlib.sha256(secret).hexdigest()
    await owner_pool.execute("update draw_round set scheme = null, shared = null, commitment = $1", old)
    async with at_work(database, draw_key=KEY) as work:
        await work.enter(0, 40, members=9)
        await work.decide()
        await work.engine.draws.disclose(1, "WHEEL", actor="test")
        noted = (await work.engine.draws.show(1, "WHEEL")).commitment
        await work.enter(40, 60, members=9)
        await work.decide()
        read = await pool.fetch("select to_jsonb(r) as row from draw_round r")
        secret = await pool.fetchval("select secret from draw_secret where round = 2")
        assert KEY.key.hex() not in repr(read)
        with pytest.raises(Refused, match="--key-lost") as refused:
            async with at_work(database, lanes=0, draw_key=OTHER) as elsewhere:
                await elsewhere.engine.draws.disclose(1, "WHEEL", actor="test")
        assert refused.value.code == "draw_key_missing"
        closed, opened = await work.engine.draws.disclose(1, "WHEEL", actor="test")
        lines = await work.receipts("WHEEL")
    assert (closed.scheme, closed.shared, closed.commitment) == (2, True, noted)
    assert opened.share is None
    assert [each["scheme"] for each in lines[0]["rounds"]] == [1, 2, 2]
    assert {"accepted" in line for line in lines[1:] if line["round"] == 1} == {False}
    assert {"accepted" in line for line in lines[1:] if line["round"] == 2} == {True}
    assert findings_in(lines) == []

    changes = {
        "share": ("0" * 64, "not the one that was committed to"),
        "secret": ("0" * 64, "not the one that was committed to"),
        "beacon": ("checkpoint", "not the one that was committed to"),
        "shared": (False, ""),
    }
    for name, (value, said) in changes.items():
        other = deepcopy(lines)
        other[0]["rounds"][1][name] = value
        assert any(said in found for found in findings_in(other)) or not said
    unpublished = deepcopy(lines)
    unpublished[0]["rounds"][1]["share"] = None
    assert any("hosts' part" in found for found in findings_in(unpublished))

    moved = deepcopy(lines)
    second = next(n for n, line in enumerate(moved) if line.get("round") == 2 and line["number"] == 2)
    moved[second]["accepted"] = "2020" + moved[second]["accepted"][4:]
    assert any("was changed" in found for found in findings_in(moved))
    assert any("the secret names" in found for found in findings_in(moved))
    assert any("was accepted before" in found for found in findings_in(moved))


async def test_a_worker_without_the_key_parks_and_a_lost_key_ends_the_round(database: Database, pool: Pool) -> None:
    await apply_promos(pool, WHEEL, draw_key=KEY)
    async with at_work(database) as work:
        await work.enter(0, 2, members=2)
        await work.decide()
        assert await pool.fetch("select distinct error from parked") == [("Broken draw_key_missing",)]
        assert await pool.fetchval("select count(*) from draw_entry") == 0
        closed, opened = await work.engine.draws.disclose(1, "WHEEL", actor="test", key_lost=True)
        assert (closed.shared, closed.share, opened.shared) == (True, None, False)
        await work.enter(2, 3, members=3)
        await work.decide()
        await work.engine.draws.disclose(1, "WHEEL", actor="test")
        lines = await work.receipts("WHEEL")
    assert len(lines) == 4
    assert findings_in(lines) == [
        "round 1: the hosts' part of its secret was never published, so no result can be verified"
    ]


def test_an_embedded_installation_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    first = open_draw_key(Settings(), tmp_path / "data")
    again = open_draw_key(Settings(), tmp_path / "data")
    assert first is not None
    assert first == again
    assert first.path == tmp_path / "data" / KEY_NAME
    assert first.path.stat().st_mode & 0o777 == 0o600
    assert first.key.hex() not in repr(first)
    assert [path.name for path in (tmp_path / "data").iterdir()] == [KEY_NAME]
    assert open_draw_key(Settings(), None) is None


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("0" * 63, 0o600, "64 hexadecimal digits"),
        ("g" * 64, 0o600, "64 hexadecimal digits"),
        ("0" * 64, 0o640, "chmod 600"),
        (None, 0, "No such file"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, mode: int, said: str) -> None:
    path = tmp_path / "draw.key"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(Broken, match=said) as raised:
        open_draw_key(Settings(draw_key_file=path), tmp_path)
    assert raised.value.code == "draw_key_unusable"
    assert text is None or text not in str(raised.value)
