"""Decides who referred whom, in the one bucket of a programme's links: claims, verdicts, mergers. Pure; keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from accrual.domain.commands import Command, LoggedCommand, Reward, decode_command
from accrual.domain.facts import Fact, Identity, Referral, ReferralPurchase
from accrual.domain.ids import member_of
from accrual.domain.log import AppendRow
from accrual.domain.outcomes import Declined, Outcome, Status
from accrual.domain.programme import UnknownDevice
from accrual.domain.referrals import (
    APPROVED,
    OPEN,
    REFUSED,
    Claim,
    HeldRow,
    Join,
    LinkNode,
    ToLinks,
    Verdict,
    install_digest,
    links_of,
)
from accrual.engine.draft import Draft
from accrual.engine.keeping import follow_up_row
from accrual.engine.link_forest import LinkForest
from accrual.rules.compiled import CompiledProgramme
from accrual.rules.evaluate import is_about, other_side
from accrual.rules.snapshot import PROGRAMME_ITSELF, SLOT_SHARED_INSTALL, Judgement


class OpenClaim(msgspec.Struct, gc=False):
    """A claim that was held for review, and what became of it; changed as verdicts come."""

    row: HeldRow
    claim: Claim


class Linked(NamedTuple):
    """What comes of one command to the links, before anything of it is kept.

    `nodes` stand anew, `held` are rows of held referrals to write.
    """

    outcome: Outcome
    follow_ups: list[AppendRow]
    nodes: list[LinkNode]
    held: HeldRow | None = None
    opened: OpenClaim | None = None


class _Decision(NamedTuple):
    """`sides` are facts for referrers, those of one together: a promo gives one award for all that a command brings."""

    nodes: list[LinkNode]
    commands: list[Command]
    declines: list[Declined]
    sides: dict[Identity, list[Fact]]


def claim_of(command: LoggedCommand, asked: Reward, member_id: bytes, facts: tuple[Fact, ...]) -> Claim:
    """The command that brings a member's facts to where the programme's links are decided."""
    vouched = asked.install_id is not None and asked.unique_install
    return Claim(
        dialect=asked.dialect,
        action=asked.action,
        identity=links_of(command.programme_id),
        member=asked.identity,
        member_id=member_id,
        facts=facts,
        parent=command.ticket,
        install=install_digest(command.programme_id, asked.install_id or "") if vouched else None,
        install_id=asked.install_id,
        device_type=asked.device_type,
        promo_codes=asked.promo_codes,
        payment=asked.payment,
    )


def rows_of_judgement(
    command: LoggedCommand, asked: Reward, member_id: bytes, judgement: Judgement, buckets: int
) -> list[AppendRow]:
    """The follow-ups of a judged command: what the links decide first, then what is known to be another member's."""
    commands: list[Command] = []
    if judgement.claimed:
        commands.append(claim_of(command, asked, member_id, judgement.claimed))
    commands += [
        Reward(
            dialect=asked.dialect,
            action=asked.action,
            identity=side.identity,
            facts=side.facts,
            parent=command.ticket,
        )
        for side in judgement.follow_ups
    ]
    return [follow_up_row(command, each, number, buckets) for number, each in enumerate(commands)]


def members_asked_for(asked: ToLinks, held: OpenClaim | None, programme_id: int) -> Iterator[bytes]:
    """Whose nodes deciding this looks at; `held` is what a verdict is about."""
    if isinstance(asked, Join):
        yield from (asked.merged, asked.into)
    claim = asked if isinstance(asked, Claim) else None if held is None else held.claim
    if claim is not None:
        yield claim.member_id
        for fact in claim.facts:
            if isinstance(fact, Referral) and fact.referrer is not None and fact.referred is None:
                yield member_of(programme_id, fact.referrer.kind, fact.referrer.value)


