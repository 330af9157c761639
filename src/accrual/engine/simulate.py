"""Decides commands one after the other over state in memory, as a lane would: what a backtest runs on. Nothing is posted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from accrual.domain.commands import Command, LoggedCommand, Profile, Resume, Reward
from accrual.domain.errors import Invalid, TooLarge
from accrual.domain.facts import PURCHASES, Identity
from accrual.domain.held import Clearance
from accrual.domain.ids import member_of
from accrual.domain.log import AppendRow
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.movements import Movement
from accrual.domain.outcomes import Award, Declined, Outcome, Status, TierChange
from accrual.domain.programme import Enrol
from accrual.domain.referrals import ToLinks
from accrual.domain.rows import quick
from accrual.engine.entries import costs_told
from accrual.engine.keeping_levels import set_by_hand
from accrual.engine.linking import rows_of_judgement
from accrual.engine.simulate_draws import SimulatedDraws
from accrual.engine.simulate_levels import SimulatedLevels
from accrual.engine.simulate_links import SimulatedLinks
from accrual.engine.simulate_stocks import RecordedStocks as RecordedStocks
from accrual.engine.simulate_stocks import SimulatedStocks
from accrual.rules.admit import kinds_of
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import evaluate
from accrual.rules.looks import looks_of, looks_of_all
from accrual.rules.profiles import change as changed_profile
from accrual.rules.snapshot import (
    PROGRAMME_ITSELF,
    CounterKey,
    Judgement,
    MemberState,
    PastPurchase,
    Snapshot,
)

KEPT_MAX = 30_000_000
"""Members, counters and purchases kept, all together; some gigabytes."""

PURCHASES_MAX = 5_000
"""Of one member, the newest."""

NOBODY = Identity("", "")


class Simulated(NamedTuple):
    """What came of one command. `follow_ups` are the commands in other members' names that it makes."""

    outcome: Outcome
    member_id: bytes
    identity: Identity
    occurred_at: datetime
    follow_ups: tuple[AppendRow, ...] = ()


_simulated = quick(Simulated)


class _Asks(NamedTuple):
    """What a programme's promos look at at all, so that only this is remembered."""

    balances: bool
    purchases: bool


class _Parked(NamedTuple):
    reward: Reward | Profile
    recorded_at: datetime


