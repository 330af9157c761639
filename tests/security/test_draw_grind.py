"""Choosing a key wins nothing: points are made of an entry's place and time of acceptance, and of a secret in two parts."""

from __future__ import annotations

import hmac
from collections import Counter
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.draw_tables import Draw, Prize
from accrual.domain.draws import SCHEME_BY_PLACE, DrawHead, DrawSecret, point_key_of, sealed, share_of, terms_of
from accrual.domain.errors import Broken
from accrual.domain.facts import DrawEntry
from accrual.domain.ids import ticket_of
from accrual.domain.promos import Benefit, Promo, Trigger
from accrual.engine.entries import blinded, with_key
from accrual.rules.compile import compile_programme
from accrual.rules.draw_tables import CompiledDraw
from accrual.rules.draws import draw_entry, place_of, point_of
from accrual.rules.snapshot import Snapshot
from tests.desk import START, catalogue_of, identity_of, member_of
from tests.unit.rules.chi_square import chi_square_p

pytestmark = pytest.mark.security

SECRET, KEY = b"s" * 32, b"k" * 32
WEIGHTS = {"PHONE": 1, "HUNDRED": 50, "TEN": 900}


def by_place(promo_id: int, *, key: bytes | None = KEY) -> DrawSecret:
    """The secret of a new round, as a worker that has `key` reads it; None: a round whose secret is in the database alone."""
    terms = terms_of(SECRET, key)
    read = DrawSecret(
        promo_id=promo_id,
        round=1,
        secret=SECRET,
        scheme=terms.scheme,
        committed=terms.commitment,
        shared=terms.shared,
    )
    return read.with_key(key)


def table(secret: DrawSecret | None = None, weights: dict[str, int] | None = None) -> tuple[CompiledDraw, Snapshot]:
    """A prize table with this secret, and who enters it."""
    prizes = tuple(Prize(code=code, weight=weight) for code, weight in (weights or WEIGHTS).items())
    promo = Promo(code="WHEEL", trigger=Trigger.DRAW_ENTRY, benefits=(Benefit(asset="PTS", draw=Draw(prizes=prizes)),))
    catalogue = catalogue_of((promo,))
    drawn = secret or by_place(catalogue.promos[0].promo_id)
    programme = compile_programme(msgspec.structs.replace(catalogue, secrets=(drawn,)))
    (timeline,) = next(iter(programme.index.values()))
    draw = timeline.versions[0].for_member[0].draw
    assert draw is not None
    return draw, Snapshot(programme, None, member_of("ann"), identity_of("ann"), START, lambda key: 0)


def points_by_key(draw: CompiledDraw, snapshot: Snapshot, keys: int) -> Counter[int]:
    """The points of an entry at the same place, by the idempotency key that a client might choose for it."""
    found = Counter[int]()
    for number in range(keys):
        ticket = ticket_of(1, 1, member_of("ann"), b"k-order-%d" % number, 7)
        at = msgspec.structs.replace(snapshot, ticket=ticket, tag=bytes([number % 256]) * 16)
        found[draw_entry(draw, DrawEntry(occurred_at=START), at, {}, {}, {}).receipt["point"]] += 1
    return found


def test_a_thousand_keys_give_one_point() -> None:
    assert len(points_by_key(*table(), 1_000)) == 1


def test_rounds_of_the_first_scheme_stay_as_they_began() -> None:
    draw, snapshot = table(DrawSecret(promo_id=1, round=1, secret=SECRET))
    assert len(points_by_key(draw, snapshot, 1_000)) > 500, "which is what the second scheme ends"
    ticket = ticket_of(1, 1, member_of("ann"), b"1", 7)
    result = draw_entry(
        draw, DrawEntry(occurred_at=START), msgspec.structs.replace(snapshot, ticket=ticket), {}, {}, {}
    )
    assert result.receipt["point"] == point_of(SECRET, f"{ticket.hex()}/WHEEL", 951)
    assert "accepted" not in result.receipt


def test_neither_member_nor_facts_enter_the_point() -> None:
    draw, snapshot = table()
    points = set()
    for name in ("ann", "bob", "cid"):
        for minutes in range(20):
            ticket = ticket_of(1, 1, member_of(name), b"1", 7)
            at = msgspec.structs.replace(snapshot, ticket=ticket, member_id=member_of(name), tag=member_of(name))
            fact = DrawEntry(occurred_at=START - timedelta(minutes=minutes))
            points.add(draw_entry(draw, fact, at, {}, {}, {}).receipt["point"])
    assert len(points) == 1


def test_place_chain_and_acceptance_each_change_the_point() -> None:
    base = ("c" * 64, 1, 7, 3, b"x" * 32, "2026-03-01T03:00:00.000000+00:00")
    others = [
        ("d" * 64, *base[1:]),
        (base[0], 2, *base[2:]),
        (*base[:2], 8, *base[3:]),
        (*base[:3], 4, *base[4:]),
        (*base[:4], b"y" * 32, base[5]),
        (*base[:5], "2026-03-01T03:00:00.000001+00:00"),
    ]
    messages = {place_of(*each) for each in (base, *others)}
    assert len(messages) == 7
    assert len({point_of(SECRET, message, 1 << 62) for message in messages}) == 7


