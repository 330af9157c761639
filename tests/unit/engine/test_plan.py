"""What a programme file means for what is stored: effects, fields, from when versions hold, and what is never done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from accrual.domain.errors import Conflict, Refused
from accrual.domain.facts import Trigger
from accrual.domain.programme import Asset, Client, Outlet, Programme, Settings, StoredAsset, StoredClient
from accrual.domain.promos import Benefit, Promo, PromoStatus, PromoVersion, Where, Window
from accrual.domain.stored_programme import FILE_ORIGIN, SavedVersion, StoredProgramme, StoredPromo
from accrual.engine.plan import make_plan
from accrual.engine.plan_shape import Effect, Plan, PlanItem

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DIGEST = bytes(range(32))


def promo(code: str = "P", **changes: Any) -> Promo:
    return Promo(code=code, trigger=Trigger.PURCHASE, benefits=(Benefit(asset="PTS", fixed=1),), **changes)


def document(**changes: Any) -> Programme:
    return msgspec.structs.replace(
        Programme(
            programme=Settings(code="demo", time_zone="Asia/Jakarta", currency="IDR"),
            assets=(Asset(code="PTS"),),
            outlets=(Outlet(code="O1"),),
            clients=(Client(code="shop", key_env="K"),),
            promos=(promo(),),
        ),
        **changes,
    )


def stored(
    of: Programme, *, origin: str = FILE_ORIGIN, used: bool = False, lag: timedelta | None = None
) -> StoredProgramme:
    return StoredProgramme(
        programme_id=1,
        revision=4,
        settings=of.programme,
        assets=tuple(StoredAsset(asset_id=i, asset=asset) for i, asset in enumerate(of.assets, 1)),
        outlets=of.outlets,
        clients=tuple(
            StoredClient(
                client_id=i, programme_id=1, client=msgspec.structs.replace(client, key_env=None), key_digest=DIGEST
            )
            for i, client in enumerate(of.clients, 1)
        ),
        ended_clients=(),
        promos=tuple(
            StoredPromo(
                promo_id=i,
                origin=origin,
                saved=(
                    SavedVersion(
                        version=PromoVersion(
                            promo_version_id=i, promo_id=i, version=1, revision=1, effective_from=None, promo=one
                        ),
                        actor="ann",
                        recorded_at=NOW - timedelta(days=9),
                    ),
                ),
            )
            for i, one in enumerate(of.promos, 1)
        ),
        used=used,
        facts_lag=lag,
    )


def plan(after: Programme, before: StoredProgramme | None, *, prune: bool = False, digest: bytes = DIGEST) -> Plan:
    return make_plan(after, before, key_digests={"shop": digest}, now=NOW, prune=prune)


def item(made: Plan, kind: str, code: str) -> PlanItem:
    (found,) = [item for item in made.items if (item.kind, item.code) == (kind, code)]
    return found


def test_everything_of_a_new_programme_is_created() -> None:
    made = plan(document(), None)
    assert {item.effect for item in made.items} == {Effect.CREATE}
    assert made.revision == 0
    assert made.change is not None
    assert made.change.revises


def test_same_file_again_is_no_change() -> None:
    made = plan(document(), stored(document()))
    assert {item.effect for item in made.items} == {Effect.UNCHANGED}
    assert made.change is None


def test_changed_field_is_shown_before_and_after_and_alone_is_written() -> None:
    changed = promo(number=5)
    made = plan(document(promos=(changed,)), stored(document()))
    assert [(f.path, f.before, f.after) for f in item(made, "promo", "P").fields] == [("number", 0, 5)]
    assert made.change is not None
    assert [write.promo for write in made.change.promos] == [changed]
    assert not made.change.revises
    assert (made.change.assets, made.change.clients) == ((), ())
    (entry,) = made.change.audit
    assert (entry.action, entry.subject) == ("change", "promo P")


def test_new_thing_shows_what_its_author_wrote() -> None:
    made = plan(document(), None)
    assert [field.path for field in item(made, "promo", "P").fields] == [
        "code",
        "trigger",
        "benefits[0].asset",
        "benefits[0].fixed",
    ]


def test_new_key_is_a_change_and_shows_only_a_fingerprint() -> None:
    made = plan(document(), stored(document()), digest=bytes(32))
    (field,) = item(made, "client", "shop").fields
    assert (field.path, field.after) == ("key", "sha256:000000000000...")
    assert made.change is not None
    assert made.change.clients[0].key_digest == bytes(32)
    assert made.change.clients[0].client.key_env is None


@pytest.mark.parametrize(
    ("window", "effective_from", "expected"),
    [
        (Window(), None, None),
        (Window(from_="2026-11-25T00:00"), None, datetime(2026, 11, 24, 17, tzinfo=UTC)),
        (Window(from_="2026-11-25T00:00", zone="UTC"), None, datetime(2026, 11, 25, tzinfo=UTC)),
        (Window(), "2026-01-01T00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_first_version_holds_from_its_windows_start_else_from_the_beginning(
    window: Window, effective_from: str | None, expected: datetime | None
) -> None:
    made = plan(document(promos=(promo(window=window, effective_from=effective_from),)), None)
    assert made.change is not None
    assert made.change.promos[0].effective_from == expected


@pytest.mark.parametrize(
    ("effective_from", "expected"), [(None, NOW), ("2026-12-01T07:00", datetime(2026, 12, 1, tzinfo=UTC))]
)
def test_later_version_holds_from_its_approval_or_its_own_instant(
    effective_from: str | None, expected: datetime
) -> None:
    window = Window(from_="2026-01-01T00:00")
    before = document(promos=(promo(window=window),))
    made = plan(document(promos=(promo(window=window, number=1, effective_from=effective_from),)), stored(before))
    assert made.change is not None
    assert made.change.promos[0].effective_from == expected
    assert item(made, "promo", "P").holds_from == expected.isoformat(timespec="seconds")


def test_change_that_cannot_touch_facts_as_old_as_recent_ones_warns() -> None:
    after = document(promos=(promo(number=1),))
    (warning,) = item(plan(after, stored(document(), lag=timedelta(days=400))), "promo", "P").warnings
    assert "400 days" in warning
    assert item(plan(after, stored(document(), lag=timedelta(minutes=5))), "promo", "P").warnings == ()
    reaching = document(promos=(promo(number=1, effective_from="2024-01-01T00:00"),))
    (said,) = item(plan(reaching, stored(document(), lag=timedelta(days=400))), "promo", "P").warnings
    assert "in the past" in said


def test_what_the_file_does_not_name_stays_and_is_listed() -> None:
    made = plan(document(promos=(), clients=(), outlets=(), assets=()), stored(document()))
    left = {(item.kind, item.code) for item in made.items if item.effect is Effect.NOT_IN_FILE}
    assert left == {("asset", "PTS"), ("outlet", "O1"), ("client", "shop"), ("promo", "P")}
    assert made.change is None


def test_outlet_not_in_the_file_survives_a_change_of_another() -> None:
    made = plan(document(outlets=(Outlet(code="O2"),)), stored(document()))
    assert made.change is not None
    assert {outlet.code for outlet in made.change.outlets} == {"O1", "O2"}


def test_prune_ends_promos_clients_and_outlets_but_no_asset() -> None:
    made = plan(document(promos=(), clients=(), outlets=(), assets=()), stored(document()), prune=True)
    assert {item.kind for item in made.items if item.effect is Effect.END} == {"promo", "client", "outlet"}
    assert "never removed" in item(made, "asset", "PTS").notes[0]
    assert made.change is not None
    assert made.change.ended_clients == ("shop",)
    assert made.change.outlets == ()
    (write,) = made.change.promos
    assert (write.promo.status, write.effective_from) == (PromoStatus.ENDED, NOW)


def test_prune_leaves_what_a_dialect_made() -> None:
    made = plan(document(promos=()), stored(document(), origin="profitflow"), prune=True)
    assert item(made, "promo", "P").effect is Effect.NOT_IN_FILE
    assert "profitflow" in item(made, "promo", "P").notes[0]
    assert made.change is None


def test_promo_that_a_dialect_made_cannot_be_taken_over_by_a_file() -> None:
    with pytest.raises(Conflict) as conflict:
        plan(document(promos=(promo(number=1),)), stored(document(), origin="profitflow"))
    assert conflict.value.code == "promo_not_ours"


def test_ended_promo_is_not_listed_again() -> None:
    gone = document(promos=(promo(status=PromoStatus.ENDED),))
    made = plan(document(promos=()), stored(gone), prune=True)
    assert made.change is None
    assert [item for item in made.items if item.kind == "promo"] == []


@pytest.mark.parametrize("change", [{"currency": "USD"}, {"minor_units": 0}])
def test_currency_of_a_programme_with_commands_stays(change: dict[str, Any]) -> None:
    after = document(programme=msgspec.structs.replace(document().programme, **change))
    assert plan(after, stored(document())).change is not None
    with pytest.raises(Refused) as refused:
        plan(after, stored(document(), used=True))
    assert refused.value.code == "currency_fixed"


def life(*versions: Promo, author: str = "ann", settings: Settings | None = None) -> StoredProgramme:
    """The programme with one promo that has these versions."""
    of = document(promos=(versions[0],), **({} if settings is None else {"programme": settings}))
    saved = tuple(
        SavedVersion(
            version=PromoVersion(
                promo_version_id=n, promo_id=1, version=n, revision=n, effective_from=None, promo=version
            ),
            actor=author,
            recorded_at=NOW - timedelta(days=9 - n),
        )
        for n, version in enumerate(versions, 1)
    )
    return msgspec.structs.replace(stored(of), promos=(StoredPromo(promo_id=1, origin=FILE_ORIGIN, saved=saved),))


FOUR_EYES = msgspec.structs.replace(document().programme, four_eyes=True)
DRAFT, APPROVED, ACTIVE, PAUSED, ENDED = PromoStatus


def written(made: Plan) -> list[tuple[PromoStatus, int, datetime | None]]:
    writes = () if made.change is None else made.change.promos
    return [(write.promo.status, write.promo.number, write.effective_from) for write in writes]


def applied(
    promo_: Promo, before: StoredProgramme, *, status_open: bool = False, settings: Settings | None = None
) -> Plan:
    after = document(promos=(promo_,), programme=settings or before.settings)
    return make_plan(
        after, before, key_digests={"shop": DIGEST}, now=NOW, status_open=frozenset({"P"} if status_open else ())
    )


@pytest.mark.parametrize("status", [PAUSED, ENDED, DRAFT])
def test_file_without_a_status_leaves_the_life_of_a_promo_alone(status: PromoStatus) -> None:
    before = life(promo(status=status))
    assert written(applied(promo(), before, status_open=True)) == []
    assert [write[:2] for write in written(applied(promo(number=3), before, status_open=True))] == [(status, 3)]
    assert f"stays {status}" in item(applied(promo(number=3), before, status_open=True), "promo", "P").notes[0]


@pytest.mark.parametrize("status", [PAUSED, ENDED])
def test_file_that_names_active_brings_a_promo_back_from_now(status: PromoStatus) -> None:
    assert written(applied(promo(), life(promo(status=status)))) == [(ACTIVE, 0, NOW)]


def test_draft_in_a_file_waits_beside_what_holds_and_is_not_saved_twice() -> None:
    draft = promo(number=3, status=DRAFT)
    assert written(applied(draft, life(promo()))) == [(DRAFT, 3, None)]
    said = "version 1, which is active, goes on until this is activated"
    assert item(applied(draft, life(promo())), "promo", "P").notes == (said,)
    assert written(applied(draft, life(promo(), draft))) == []
    assert written(applied(draft, life(promo(), draft, promo(number=3, status=APPROVED)))) == []
    assert written(applied(draft, life(promo(), draft, promo(number=3)))) == []


def test_what_was_approved_is_a_draft_again_when_the_file_changes_it() -> None:
    before = life(promo(number=1, status=APPROVED))
    assert written(applied(promo(number=2), before, status_open=True)) == [(DRAFT, 2, None)]


@pytest.mark.parametrize(
    ("status", "number", "saved"),
    [
        (ACTIVE, 3, [(DRAFT, 3, None)]),
        (APPROVED, 3, [(DRAFT, 3, None)]),
        (PAUSED, 3, [(DRAFT, 3, None)]),
        (PAUSED, 0, [(PAUSED, 0, NOW)]),
        (ENDED, 0, [(ENDED, 0, NOW)]),
        (ACTIVE, 0, []),
    ],
)
def test_under_four_eyes_a_file_saves_drafts_and_stops_what_it_likes(
    status: PromoStatus, number: int, saved: list[tuple[PromoStatus, int, datetime | None]]
) -> None:
    wanted = promo(number=number, status=status)
    assert written(applied(wanted, life(promo(), settings=FOUR_EYES))) == saved
    assert written(applied(wanted, life(promo(), settings=FOUR_EYES), settings=document().programme)) == saved


def test_new_promo_is_a_draft_under_four_eyes_and_said_to_be() -> None:
    made = plan(document(programme=FOUR_EYES), None)
    assert written(made) == [(DRAFT, 0, None)]
    assert "accrual promo approve P" in item(made, "promo", "P").notes[0]
    assert item(made, "promo", "P").holds_from == "its activation"


def test_same_file_again_says_what_still_waits_and_saves_nothing() -> None:
    before = life(promo(), promo(number=3, status=DRAFT), settings=FOUR_EYES)
    made = applied(promo(number=3), before)
    assert made.change is None
    assert "version 2, saved by ann, waits for approval" in item(made, "promo", "P").notes[0]


def test_overlaps_with_promos_of_file_and_store_are_warned_of() -> None:
    before = stored(document(promos=(promo("OLD"), promo("GONE", status=ENDED))))
    made = make_plan(document(promos=(promo("NEW"), promo("MORE"))), before, key_digests={"shop": DIGEST}, now=NOW)
    met = [warning.split(":")[0] for warning in item(made, "promo", "NEW").warnings]
    assert met == ["overlaps MORE", "overlaps OLD"]


def test_list_is_one_field_and_of_a_long_one_only_the_difference_is_shown() -> None:
    few = plan(
        document(promos=(promo(where=Where(products=("A", "B"))),)),
        stored(document(promos=(promo(where=Where(products=("A",))),))),
    )
    assert [(f.path, f.before, f.after) for f in item(few, "promo", "P").fields] == [
        ("where.products", ["A"], ["A", "B"])
    ]
    codes = tuple(f"C{number}" for number in range(20))
    many = plan(
        document(promos=(promo(promo_codes=(*codes[1:], "NEW")),)), stored(document(promos=(promo(promo_codes=codes),)))
    )
    assert [(f.path, f.before, f.after) for f in item(many, "promo", "P").fields] == [
        ("promo_codes (taken out)", ["C0"], None),
        ("promo_codes (put in)", None, ["NEW"]),
    ]
