"""Tickets and members are shown as the books have them, with the names of the revision that decided."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.accounts import Role
from accrual.domain.commands import Dialect, Reward
from accrual.domain.errors import Broken, Missing
from accrual.domain.facts import Identity, ReferralPurchase
from accrual.domain.ids import bucket_of, member_account_id, ticket_of
from accrual.domain.outcomes import Award, Declined, Status
from accrual.domain.programme import Asset, Catalogue, Settings, StoredAsset, StoredClient
from accrual.domain.promos import Benefit, Promo, PromoVersion, Trigger
from accrual.engine.catalog import Catalog
from accrual.engine.reads import Reads
from accrual.store import reads as store_reads
from accrual.store.connection import Pool
from tests.store.hand_ledger import BODY, BUCKETS, LD, PROGRAMME, PTS, START, HandLedger, identities_in, member_of

HERE, THERE = 7, 200


def _promo(version_id: int, code: str, name: str) -> PromoVersion:
    promo = Promo(code=code, name=name, number=52, trigger=Trigger.PURCHASE, benefits=(Benefit(asset="PTS", fixed=1),))
    return PromoVersion(
        promo_version_id=version_id, promo_id=version_id, version=3, revision=1, effective_from=None, promo=promo
    )


CATALOGUE = Catalogue(
    programme_id=PROGRAMME,
    revision=1,
    settings=Settings(code="P", currency="IDR"),
    assets=(
        StoredAsset(asset_id=PTS, asset=Asset(code="PTS", name="Point Reddem", number=35)),
        StoredAsset(asset_id=LD, asset=Asset(code="LD", name="Lucky Draw", number=35)),
    ),
    outlets=(),
    promos=(_promo(11, "TRX", "Transaction"), _promo(12, "DRAW", "Draw")),
)


class TwoRevisions:
    """A catalogue source with the catalogue above as revision 1, and a newest one in which the asset has another name."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []
        self.newest = 2

    async def revisions(self) -> dict[int, int]:
        return {PROGRAMME: self.newest}

    async def catalogue(self, programme_id: int, revision: int | None = None) -> Catalogue:
        self.asked.append(revision)
        if programme_id != PROGRAMME:
            raise Missing
        if revision == 1:
            return CATALOGUE
        renamed = StoredAsset(asset_id=PTS, asset=Asset(code="PTS", name="Renamed", number=36))
        third = StoredAsset(asset_id=3, asset=Asset(code="NEW", name="New", number=1))
        assets = [renamed, CATALOGUE.assets[1], third]
        if self.newest > 2:
            assets.append(StoredAsset(asset_id=4, asset=Asset(code="YOUNG", name="Young", number=4)))
        return msgspec.structs.replace(CATALOGUE, revision=self.newest, assets=tuple(assets))

    async def clients(self) -> list[StoredClient]:
        return []


@dataclasses.dataclass
class Shown:
    """A written ledger and reads over it: Ann and Carl, whom Ann's purchases give to, and Bob."""

    reads: Reads
    catalogues: TwoRevisions
    here: HandLedger
    there: HandLedger
    ann: Identity
    bob: Identity
    carl: Identity


def _fields_of(dialect: int, body: bytes) -> dict[str, Any]:
    return {"dialect": dialect, "sent": msgspec.json.decode(body)}


def _ledger() -> tuple[HandLedger, HandLedger, Identity, Identity, Identity]:
    here, there = HandLedger(HERE), HandLedger(THERE)
    names = identities_in(HERE)
    ann, bob, carl = next(names), next(names), next(identities_in(THERE))
    follow_up = ticket_of(PROGRAMME, 1, member_of(carl), b"follow-up", THERE)
    undecided = ticket_of(PROGRAMME, 1, member_of(carl), b"undecided", THERE)
    here.decide(ann, [Award(11, PTS, 5, "fixed", 1)])
    here.decide(bob, [Award(11, PTS, 3, "fixed", 1)])
    here.decide(ann, declines=(Declined(0, "already_registered"), Declined(12, "promo_paused")))
    given = [
        Award(11, PTS, 7, "fixed", 1, active_at=START + timedelta(days=9), expires_at=START + timedelta(days=90)),
        Award(12, LD, 1, "fixed", 1),
    ]
    parent = here.decide(ann, given, follow_ups=(follow_up,))
    here.decide(ann, follow_ups=(undecided,))
    here.decide(ann, status=Status.PARKED, error="cannot be decided")
    here.close_batch()
    here.log(ann)
    here.referrals.append((HERE, member_of(ann), 1, carl.kind, carl.value))
    side = Reward(
        dialect=Dialect.QOIN_TASK,
        action="transactionreferral",
        identity=carl,
        facts=(ReferralPurchase(occurred_at=START, referred=member_of(ann)),),
        parent=parent.ticket,
    )
    there.decide(carl, [Award(11, PTS, 2, "fixed", 1)], command=side, body=None, ticket=follow_up)
    there.close_batch()
    there.log(carl, ticket=undecided)
    return here, there, ann, bob, carl