class Simulator:
    """One programme's members, counters, profiles, balances and stocks, in memory.

    Shared stocks are handed out from one place, so the last unit of a budget is given too. `describe` names errors as the
    lane does; `secret` is the installation's, for voucher codes.
    """

    def __init__(self, *, buckets: int, secret: bytes, describe: Callable[[BaseException], str]) -> None:
        self._buckets = buckets
        self._secret = secret
        self._describe = describe
        self._members: dict[str, MemberState] = {}
        self._counters: dict[bytes, dict[CounterKey, int]] = {}
        self._balances: dict[bytes, dict[int, int]] = {}
        self._purchases: dict[bytes, tuple[PastPurchase, ...]] = {}
        self._used: dict[tuple[bytes, int, int, int], int] = {}
        self._draws = SimulatedDraws(secret)
        self._parked: dict[bytes, _Parked] = {}
        self._held: dict[bytes, _Parked] = {}
        self._cleared: set[bytes] = set()
        self._links = SimulatedLinks(buckets=buckets)
        self._kept = 0
        self._programme: CompiledProgramme | None = None
        self._asks = _Asks(False, False)
        self._levels = SimulatedLevels()

    def decide(
        self,
        command: LoggedCommand,
        asked: Command | str,
        programme: CompiledProgramme,
        client: str | None,
        recorded_stocks: RecordedStocks | None = None,
        stored: Outcome | None = None,
    ) -> Simulated:
        """What a lane decides of this command now; with `recorded_stocks`, seeing of shared stocks what is given there.

        `asked` is the command decoded, or the error where it cannot be, `stored` what really came of it. Raises TooLarge when
        there is more to keep than KEPT_MAX.
        """
        if isinstance(asked, str):
            return self._park(command, None, asked, 0)
        if isinstance(asked, Resume):
            parked = self._parked.pop(asked.ticket, None)
            if parked is None:
                declines = (Declined(PROGRAMME_ITSELF, "nothing_parked"),)
                return _told(command, asked.identity, Outcome(status=Status.DECIDED, revision=0, declines=declines))
            asked = _as_recorded(parked)
        if isinstance(asked, Profile):
            return self._change_profile(command, asked, programme)
        cleared = isinstance(asked, Clearance)
        if isinstance(asked, Clearance):
            answer = self._clear(command, asked, programme)
            if not isinstance(answer, Reward):
                return answer
            asked = answer
        if isinstance(asked, ToLinks):
            return self._link(command, asked, programme, recorded_stocks)
        if not isinstance(asked, Reward):  # points moved without a promo: nothing that another programme would judge
            return self._move(command, asked, programme, stored)
        try:
            return self._judge(command, asked, programme, client, recorded_stocks, stored, cleared=cleared)
        except TooLarge:
            raise
        except Exception as error:
            return self._park(command, asked, self._describe(error), programme.revision)

    def _clear(self, command: LoggedCommand, asked: Clearance, programme: CompiledProgramme) -> Reward | Simulated:
        """What was held for review and is judged now, else why it is not."""
        held, reason = self._held.pop(asked.target, None), "held_judged"
        details = None
        if held is not None:
            self._cleared.add(asked.target)
            reward = _as_recorded(held)
            if asked.approved and isinstance(reward, Reward):
                return reward
            reason, details = "held_refused", {"note": asked.note}
        elif asked.target not in self._cleared:
            reason = "held_unknown"
        declines = (Declined(PROGRAMME_ITSELF, reason, details),)
        outcome = Outcome(status=Status.DECIDED, revision=programme.revision, declines=declines)
        return _told(command, asked.identity, outcome)

    def _judge(
        self,
        command: LoggedCommand,
        reward: Reward,
        programme: CompiledProgramme,
        client: str | None,
        recorded_stocks: RecordedStocks | None,
        stored: Outcome | None,
        *,
        cleared: bool = False,
    ) -> Simulated:
        identity = reward.identity
        name = f"{identity.kind}\0{identity.value}"
        member = self._members.get(name)
        programme_id = command.programme_id
        member_id = member.member_id if member is not None else member_of(programme_id, identity.kind, identity.value)
        counters = self._counters.get(member_id)
        if programme is not self._programme:
            self._look_over(programme)
        looks = looks_of(programme, kinds_of(reward), client)
        stocks = SimulatedStocks(self._used, recorded_stocks)
        snapshot = Snapshot(
            programme,
            member,
            member_id,
            identity,
            command.recorded_at,
            _none_counted if counters is None else _Counted(counters).value,
            stocks.left,
            client,
            (lambda: self._balances_of(member_id, programme)) if looks.balance else dict,
            (lambda: self._purchases.get(member_id, ())) if looks.history_days else tuple,
            hashlib.blake2b(command.ticket, key=self._secret, digest_size=16, person=b"seed").digest()
            if looks.codes
            else b"",
            cleared=cleared,
        )
        if looks.rounds or looks.costs:
            snapshot = self._draws.with_draws(snapshot, command, self._balances, stored)
        judgement = evaluate(reward, snapshot)
        if judgement.held:
            self._held[command.ticket] = _Parked(reward, command.recorded_at)
            self._count(1)
        follow_ups: tuple[AppendRow, ...] = ()
        if judgement.follow_ups or judgement.claimed:
            follow_ups = tuple(rows_of_judgement(command, reward, member_id, judgement, self._buckets))
        self._remember(name, member_id, member, command, reward, judgement, cleared=cleared)
        ladder, moved = programme.ladder, None
        if ladder is not None and judgement.awards and self._levels.note(command.ticket, member_id, ladder, judgement):
            now, at_last = command.recorded_at, self._members[name]
            moved = self._levels.judged(member_id, at_last.profile, ladder, now)
            if moved is not None:
                self._members[name] = msgspec.structs.replace(at_last, profile=moved.profile)
        outcome = Outcome(
            status=Status.DECIDED,
            revision=programme.revision,
            awards=judgement.awards,
            declines=judgement.declines,
            follow_ups=tuple([row.ticket for row in follow_ups]) if follow_ups else (),
            stocks=stocks.seen() if looks.limits else (),
            booked=costs_told(judgement) if judgement.spent else (),
            tier=None if moved is None else moved.change,
        )
        return _simulated((outcome, member_id, identity, judgement.occurred_at, follow_ups))

    def _link(
        self,
        command: LoggedCommand,
        asked: ToLinks,
        programme: CompiledProgramme,
        recorded_stocks: RecordedStocks | None,
    ) -> Simulated:
        before = self._links.kept
        linked = self._links.decide(command, asked, programme, recorded_stocks)
        self._count(self._links.kept - before)
        told = _told(command, asked.identity, linked.outcome)
        return told._replace(follow_ups=tuple(linked.follow_ups))

    def _remember(
        self,
        name: str,
        member_id: bytes,
        known: MemberState | None,
        command: LoggedCommand,
        reward: Reward,
        judgement: Judgement,
        *,
        cleared: bool,
    ) -> None:
        if judgement.enrol:
            known = MemberState(member_id, judgement.referrer, command.recorded_at, EMPTY_PROFILE)
            self._members[name] = known
            self._count(1)
        elif judgement.referrer is not None and known is not None:
            self._members[name] = msgspec.structs.replace(known, referrer=judgement.referrer)
        if reward.unique_install and known is not None:
            before = self._links.kept
            self._links.note_install(command, reward, member_id)
            self._count(self._links.kept - before)
        if judgement.counters:
            mine = self._counters.setdefault(member_id, {})
            before = len(mine)
            mine.update(judgement.counters)
            self._count(len(mine) - before)
        if judgement.taken:
            for key, used in judgement.taken.items():
                self._used[key[:4]] = self._used.get(key[:4], 0) + used
        if judgement.drawn or judgement.spent:
            self._draws.keep(judgement, command, self._balances.setdefault(member_id, {}))
        if judgement.awards and self._asks.balances:
            self._credit(member_id, judgement.awards, command.recorded_at)
        if self._asks.purchases and not cleared:  # it was remembered when it was held
            self._remember_purchases(member_id, reward, command.recorded_at)

    def _look_over(self, programme: CompiledProgramme) -> None:
        """What one programme asks for is remembered from then on, whatever the next one asks: it may be asked again."""
        look, before = looks_of_all(programme), self._asks
        self._programme = programme
        self._asks = _Asks(
            before.balances or look.balance or bool(look.costs),
            before.purchases or look.history_days > 0,
        )

    def _credit(self, member_id: bytes, awards: tuple[Award, ...], now: datetime) -> None:
        mine = self._balances.setdefault(member_id, {})
        for award in awards:
            if award.active_at is None and (award.expires_at is None or award.expires_at > now):
                mine[award.asset_id] = mine.get(award.asset_id, 0) + award.amount

    def _remember_purchases(self, member_id: bytes, reward: Reward, now: datetime) -> None:
        made = tuple(
            PastPurchase(fact.occurred_at or now, fact.amount_minor or 0)
            for fact in reward.facts
            if isinstance(fact, PURCHASES)
        )
        if made:
            before = self._purchases.get(member_id, ())
            after = self._purchases[member_id] = (made + before)[:PURCHASES_MAX]
            self._count(len(after) - len(before))

    def _balances_of(self, member_id: bytes, programme: CompiledProgramme) -> dict[str, int]:
        mine = self._balances.get(member_id, {})
        return {code: mine.get(asset_id, 0) for code, asset_id in programme.assets.items()}

    def _change_profile(self, command: LoggedCommand, change: Profile, programme: CompiledProgramme) -> Simulated:
        identity = change.identity
        name = f"{identity.kind}\0{identity.value}"
        member = self._members.get(name)
        declined: Declined | None = None
        tier: TierChange | None = None
        if member is None and programme.settings.enrol is not Enrol.ALWAYS:
            declined = Declined(PROGRAMME_ITSELF, "member_unknown")
        else:
            try:
                known = EMPTY_PROFILE if member is None else member.profile
                profile = changed_profile(known, change, command.recorded_at, programme.ladder)
                member_id = member_of(command.programme_id, identity.kind, identity.value)
                if programme.ladder is not None:
                    earned = self._levels.earned(member_id, programme.ladder, command.recorded_at)
                    tier = set_by_hand(programme.ladder, known, profile, earned)
                base = member or MemberState(member_id, None, command.recorded_at)
                self._members[name] = msgspec.structs.replace(base, profile=profile)
                self._count(1 if member is None else 0)
            except Invalid as error:
                declined = Declined(PROGRAMME_ITSELF, "profile_refused", {"problem": error.code})
        declines = () if declined is None else (declined,)
        return _told(
            command, identity, Outcome(status=Status.DECIDED, revision=programme.revision, declines=declines, tier=tier)
        )

    def _park(self, command: LoggedCommand, asked: Reward | None, error: str, revision: int) -> Simulated:
        if asked is not None:
            self._parked[command.ticket] = _Parked(asked, command.recorded_at)
            self._count(1)
        outcome = Outcome(status=Status.PARKED, revision=revision, error=error)
        return _told(command, NOBODY if asked is None else asked.identity, outcome)

    def _move(
        self, command: LoggedCommand, asked: Movement, programme: CompiledProgramme, stored: Outcome | None
    ) -> Simulated:
        """Of points moved without a promo only what that does to levels."""
        name = f"{asked.identity.kind}\0{asked.identity.value}"
        member, moved = self._members.get(name), None
        if programme.ladder is not None and member is not None:
            moved = self._levels.moved(command, asked, programme.ladder, member.profile, stored)
            if moved is not None:
                self._members[name] = msgspec.structs.replace(member, profile=moved.profile)
        change = None if moved is None else moved.change
        outcome = Outcome(status=Status.DECIDED, revision=programme.revision, tier=change)
        return _told(command, asked.identity, outcome)

    def _count(self, more: int) -> None:
        self._kept += more
        if self._kept + self._levels.kept > KEPT_MAX:
            raise TooLarge(
                "More members and limits are in play than fit into memory; take a shorter time.",
                details={"kept_max": KEPT_MAX},
            )


class _Counted:
    """The counters of one member that was counted before."""

    __slots__ = ("_counters",)

    def __init__(self, counters: dict[CounterKey, int]) -> None:
        self._counters = counters

    def value(self, key: CounterKey) -> int:
        """What it stands at."""
        return self._counters.get(key, 0)


def _none_counted(key: CounterKey) -> int:
    return 0


def _as_recorded(parked: _Parked) -> Reward | Profile:
    """Facts without a time of their own happened when they were first recorded."""
    reward = parked.reward
    if isinstance(reward, Profile):
        return reward
    facts = tuple(
        fact if fact.occurred_at is not None else msgspec.structs.replace(fact, occurred_at=parked.recorded_at)
        for fact in reward.facts
    )
    return msgspec.structs.replace(reward, facts=facts)


def _told(command: LoggedCommand, identity: Identity, outcome: Outcome) -> Simulated:
    member_id = member_of(command.programme_id, identity.kind, identity.value)
    return Simulated(outcome, member_id, identity, command.recorded_at)
