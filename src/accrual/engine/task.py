"""One command of a batch on its way through a lane: what was decoded of it, and what is stored of its answer."""

from __future__ import annotations

from accrual.domain.commands import LoggedCommand, Profile, Resume, Reward
from accrual.domain.facts import Fact
from accrual.domain.lots import LotUse
from accrual.domain.outcomes import Status
from accrual.domain.transfers import Line
from accrual.rules.compiled import NO_LOOKS, CompiledProgramme, Looks


class Task:
    """One command of a batch, decoded. `reward` is None when it could not be; `error` then says why.

    `asks_for` is the retry that it is, until what it retries was loaded; `resumes` is the position of the parked command
    that this one tries again; `nothing_parked` that there is none; `kinds` of fact it carries, and what judging those
    `looks` at.
    """

    __slots__ = (
        "asks_for",
        "client",
        "command",
        "error",
        "kinds",
        "looks",
        "member_id",
        "nothing_parked",
        "profile",
        "programme",
        "resumes",
        "reward",
    )

    def __init__(self, command: LoggedCommand) -> None:
        self.command = command
        self.reward: Reward | None = None
        self.member_id = b""
        self.programme: CompiledProgramme | None = None
        self.error: str | None = None
        self.asks_for: Resume | None = None
        self.resumes: int | None = None
        self.nothing_parked = False
        self.kinds: set[type[Fact]] = set()
        self.looks: Looks = NO_LOOKS
        self.client: str | None = None
        self.profile: Profile | None = None


class Decided:
    """A command's answer before the chain: what is stored of it."""

    __slots__ = ("command", "lines", "payload", "status", "uses")

    def __init__(
        self, command: LoggedCommand, status: Status, payload: bytes, lines: list[Line], uses: list[LotUse]
    ) -> None:
        self.command = command
        self.status = status
        self.payload = payload
        self.lines = lines
        self.uses = uses