def decide_links(
    command: LoggedCommand,
    asked: ToLinks,
    programme: CompiledProgramme,
    forest: LinkForest,
    *,
    shared: bool,
    held: OpenClaim | None,
    buckets: int,
    claimed_at: tuple[bytes, int],
) -> Linked:
    """What comes of it. `shared`: the claim's install id was seen with another member; `held` is what a verdict is about.

    `claimed_at` are ticket and position of the claim, which are not the command's where it is tried again.
    """
    row: HeldRow | None = None
    opened: OpenClaim | None = None
    stocks: tuple[tuple[int, int, int, int], ...] = ()
    if isinstance(asked, Join):
        decision = _Decision(forest.joined(asked.merged, asked.into), [], [], {})
    elif isinstance(asked, Verdict):
        decision, row = _judge(command, asked, programme, forest, held)
    else:
        unknown = asked.install is None and programme.settings.referral.unknown_device is UnknownDevice.REVIEW
        decision = _claim(command, asked, programme, forest, held_as=claimed_at[0] if shared or unknown else None)
        if asked.install is not None:
            stocks = ((PROGRAMME_ITSELF, SLOT_SHARED_INSTALL, 0, int(shared)),)
        if any(decline.reason == "held_for_review" for decline in decision.declines):
            row = HeldRow(command.bucket, *claimed_at, command.programme_id)
            opened = OpenClaim(row, asked)
    follow_ups = [follow_up_row(command, each, number, buckets) for number, each in enumerate(decision.commands)]
    outcome = Outcome(
        status=Status.DECIDED,
        revision=programme.revision,
        declines=tuple(decision.declines),
        follow_ups=tuple([follow_up.ticket for follow_up in follow_ups]),
        stocks=stocks,
    )
    return Linked(outcome, follow_ups, decision.nodes, row, opened)


def _claim(
    command: LoggedCommand, claim: Claim, programme: CompiledProgramme, forest: LinkForest, *, held_as: bytes | None
) -> _Decision:
    decision = _Decision([], [], [], {})
    node = forest.node(claim.member_id)
    for fact in claim.facts:
        if isinstance(fact, Referral) and fact.referred is None:
            reason = _why_not(fact, claim.member_id, command.programme_id, forest)
            if reason is None and held_as is not None:
                details = {"id": str(UUID(bytes=held_as))}
                decision.declines.append(Declined(PROGRAMME_ITSELF, "held_for_review", details))
            elif reason is not None:
                decision.declines.append(Declined(PROGRAMME_ITSELF, reason))
            else:
                _accept(command, claim, fact, programme, forest, decision)
                node = next(each for each in decision.nodes if each.member_id == claim.member_id)
        elif isinstance(fact, Referral | ReferralPurchase):
            _pass_on(command, claim, fact, programme, node, decision)
    _tell_referrers(command, claim, decision)
    return decision


def _why_not(fact: Referral, member_id: bytes, programme_id: int, forest: LinkForest) -> str | None:
    if forest.node(member_id).linked:
        return "already_referred"
    if fact.referrer is not None:
        referrer = member_of(programme_id, fact.referrer.kind, fact.referrer.value)
        if forest.hang_together(member_id, referrer):
            # Whoever was referred by nobody yet is the top of all that hangs below: the referrer is one of those.
            return "referral_cycle"
    return None


def _accept(
    command: LoggedCommand,
    claim: Claim,
    fact: Referral,
    programme: CompiledProgramme,
    forest: LinkForest,
    decision: _Decision,
) -> None:
    """The link holds: the member's side goes first, then the referrer's, each to a lane of its own."""
    mine = Reward(
        dialect=claim.dialect,
        action=claim.action,
        identity=claim.member,
        facts=(msgspec.structs.replace(fact, linked=True),),
        install_id=claim.install_id,
        device_type=claim.device_type,
        parent=command.ticket,
        promo_codes=claim.promo_codes,
        payment=claim.payment,
    )
    decision.commands.append(mine)
    referrer: bytes | None = None
    if fact.referrer is not None:
        referrer = member_of(command.programme_id, fact.referrer.kind, fact.referrer.value)
        if programme.referrer_levels.get(fact.trigger, 0) > 0:
            decision.sides.setdefault(fact.referrer, []).append(fact)
    decision.nodes.extend(forest.linked(claim.member_id, referrer, fact.referrer))


