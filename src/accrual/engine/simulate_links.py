"""Keeps one programme's referral links in memory and decides them as a lane would: what a backtest runs on. Posts nothing."""

from __future__ import annotations

from accrual.domain.commands import LoggedCommand, Reward
from accrual.domain.referrals import Claim, ToLinks, Verdict, install_digest
from accrual.engine.draft import Draft
from accrual.engine.link_forest import LinkForest
from accrual.engine.linking import Linked, OpenClaim, decide_links, keep
from accrual.engine.simulate_stocks import RecordedStocks
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.snapshot import PROGRAMME_ITSELF, SLOT_SHARED_INSTALL


class SimulatedLinks:
    """Who referred whom, what is held for review, and which devices were seen with whom. `kept` is how much that is."""

    def __init__(self, *, buckets: int) -> None:
        self._buckets = buckets
        self._forest = LinkForest(0)
        self._held: dict[bytes, OpenClaim] = {}
        self._installs: dict[bytes, set[bytes]] = {}
        self._sightings = 0

    @property
    def kept(self) -> int:
        """How many members, held referrals and sightings are remembered."""
        return len(self._forest.nodes) + len(self._held) + self._sightings

    def decide(
        self,
        command: LoggedCommand,
        asked: ToLinks,
        programme: CompiledProgramme,
        recorded_stocks: RecordedStocks | None,
    ) -> Linked:
        """What the links decide; whether a device was shared is taken from what was recorded, if it was."""
        shared = False
        if isinstance(asked, Claim) and asked.install is not None:
            recorded = {entry[:3]: entry[3] for entry in recorded_stocks or ()}
            others = self._installs.get(asked.install, set()) - {asked.member_id}
            shared = bool(recorded.get((PROGRAMME_ITSELF, SLOT_SHARED_INSTALL, 0), len(others)))
        linked = decide_links(
            command,
            asked,
            programme,
            self._forest,
            shared=shared,
            held=self._held.get(asked.target) if isinstance(asked, Verdict) else None,
            buckets=self._buckets,
            claimed_at=(command.ticket, command.position),
        )
        with Draft() as draft:
            keep(linked, self._forest, self._held, draft)
            draft.commit()
        return linked

    def note_install(self, command: LoggedCommand, reward: Reward, member_id: bytes) -> None:
        """A member was seen with a device, where the client vouches that the install id is one's."""
        if reward.unique_install and reward.install_id is not None:
            seen = self._installs.setdefault(install_digest(command.programme_id, reward.install_id), set())
            self._sightings += int(member_id not in seen)
            seen.add(member_id)