def test_who_reads_the_database_cannot_tell_what_comes_next() -> None:
    draw, snapshot = table(weights={f"P{n}": 1 for n in range(50)})
    told = by_place(1)
    head: DrawHead | None = None
    right = right_with_key = 0
    for number in range(400):
        now = START + timedelta(microseconds=number * 137)
        ticket = ticket_of(1, 1, member_of("ann"), b"%d" % number, 7)
        at = msgspec.structs.replace(snapshot, ticket=ticket, now=now, drawn=lambda key: head)  # noqa: B023 - called at once
        result = draw_entry(draw, DrawEntry(), at, {}, {}, {})
        receipt = result.receipt
        chain = draw_start(draw) if head is None else head.chain
        message = place_of(told.commitment, 1, 7, receipt["number"], chain, receipt["accepted"])
        # All that the database holds, the time of acceptance included, but not the file of the hosts.
        for guess in (SECRET, point_key_of(SECRET, None), hmac.digest(SECRET, bytes(32), "sha256")):
            right += point_of(guess, message, 50) == receipt["point"]
        right_with_key += point_of(point_key_of(SECRET, share_of(KEY, SECRET)), message, 50) == receipt["point"]
        head = result.drawn.head
    assert right_with_key == 400
    assert right < 60, "of 1,200 guesses one in fifty is right by chance"


def draw_start(draw: CompiledDraw) -> bytes:
    """What the chain of bucket 7 begins with."""
    from accrual.domain.draws import chain_start

    return chain_start(draw.commitment, 7)


def test_the_odds_are_as_stated() -> None:
    weights = {"PHONE": 1_000, "HUNDRED": 9_000, "TEN": 90_000, "REST": 400_000}
    draw, snapshot = table(weights=weights)
    won = Counter[str]()
    heads: dict[int, DrawHead] = {}
    for number in range(40_000):
        bucket = number % 16
        ticket = ticket_of(1, 1, member_of("ann"), b"%d" % (number % 3), bucket)
        now = START + timedelta(seconds=number // 100)
        at = msgspec.structs.replace(snapshot, ticket=ticket, now=now, drawn=lambda key: heads.get(bucket))  # noqa: B023 - called at once
        result = draw_entry(draw, DrawEntry(), at, {}, {}, {})
        heads[bucket] = result.drawn.head
        won[result.prize.code] += 1
    assert chi_square_p(won, weights) > 0.001


@pytest.mark.parametrize("key", [None, b"other" + bytes(27)])
def test_a_worker_without_the_key_draws_nothing(key: bytes | None) -> None:
    without = msgspec.structs.replace(by_place(1), share=None).with_key(key)
    assert without.point_key is None
    draw, snapshot = table(without)
    with pytest.raises(Broken, match="ACCRUAL_DRAW_KEY_FILE") as raised:
        draw_entry(draw, DrawEntry(occurred_at=START), msgspec.structs.replace(snapshot, ticket=bytes(16)), {}, {}, {})
    assert raised.value.code == "draw_key_missing"


def test_a_preview_needs_neither_secret_nor_key() -> None:
    _, snapshot = table()
    catalogue = snapshot.programme.catalogue
    bare = msgspec.structs.replace(
        catalogue, secrets=tuple(msgspec.structs.replace(each, share=None) for each in catalogue.secrets)
    )
    (secret,) = with_key(bare, KEY).secrets
    assert secret.share == share_of(KEY, SECRET)
    (looked_at,) = blinded(bare).secrets
    assert (looked_at.round, looked_at.scheme) == (0, SCHEME_BY_PLACE)
    assert looked_at.point_key not in (None, secret.point_key)


def test_what_was_drawn_is_drawn_again_without_secrets() -> None:
    draw, snapshot = table()
    receipts: list[dict[str, Any]] = []
    for number in range(50):
        at = msgspec.structs.replace(snapshot, ticket=ticket_of(1, 1, bytes(16), b"%d" % number, number))
        receipts.append(draw_entry(draw, DrawEntry(occurred_at=START), at, {}, {}, {}).receipt)
    secretless = DrawSecret(
        promo_id=1, round=1, secret=bytes(32), scheme=SCHEME_BY_PLACE, committed=draw.commitment, shared=True
    )
    blank, snapshot = table(secretless)
    for receipt in receipts:
        at = msgspec.structs.replace(snapshot, ticket=bytes.fromhex(receipt["ticket"]), replayed={1: receipt})
        assert draw_entry(blank, DrawEntry(occurred_at=START), at, {}, {}, {}).receipt == receipt
    other, snapshot = table(secretless, {"A": 1, "B": 1})
    at = msgspec.structs.replace(snapshot, ticket=bytes(16), replayed={1: receipts[0]})
    assert draw_entry(other, DrawEntry(occurred_at=START), at, {}, {}, {}).prize.code in ("A", "B")


def test_the_commitment_binds_secret_share_and_beacon() -> None:
    share = share_of(KEY, SECRET)
    made = [
        sealed(SECRET, share, None),
        sealed(bytes(32), share, None),
        sealed(SECRET, None, None),
        sealed(SECRET, bytes(32), None),
        sealed(SECRET, share, "checkpoint"),
    ]
    assert len(set(made)) == 5
