"""What a programme file may say of rewards, what is told where it cannot hold, and what a plan makes of changes to them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accrual.domain.programme import Programme
from accrual.domain.rewards import VoucherKind
from accrual.domain.stored_programme import StoredProgramme
from accrual.engine.plan import make_plan
from accrual.engine.plan_shape import Effect, PlanItem
from accrual.engine.programme_file import ProgrammeInvalid, read_programme

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
GOOD = """programme: {code: p, time_zone: Asia/Jakarta, currency: IDR}
assets: [{code: PTS}]
outlets: [{code: O1}]
rewards:
  - code: MUG
    name: A mug
    asset: PTS
    price: 500
    stock: 10
    window: {from: 2026-11-01T00:00, until: 2026-12-01T00:00, zone: Asia/Makassar}
    limit: {count: 1, every: day}
    outlets: [O1]
    voucher: {prefix: MUG-, length: 12}
    send_validation_code: true
    code_valid_for: PT10M
  - {code: FILM, asset: PTS, price: 300, voucher: {kind: pool}, active: false}
"""


def read(text: str) -> Programme:
    return read_programme(text, "p.yaml").programme


def errors(text: str) -> str:
    with pytest.raises(ProgrammeInvalid) as invalid:
        read(text)
    return invalid.value.message


def test_all_that_a_reward_may_say_is_read() -> None:
    mug, film = read(GOOD).rewards
    assert (mug.code, mug.price, mug.stock, mug.outlets, mug.send_validation_code) == ("MUG", 500, 10, ("O1",), True)
    assert mug.voucher is not None and mug.voucher.kind is VoucherKind.GENERATED and mug.voucher.prefix == "MUG-"
    assert mug.limit is not None and (mug.limit.count, mug.limit.every) == (1, "day")
    assert film.has_pool and not film.active and film.stock is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("asset: PTS\n", "asset: PTZ\n", "rewards[0].asset: unknown asset 'PTZ'; did you mean 'PTS'?"),
        ("outlets: [O1]\n    v", "outlets: [O2]\n    v", "rewards[0].outlets[0]: unknown outlet 'O2'"),
        ("price: 500", "price: 0", "rewards[0].price: a whole number >= 1 is expected"),
        ("stock: 10", "stock: -1", "rewards[0].stock: a whole number >= 0 is expected"),
        ("stock: 10", "stok: 10", "unknown field 'stok'; did you mean 'stock'?"),
        ("until: 2026-12-01", "until: 2026-10-01", "rewards[0].window.until: the window ends before it begins"),
        ("until: 2026-12-01T00:00", "until: soon", "rewards[0].window.until: 'soon' is not a date and time"),
        ("Asia/Makassar", "Asia/Makasar", "did you mean 'Asia/Makassar'?"),
        ("every: day", "every: dya", "did you mean 'day'?"),
        ("length: 12", "length: 6", "rewards[0].voucher.length: a whole number >= 12 is expected"),
        ("PT10M", "ten minutes", "rewards[0].code_valid_for: 'ten minutes' is not a duration"),
        ("{kind: pool}", "{kind: pol}", "did you mean 'pool'?"),
        (
            "{kind: pool}",
            "{kind: pool, prefix: X}",
            "rewards[1].voucher: codes of a pool are given as they were loaded",
        ),
        ("{kind: pool},", "{kind: pool}, stock: 3,", "rewards[1].stock: a reward whose vouchers come from a pool"),
        ("code: FILM", "code: MUG", "'MUG'"),
    ],
)
def test_what_cannot_hold_is_told_where_it_stands(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert expected in errors(GOOD.replace(old, new))


def planned(
    before: str | None, after: str, *, prune: bool = False
) -> tuple[dict[str, PlanItem], tuple[str, ...] | None]:
    stored = None
    if before is not None:
        known = read(before)
        stored = StoredProgramme(
            programme_id=1,
            revision=4,
            settings=known.programme,
            assets=(),
            outlets=known.outlets,
            clients=(),
            ended_clients=(),
            promos=(),
            used=True,
            facts_lag=None,
            rewards=known.rewards,
        )
    plan = make_plan(read(after), stored, key_digests={}, now=NOW, prune=prune)
    written = None if plan.change is None else tuple(item.code for item in plan.change.rewards or ())
    return {item.code: item for item in plan.items if item.kind == "reward"}, written


def test_new_rewards_are_made_and_a_pool_asks_for_its_codes() -> None:
    items, written = planned(None, GOOD)
    assert [item.effect for item in items.values()] == [Effect.CREATE, Effect.CREATE]
    assert items["FILM"].warnings == ("it can be had once codes are loaded: accrual reward load FILM FILE",)
    assert written == ("MUG", "FILM")


def test_change_says_which_fields_and_warns_of_a_smaller_stock() -> None:
    items, written = planned(GOOD, GOOD.replace("stock: 10", "stock: 4"))
    assert items["MUG"].effect is Effect.CHANGE
    assert [(field.path, field.before, field.after) for field in items["MUG"].fields] == [("stock", 10, 4)]
    assert "counts against the smaller stock" in items["MUG"].warnings[0]
    assert items["FILM"].effect is Effect.UNCHANGED
    assert written == ("MUG", "FILM")


def test_reward_that_the_file_does_not_name_stays_unless_pruned() -> None:
    without = GOOD[: GOOD.index("  - {code: FILM")]
    items, written = planned(GOOD, without.replace("price: 500", "price: 600"))
    assert items["FILM"].effect is Effect.NOT_IN_FILE
    assert written == ("MUG", "FILM")
    items, written = planned(GOOD, without, prune=True)
    assert items["FILM"].effect is Effect.END
    assert written == ("MUG",)
