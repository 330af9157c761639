"""Plays a scenario on the real translator, submitter, rules and processor, over books in memory. No expectation is here."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from accrual.domain.commands import Dialect, Receipt, Reward, Submission, decode_command
from accrual.domain.errors import Invalid
from accrual.domain.facts import Identity
from accrual.domain.log import Known
from accrual.domain.members import MemberProfile
from accrual.domain.movements import Activate, Expire, Review
from accrual.domain.native import NativeCommand
from accrual.domain.outcomes import Award, Outcome, Status
from accrual.domain.programme import Asset, Catalogue, Client, Outlet, Programme, StoredAsset, StoredClient
from accrual.domain.promos import Promo, PromoVersion
from accrual.domain.referrals import Claim
from accrual.engine.submit import SubmitLimits, Submitter
from accrual.engine.translate_native import Translator
from accrual.rules.calendar import read_instant
from accrual.rules.check import check_programme
from accrual.rules.explain import explain_decline
from accrual.rules.ladder import Ladder
from tests.desk import CLIENT, PROGRAMME, Desk, member_of
from tests.scenarios.move_words import read_move, say_booked, say_level
from tests.scenarios.words import as_list, merge, moment, read_becomes, read_check, read_does, say_award, say_decline

SETTINGS: Mapping[str, Any] = {"code": "stage", "time_zone": "Asia/Jakarta", "currency": "IDR", "minor_units": 2}
FIRST_CLOCK = "2026-03-01 10:00"
RIGHTS = ["submit", "read", "points", "grant", "adjust", "adjust_below_zero", "merge"]
LIMITS = SubmitLimits(flush_rows_max=100, backlog_single_max=1_000, backlog_bulk_max=1_000)


class Stage:
    """One programme with its promos, a clock in its zone, and whoever acts.

    `forgetful`: nothing is remembered by the lane from one step to the next, as if it had been started again.
    """

    def __init__(self, scenario: Mapping[str, Any], *, forgetful: bool) -> None:
        self._forgetful = forgetful
        self._settings = {**SETTINGS, **scenario.get("programme", {})}
        self._assets = scenario.get("assets", ["PTS", "LD"])
        self._outlets = [{"code": code} for code in scenario.get("outlets", ["OTL-1", "OTL-2"])]
        self._versions: list[PromoVersion] = []
        self._numbers: dict[str, int] = {}
        client = msgspec.convert({"code": "till", "rights": RIGHTS, **scenario.get("client", {})}, Client)
        codes = sorted({client.code, *scenario.get("clients", [])})
        self._clients = [{"code": code, "key_sha256": hashlib.sha256(code.encode()).hexdigest()} for code in codes]
        self._client = StoredClient(client_id=CLIENT, programme_id=PROGRAMME, client=client, key_digest=None)
        self._zone = ZoneInfo(self._settings["time_zone"])
        self._clock = read_instant(moment(FIRST_CLOCK), self._zone.key)
        self._catalogue = self._saved(scenario.get("promos", []))
        self._desk = Desk(self._catalogue)
        self._desk.now = self._clock
        self._desk.client = client.code
        self._last: bytes | None = None
        self._names: set[str] = set()
        self._chance = itertools.count()
        self._submitter = Submitter(
            self._desk.books,
            buckets=self._desk.books.buckets,
            limits=LIMITS,
            now=lambda: self._clock,
            fresh=lambda size: next(self._chance).to_bytes(size, "big"),
            content_again=_content_again,
        )

    def set_clock(self, text: str) -> None:
        self._clock = self._desk.now = read_instant(moment(text), self._zone.key)

    def save_promos(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """New versions of promos from now on, as a programme file writes them."""
        self._catalogue = self._saved(documents)
        self._desk.revise(self._catalogue)

    def _saved(self, documents: Sequence[Mapping[str, Any]]) -> Catalogue:
        """A promo's first version holds from the beginning, each later one from now or its own effective_from."""
        document = {
            "programme": self._settings,
            "assets": [{"code": c} for c in self._assets],
            "outlets": self._outlets,
            "clients": self._clients,
        }
        programme = msgspec.convert({**document, "promos": documents}, Programme)
        problems = check_programme(programme)
        assert not problems, f"the scenario's programme is wrong: {problems}"
        for promo in programme.promos:
            self._versions.append(self._version(promo))
        return Catalogue(
            programme_id=PROGRAMME,
            revision=len(self._versions) + 1,
            settings=programme.programme,
            assets=tuple(StoredAsset(asset_id=n, asset=Asset(code=code)) for n, code in enumerate(self._assets, 1)),
            outlets=msgspec.convert(self._outlets, tuple[Outlet, ...]),
            promos=tuple(self._versions),
        )

    def _version(self, promo: Promo) -> PromoVersion:
        holds_from = self._clock if promo.code in self._numbers else None
        if promo.effective_from is not None:
            holds_from = read_instant(promo.effective_from, promo.window.zone or self._zone.key)
        promo_id = self._numbers.setdefault(promo.code, len(self._numbers) + 1)
        return PromoVersion(
            promo_version_id=len(self._versions) + 1,
            promo_id=promo_id,
            version=1 + sum(version.promo_id == promo_id for version in self._versions),
            revision=len(self._versions) + 1,
            effective_from=holds_from,
            promo=promo,
        )

    async def act(self, sentences: Sequence[str], step: Mapping[str, Any]) -> tuple[Receipt, list[str]]:
        """One command of these facts: its receipt, and what came of it for whom, in words. Raises AccrualError."""
        document = _document(sentences)
        document.update({"key": step["key"]} if "key" in step else {})
        document.update({"promo_codes": as_list(step["typed"])} if "typed" in step else {})
        document.update({"member_name": step["called"]} if "called" in step else {})
        document.update(step.get("also", {}))
        self._names.update(part["value"] for part in _named(document))
        submission = Translator(self._client, self._catalogue, buckets=self._desk.books.buckets).to_submission(
            _converted(document),
            json.dumps(document).encode(),
            now=self._clock,
            chance=next(self._chance).to_bytes(16, "big"),
        )
        receipt = await self._submitter.submit(submission)
        if self._forgetful:
            self._desk.forget()
        await self._desk.decide_all()
        self._last = receipt.ticket
        return receipt, self._said(receipt.ticket)

    def _said(self, ticket: bytes) -> list[str]:
        """The awards and declines of a ticket and of all that follows from it."""
        command = self._desk.books.by_ticket(ticket)
        outcome = self._desk.books.outcome(command)
        asked = decode_command(command.facts)
        who = self._name_of(asked.member if isinstance(asked, Claim) else asked.identity)
        if outcome.status is Status.PARKED:
            return [f"{who} is parked: {outcome.error}"]
        said = self._said_of(who, outcome)
        for follow_up in outcome.follow_ups:
            said.extend(self._said(follow_up))
        return said

    def _said_of(self, who: str, outcome: Outcome) -> list[str]:
        code = {version.promo_version_id: version.promo.code for version in self._versions}
        awards = [
            say_award(
                who,
                award.amount,
                self._assets[award.asset_id - 1],
                code[award.promo_version_id],
                self._local(award.active_at),
                self._local(award.expires_at),
            )
            for award in outcome.awards
        ]
        awards += say_booked(who, outcome.booked, self._assets)
        awards += say_level(who, outcome.tier)
        return awards + [say_decline(who, code.get(d.promo_version_id), d.reason) for d in outcome.declines]

    def _name_of(self, identity: Identity) -> str:
        """Forwarded commands name the member itself."""
        known = {member_of(name).hex(): name for name in self._names}
        return known.get(identity.value, identity.value)

    async def fall_due(self, names: Sequence[str]) -> None:
        """What upkeep does for these members as of now: what becomes active, then what expires, then levels."""
        for name in names:
            said: dict[str, Any] = {"dialect": Dialect.INTERNAL, "action": "upkeep", "identity": Identity("name", name)}
            for kind in (Activate, Expire, Review):
                self._desk.log_command(kind(**said, until=self._clock))
        await self._desk.decide_all()

    def _local(self, at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(self._zone).strftime("%Y-%m-%d %H:%M")

    def holds(self, sentence: str) -> str:
        """What is true of what a check asks for, in the words of the check."""
        who, asked, words = read_check(sentence)
        if asked == "days":
            return f"{who} {self._days_of(who, day_alone='counted day ' in sentence)}"
        if asked in ("shares", "codes", "failed", "said"):
            return f"{who} {self._of_promo(who, asked)}"
        person = self._desk.books.people.get(member_of(who))
        match asked:
            case "balance":
                sort = words.get("sort", "")
                asset_id = self._assets.index(words["asset"]) + 1
                if sort == " set aside":
                    amount = self._desk.books.held(who, asset_id)
                else:
                    role = {" pending": 1, " owed": 2}.get(sort, 0)
                    amount = abs(self._desk.books.balance(who, asset_id, role))
                return f"{who} has {amount} {words['asset']}{sort}"
            case "level":
                level = level_at(self._desk.programme.ladder, self._desk.books.known.get(member_of(who)))
                return f"{who} is at {level}"
            case "unknown":
                return f"{who} is unknown" if person is None else f"{who} is known"
            case "name":
                return f"{who} is called {person.name if person else 'nothing'}"
            case _:
                referrer = None if person is None else person.referrer
                return f"{who} was referred by {referrer.value if referrer else 'nobody'}"

    def _of_promo(self, code: str, asked: str) -> str:
        """What the last command's outcome tells of a promo, in the words of the check."""
        assert self._last is not None, "nothing happened yet"
        command = self._desk.books.by_ticket(self._last)
        outcome = self._desk.books.outcome(command)
        mine = {version.promo_version_id: version for version in self._versions if version.promo.code == code}
        awards = [award for award in outcome.awards if award.promo_version_id in mine]
        declines = [decline for decline in outcome.declines if decline.promo_version_id in mine]
        if asked in ("shares", "codes"):
            assert awards, f"{code} gave nothing"
            reward = decode_command(command.facts)
            assert isinstance(reward, Reward)
            return _shares(awards[0], reward) if asked == "shares" else _codes(awards[0])
        assert declines, f"{code} was not declined"
        if asked == "failed":
            return f"failed at {(declines[0].details or {}).get('part')}"
        version = mine[declines[0].promo_version_id]
        return f"said: {explain_decline(declines[0], version, self._catalogue.settings)}"

    def _days_of(self, code: str, *, day_alone: bool) -> str:
        """Which days the last command's award of a promo was for, in the words of the check."""
        assert self._last is not None, "nothing happened yet"
        outcome = self._desk.books.outcome(self._desk.books.by_ticket(self._last))
        mine = {version.promo_version_id for version in self._versions if version.promo.code == code}
        (details,) = [award.details or {} for award in outcome.awards if award.promo_version_id in mine]
        days = details["days"]
        if day_alone:
            return "counted " + " and ".join(f"day {day['streak']}" for day in days)
        raised = [
            f"{day} to day {streak} for {more} more" for each in days for day, streak, more in each.get("raised", [])
        ]
        said = "counted " + " and ".join(f"{day['day']} as day {day['streak']}" for day in days)
        return f"{said}, and raised {' and '.join(raised)}" if raised else said

    @property
    def commands(self) -> int:
        return sum(len(log) for log in self._desk.books.log.values())


def _document(sentences: Sequence[str]) -> dict[str, Any]:
    """The native command of these sentences, all about one member: facts, a change of the profile, or a movement."""
    move = read_move(sentences[0]) if len(sentences) == 1 else None
    if move is not None:
        return {"member": {"kind": "name", "value": move[0]}, "move": move[1]}
    becomes = [part for sentence in sentences if (part := read_becomes(sentence)) is not None]
    read = becomes if len(becomes) == len(sentences) else [read_does(sentence) for sentence in sentences]
    (who,) = {who for who, _ in read}
    document: dict[str, Any] = {"member": {"kind": "name", "value": who}}
    if not becomes:
        return document | {"facts": [fact for _, fact in read]}
    profile: dict[str, Any] = {}
    for _, known in becomes:
        merge(profile, known)
    return document | {"profile": profile}


def _converted(document: Mapping[str, Any]) -> NativeCommand:
    """As the edge does. Raises Invalid."""
    try:
        return msgspec.convert(document, NativeCommand)
    except msgspec.ValidationError as error:
        raise Invalid(str(error), code="invalid_field") from error


def _named(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Everybody whom a command names by a movement: its member, and whom it sends to or merges into."""
    move = document.get("move", {})
    return [document["member"], *[move[name] for name in ("to", "into") if name in move]]


def level_at(ladder: Ladder | None, profile: MemberProfile | None) -> str:
    """The code of the level that a member is at."""
    assert ladder is not None, "the programme has no levels"
    return ladder.levels[ladder.place_of(None if profile is None else profile.tier)].code


def _shares(award: Award, reward: Reward) -> str:
    shares = {(fact, line): units for fact, line, units in award.shares or ()}
    places = [(n, line) for n, fact in enumerate(reward.facts) for line in range(len(fact.items or ()))]
    assert sum(shares.values()) == award.amount, "the parts sum to the whole"
    return "is shared over the lines " + " + ".join(str(shares.get(place, 0)) for place in places)


def _codes(award: Award) -> str:
    """The codes with each letter that was drawn as an x: what is drawn is nobody's to foresee."""
    codes: list[str] = (award.details or {}).get("codes", [])
    assert len(set(codes)) == len(codes), "each code is its own"
    return "drew " + " and ".join(re.sub(r"[0-9A-Z]{8,}\Z", lambda found: "x" * len(found[0]), code) for code in codes)


async def _content_again(submission: Submission, known: Known) -> bytes | None:
    return None
