"""What is found again becomes the same command; what is another thing becomes another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accrual.domain.accounts import Role
from accrual.domain.commands import Submission
from accrual.domain.facts import Identity
from accrual.domain.ids import member_account_id, member_id_of, member_of
from accrual.domain.movements import Expire, Notice
from accrual.domain.programme import Asset, Catalogue, Settings, StoredAsset
from accrual.domain.upkeep import DueAccount, DueHold, WaitingReturn
from accrual.engine import due_commands
from accrual.engine.submit import row_of

ANN = member_id_of(1, "msisdn", "1")
AT = datetime(2026, 6, 30, 17, tzinfo=UTC)
CATALOGUE = Catalogue(
    programme_id=1,
    revision=1,
    settings=Settings(code="points", time_zone="Asia/Jakarta", return_wait="P7D"),
    assets=(StoredAsset(asset_id=1, asset=Asset(code="PTS")),),
    outlets=(),
    promos=(),
)
HOUR = timedelta(hours=1)


def _due(**changes: object) -> DueAccount:
    due = DueAccount(5, member_account_id(ANN, 1, Role.MEMBER), 1, 1, Role.MEMBER, ANN, AT, AT, 7)
    return due._replace(**changes)  # type: ignore[arg-type]


def _ticket(submission: Submission | None) -> bytes:
    assert submission is not None
    row, home = row_of(submission, buckets=256, salt=b"")
    assert home is None
    return row.ticket


def test_expiry_is_keyed_by_account_last_instant_and_newest_lot() -> None:
    first = _ticket(due_commands.expiry(_due(), CATALOGUE))
    assert _ticket(due_commands.expiry(_due(first_at=AT - HOUR), CATALOGUE)) == first
    pending = _due(account=member_account_id(ANN, 1, Role.PENDING), role=Role.PENDING)
    assert _ticket(due_commands.expiry(pending, CATALOGUE)) == first
    others = [_due(last_at=AT + HOUR), _due(newest=8), _due(member_id=member_id_of(1, "msisdn", "2"))]
    assert len({first, *(_ticket(due_commands.expiry(other, CATALOGUE)) for other in others)}) == 4


def test_command_goes_to_the_member_itself_and_retries_agree_on_its_content() -> None:
    made = due_commands.expiry(_due(), CATALOGUE)
    again = due_commands.expiry(_due(), CATALOGUE)
    assert made is not None
    assert again is not None
    assert isinstance(made.command, Expire)
    identity = made.command.identity
    assert member_of(1, identity.kind, identity.value) == ANN
    assert (made.client_id, made.content, made.body) == (0, again.content, b"")


@pytest.mark.parametrize("due", [_due(member_id=None), _due(asset_id=9)])
def test_nobody_and_no_asset_make_no_command(due: DueAccount) -> None:
    assert due_commands.expiry(due, CATALOGUE) is None
    assert due_commands.activation(due._replace(role=Role.PENDING), CATALOGUE) is None
    assert list(due_commands.notices(due, CATALOGUE, 30, {})) == []


def test_only_pending_lots_are_activated_and_only_those_of_the_balance_told_of() -> None:
    assert due_commands.activation(_due(), CATALOGUE) is None
    assert due_commands.activation(_due(role=Role.PENDING), CATALOGUE) is not None
    assert list(due_commands.notices(_due(role=Role.PENDING), CATALOGUE, 30, {})) == []


def test_a_day_of_the_programme_is_told_of_once_each_threshold() -> None:
    # 17:00Z is midnight in Jakarta: what expires then ends with 30 June, what expires an hour later on 1 July.
    both = list(due_commands.notices(_due(last_at=AT + HOUR), CATALOGUE, 30, {ANN: Identity("msisdn", "1")}))
    told = [made.command for made in both if isinstance(made.command, Notice)]
    day = timedelta(days=1)
    assert [(notice.since, notice.until) for notice in told] == [(AT - day, AT), (AT, AT + day)]
    assert {notice.known_as for notice in told} == {Identity("msisdn", "1")}
    (first,) = due_commands.notices(_due(first_at=AT - HOUR, newest=99), CATALOGUE, 30, {})
    (other,) = due_commands.notices(_due(), CATALOGUE, 60, {})
    assert _ticket(first) == _ticket(both[0])
    assert len({*map(_ticket, both), _ticket(other)}) == 3


def test_return_is_given_up_when_the_programmes_patience_is_over_and_not_before() -> None:
    made = due_commands.expiry(_due(), CATALOGUE)
    assert made is not None
    facts = row_of(made, buckets=256, salt=b"")[0].facts
    waiting = WaitingReturn(3, b"t" * 16, 1, 4, AT, facts)
    over = AT + timedelta(days=7)
    assert due_commands.given_up(waiting, CATALOGUE, over - timedelta(microseconds=1), ahead=False) is None
    assert due_commands.given_up(waiting, CATALOGUE, over, ahead=False) is not None
    assert due_commands.given_up(waiting._replace(facts=b"?"), CATALOGUE, over, ahead=False) is None


def test_time_out_of_a_hold_is_the_same_on_a_test_clock_and_for_real() -> None:
    due = DueHold(b"h" * 16, AT, 1, ANN)
    real, tried = (due_commands.time_out(due, AT, ahead=ahead) for ahead in (False, True))
    assert (_ticket(real), real.content) == (_ticket(tried), tried.content)
    assert real.command != tried.command