def _pass_on(
    command: LoggedCommand,
    claim: Claim,
    fact: Referral | ReferralPurchase,
    programme: CompiledProgramme,
    node: LinkNode,
    decision: _Decision,
) -> None:
    """Bring a fact to whoever the links say referred the member; nobody is paid while, or because, none was accepted."""
    own = fact.referred is None
    if not node.linked:
        if own and fact.referrer is not None:
            decision.declines.append(Declined(PROGRAMME_ITSELF, "referral_not_accepted"))
        return
    if own and node.referrer is not None and fact.referrer is not None and fact.referrer != node.referrer:
        decision.declines.append(Declined(PROGRAMME_ITSELF, "referrer_mismatch"))
    referrer = node.referrer or (fact.referrer if own else None)
    if referrer is None or is_about(fact, referrer, command.programme_id):
        return
    if programme.referrer_levels.get(fact.trigger, 0) > (0 if own else fact.level):
        decision.sides.setdefault(referrer, []).append(fact)


def _tell_referrers(command: LoggedCommand, claim: Claim, decision: _Decision) -> None:
    decision.commands.extend(
        Reward(
            dialect=claim.dialect,
            action=claim.action,
            identity=referrer,
            facts=tuple(
                [
                    other_side(fact, claim.member_id, command.recorded_at)
                    for fact in facts
                    if isinstance(fact, Referral | ReferralPurchase)
                ]
            ),
            parent=command.ticket,
        )
        for referrer, facts in decision.sides.items()
    )


def _judge(
    command: LoggedCommand,
    verdict: Verdict,
    programme: CompiledProgramme,
    forest: LinkForest,
    held: OpenClaim | None,
) -> tuple[_Decision, HeldRow | None]:
    """Approve or refuse a held referral. It is looked at anew: the member may have been referred by somebody else since."""
    decision = _Decision([], [], [], {})
    if held is None:
        decision.declines.append(Declined(PROGRAMME_ITSELF, "referral_unknown"))
        return decision, None
    if held.row.verdict != OPEN:
        decision.declines.append(Declined(PROGRAMME_ITSELF, "referral_judged"))
        return decision, None
    if not verdict.approved:
        details = {"id": str(UUID(bytes=verdict.target)), "note": verdict.note}
        decision.declines.append(Declined(PROGRAMME_ITSELF, "referral_refused", details))
        return decision, held.row._replace(verdict=REFUSED, verdict_position=command.position)
    fact = next(each for each in held.claim.facts if isinstance(each, Referral) and each.referred is None)
    reason = _why_not(fact, held.claim.member_id, command.programme_id, forest)
    if reason is not None:
        decision.declines.append(Declined(PROGRAMME_ITSELF, reason))
        return decision, held.row._replace(verdict=REFUSED, verdict_position=command.position)
    _accept(command, held.claim, fact, programme, forest, decision)
    _tell_referrers(command, held.claim, decision)
    return decision, held.row._replace(verdict=APPROVED, verdict_position=command.position)


def read_claim(facts: bytes) -> Claim:
    """The claim that was held. Raises msgspec.DecodeError, TypeError when the bytes are none."""
    claim = decode_command(facts)
    if not isinstance(claim, Claim):
        raise TypeError("what was held for review is no referral")
    return claim


def keep(linked: Linked, forest: LinkForest, held: dict[bytes, OpenClaim], draft: Draft) -> None:
    """The links stand as this command leaves them: the next one of the batch sees it."""
    forest.change(linked.nodes, draft)
    if linked.opened is not None:
        draft.put(held, linked.opened.row.claim, linked.opened)
    elif linked.held is not None:
        draft.own(held[linked.held.claim]).row = linked.held