@pytest.fixture
async def shown(pool: Pool, owner_pool: Pool) -> AsyncIterator[Shown]:
    here, there, ann, bob, carl = _ledger()
    async with owner_pool.acquire() as connection:
        await here.write(connection)
        await there.write(connection)
    catalogues = TwoRevisions()
    reads = Reads(store_reads.Reads(pool, BUCKETS), Catalog(catalogues), _fields_of, now=lambda: START)
    yield Shown(reads, catalogues, here, there, ann, bob, carl)


def _ticket(ledger: HandLedger, position: int) -> bytes:
    return ledger.commands[position - 1][0].ticket


async def test_ticket_shows_awards_with_the_names_of_its_revision(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 1))
    assert view is not None
    assert (view.status, view.complete, view.revision, view.action) == ("decided", True, 1, "transaction")
    (award,) = view.awards
    assert (award.asset, award.code, award.name, award.amount) == (35, "PTS", "Point Reddem", 5)
    assert (award.promo, award.promo_name, award.promo_number, award.promo_version) == ("TRX", "Transaction", 52, 3)
    assert (award.recipient, award.text) == (shown.ann, "5 PTS: a fixed amount.")
    assert view.fields == {"dialect": 2, "sent": msgspec.json.decode(BODY)}
    assert view.occurred_at == START - timedelta(minutes=1)
    assert view.recorded_at == START + timedelta(seconds=1)
    assert [(line.code, line.role, line.kind, line.amount, line.balance_after) for line in view.lines] == [
        ("PTS", "main", "award", 5, 5)
    ]


async def test_lines_of_a_ticket_are_its_own_members_only(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 4))
    assert view is not None
    assert [(line.code, line.role, line.amount, line.leg) for line in view.lines] == [
        ("PTS", "pending", 7, 0),
        ("LD", "main", 1, 1),
    ]
    assert view.lines[0].expires_at == START + timedelta(days=90)


async def test_ticket_with_follow_ups_lists_the_members_awards_first_then_the_referrers(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 4))
    assert view is not None
    assert view.complete
    assert [(award.code, award.amount, award.recipient) for award in view.awards] == [
        ("PTS", 7, shown.ann),
        ("LD", 1, shown.ann),
        ("PTS", 2, shown.carl),
    ]
    assert view.follow_ups == (_ticket(shown.there, 1),)
    side = await shown.reads.ticket(_ticket(shown.there, 1))
    assert side is not None
    assert (side.parent, side.identity, side.fields) == (view.ticket, shown.carl, {})


async def test_ticket_is_not_complete_while_a_follow_up_is_undecided(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 5))
    assert view is not None
    assert (view.status, view.complete) == ("decided", False)


async def test_declines_are_said_in_words_with_their_promo(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 3))
    assert view is not None
    assert [(decline.reason, decline.promo, decline.promo_version) for decline in view.declines] == [
        ("already_registered", None, None),
        ("promo_paused", "DRAW", 3),
    ]
    assert view.declines[1].text == "The promo was paused."


async def test_parked_ticket_is_final_and_says_its_error(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 6))
    assert view is not None
    assert (view.status, view.complete, view.error, view.revision) == ("parked", True, "cannot be decided", None)


async def test_undecided_ticket_is_waiting(shown: Shown) -> None:
    view = await shown.reads.ticket(_ticket(shown.here, 7))
    assert view is not None
    assert (view.status, view.complete, view.awards, view.lines, view.revision) == ("waiting", False, (), (), None)


async def test_unknown_ticket_is_none(shown: Shown) -> None:
    assert await shown.reads.ticket(ticket_of(PROGRAMME, 1, b"a", b"b", HERE)) is None
    assert await shown.reads.ticket(ticket_of(PROGRAMME, 1, b"a", b"b", 4_000)) is None
    assert await shown.reads.ticket(b"short") is None


async def test_many_tickets_are_read_at_once(shown: Shown) -> None:
    wanted = [_ticket(shown.here, position) for position in range(1, 8)]
    views = await shown.reads.tickets([*wanted, ticket_of(PROGRAMME, 1, b"a", b"b", HERE)])
    assert set(views) == set(wanted)
    assert shown.catalogues.asked.count(1) == 1


async def test_facts_that_cannot_be_read_do_not_hide_the_ticket(shown: Shown, owner_pool: Pool) -> None:
    await owner_pool.execute("update command set facts = 'x' where bucket = $1 and position = 6", HERE)
    view = await shown.reads.ticket(_ticket(shown.here, 6))
    assert view is not None
    assert (view.action, view.status) == ("unreadable", "parked")


async def test_outcome_that_cannot_be_read_is_an_error_that_says_where(shown: Shown, owner_pool: Pool) -> None:
    await owner_pool.execute("update outcome set payload = 'x' where bucket = $1 and position = 1", HERE)
    with pytest.raises(Broken) as broken:
        await shown.reads.ticket(_ticket(shown.here, 1))
    assert (broken.value.code, broken.value.details) == ("outcome_damaged", {"bucket": HERE, "position": 1})


async def test_erased_command_has_no_fields(shown: Shown, owner_pool: Pool) -> None:
    await owner_pool.execute("update command set salt = null, name = null, body = null where bucket = $1", HERE)
    view = await shown.reads.ticket(_ticket(shown.here, 1))
    assert view is not None
    assert view.fields == {}


async def test_member_has_every_asset_of_the_programme_as_it_is_now(shown: Shown) -> None:
    view = await shown.reads.member(PROGRAMME, shown.ann, limit=10)
    assert view is not None
    assert [(b.asset, b.code, b.name, b.posted, b.held, b.pending, b.available, b.debt) for b in view.balances] == [
        (36, "PTS", "Renamed", 5, 0, 7, 5, 0),
        (35, "LD", "Lucky Draw", 1, 0, 0, 1, 0),
        (1, "NEW", "New", 0, 0, 0, 0, 0),
    ]
    assert (view.name, view.referrer, view.identities) == ("Ann", shown.carl, (shown.ann,))


async def test_asset_younger_than_the_catalogue_in_memory_is_shown(shown: Shown, owner_pool: Pool) -> None:
    assert await shown.reads.member(PROGRAMME, shown.ann, limit=1) is not None
    account = member_account_id(member_of(shown.ann), PTS, Role.MEMBER)
    await owner_pool.execute("update account set asset_id = 4 where bucket = $1 and account_id = $2", HERE, account)
    shown.catalogues.newest = 3
    view = await shown.reads.member(PROGRAMME, shown.ann, limit=1)
    assert view is not None
    assert [(b.code, b.posted) for b in view.balances] == [("PTS", 0), ("LD", 1), ("NEW", 0), ("YOUNG", 5)]


async def test_held_points_are_not_available(shown: Shown, owner_pool: Pool) -> None:
    account = member_account_id(member_of(shown.ann), PTS, Role.MEMBER)
    await owner_pool.execute("update line set held_after = 2 where bucket = $1 and account = $2", HERE, account)
    view = await shown.reads.member(PROGRAMME, shown.ann, limit=1)
    assert view is not None
    assert (view.balances[0].posted, view.balances[0].held, view.balances[0].available) == (5, 2, 3)


async def test_history_is_newest_first_with_what_gave_nothing(shown: Shown) -> None:
    view = await shown.reads.member(PROGRAMME, shown.ann, limit=10)
    assert view is not None
    assert [ticket.position for ticket in view.history] == [6, 5, 4, 3, 1]
    assert view.next_before is None


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_history_is_paged_without_gap_or_repetition(shown: Shown, limit: int) -> None:
    seen: list[int] = []
    before = None
    for _ in range(10):
        view = await shown.reads.member(PROGRAMME, shown.ann, limit=limit, before=before)
        assert view is not None
        assert len(view.history) <= limit
        seen += [ticket.position for ticket in view.history]
        before = view.next_before
        if before is None:
            break
    assert seen == [6, 5, 4, 3, 1]


async def test_history_of_one_member_has_nothing_of_another(shown: Shown) -> None:
    view = await shown.reads.member(PROGRAMME, shown.bob, limit=10)
    assert view is not None
    assert [ticket.position for ticket in view.history] == [2]


async def test_position_with_many_lines_counts_once_in_a_page(pool: Pool, owner_pool: Pool) -> None:
    here = HandLedger(HERE)
    ann = next(identities_in(HERE))
    here.decide(ann, [Award(11, PTS, 1, "fixed", 1)])
    here.decide(ann, [Award(11, PTS, 1, "fixed", 1)] * 9)
    here.close_batch()
    async with owner_pool.acquire() as connection:
        await here.write(connection)
    reads = Reads(store_reads.Reads(pool, BUCKETS), Catalog(TwoRevisions()), _fields_of, now=lambda: START)
    view = await reads.member(PROGRAMME, ann, limit=2)
    assert view is not None
    assert [ticket.position for ticket in view.history] == [2, 1]
    assert view.balances[0].posted == 10


async def test_unknown_member_is_none(shown: Shown) -> None:
    assert await shown.reads.member(PROGRAMME, Identity("qoin.user_id", "nobody"), limit=10) is None
    assert await shown.reads.member(PROGRAMME + 1, shown.ann, limit=10) is None


async def test_linked_identity_shows_its_member(shown: Shown, owner_pool: Pool) -> None:
    card = Identity("card", "4711")
    bucket = bucket_of(member_of(card), BUCKETS)
    insert = "insert into identity values ($1, $2, $3, $4, $5)"
    await owner_pool.execute(insert, bucket, PROGRAMME, card.kind, card.value, member_of(shown.ann))
    view = await shown.reads.member(PROGRAMME, card, limit=10)
    assert view is not None
    assert view.member_id == member_of(shown.ann)
    assert view.identities == (card, shown.ann)


async def test_merged_member_is_shown_as_the_one_it_became(shown: Shown, owner_pool: Pool) -> None:
    merge = "update member set merged_into = $2 where member_id = $1"
    await owner_pool.execute(merge, member_of(shown.bob), member_of(shown.carl))
    view = await shown.reads.member(PROGRAMME, shown.bob, limit=10)
    assert view is not None
    assert view.member_id == member_of(shown.carl)


async def test_name_alone_is_that_of_the_member_an_identity_stands_for(shown: Shown, owner_pool: Pool) -> None:
    async def names() -> list[str | None]:
        stranger = Identity(shown.ann.kind, "nobody")
        return [await shown.reads.member_name(PROGRAMME, who) for who in (shown.ann, shown.bob, shown.carl, stranger)]

    call = "update member set name = $2 where member_id = $1"
    for member, name in ((shown.ann, "Ann"), (shown.bob, None), (shown.carl, "Carl")):
        await owner_pool.execute(call, member_of(member), name)
    assert await names() == ["Ann", None, "Carl", None]
    assert await shown.reads.member_name(PROGRAMME + 1, shown.ann) is None
    link = "update identity set member_id = $2 where kind = $3 and value = $4 and bucket = $1"
    await owner_pool.execute(link, HERE, member_of(shown.carl), shown.bob.kind, shown.bob.value)
    assert await names() == ["Ann", "Carl", "Carl", None]
    await owner_pool.execute(
        "update member set merged_into = $2 where member_id = $1", member_of(shown.ann), member_of(shown.carl)
    )
    assert await names() == ["Carl", "Carl", "Carl", None]


async def test_members_merged_in_a_circle_end_nowhere(shown: Shown, owner_pool: Pool) -> None:
    merge = "update member set merged_into = $2 where member_id = $1"
    await owner_pool.execute(merge, member_of(shown.bob), member_of(shown.carl))
    await owner_pool.execute(merge, member_of(shown.carl), member_of(shown.bob))
    assert await shown.reads.member(PROGRAMME, shown.bob, limit=10) is None
