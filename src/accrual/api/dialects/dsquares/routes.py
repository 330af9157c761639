"""Dsquares' four routes: reward, redeem, refund, and what a wallet has. HTTP itself and the engine are elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from accrual.api.call import Call, Engine, Reply
from accrual.api.dialects.dsquares import contact, deeds, failures, reply, translate
from accrual.api.dialects.dsquares.failures import Failed
from accrual.api.dialects.dsquares.shown import Acted
from accrual.api.dialects.dsquares.terms import Terms, TermsKept
from accrual.api.dialects.dsquares.translate import Asked, identity_of
from accrual.api.dialects.dsquares.wallet_data import data_of
from accrual.api.dialects.dsquares.wire import RefundCall, Who, read_redeem, read_refund, read_reward, read_wallet
from accrual.api.dialects.keys import key_of
from accrual.api.dialects.tolerant import Fields
from accrual.api.query import read_query
from accrual.domain.commands import Reward, Submission
from accrual.domain.errors import AccrualError, Broken, Busy, Refused
from accrual.domain.facts import Identity
from accrual.domain.ids import member_of
from accrual.domain.members import EMPTY_PROFILE
from accrual.domain.movements import Capture, Redeem
from accrual.domain.outcomes import Award, Status
from accrual.engine.views import TicketView
from accrual.engine.wallets import Standing, Wallet

RIGHT = "dsquares"
HOPS_MAX = 16
TRANSACTIONS_SHOWN = 100
UNDECIDED = "It was accepted and is not decided yet; send the same again a little later."
PARKED = "The call could not be processed; it is kept, and will be tried again."


class DsquaresRoutes:
    """The routes; `deadline_s` is how long a caller is kept waiting for the outcome."""

    def __init__(self, *, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._terms = TermsKept()

    async def reward(self, call: Call, engine: Engine) -> Reply:
        """POST Reward: what was paid becomes points. Raises AccrualError, for `reward_failure` to render."""
        sent = read_reward(call.body)
        terms = self._terms_of(call)
        wallet = await self._find(call, engine, sent.who.wallet)
        refusal = self._refusal(call, terms, sent.who, wallet, may_enrol=True)
        if refusal is None and sent.sku is not None and sent.sku not in terms.skus:
            refusal = Failed(failures.INVALID_SKU)
        submission = translate.reward(sent, self._asked(call, terms, wallet, refusal))
        acted = await self._act(call, engine, sent.who, wallet, submission)
        return reply.rewarded(acted, deeds.rewarded(sent, acted), sent.who)

    async def redeem(self, call: Call, engine: Engine) -> Reply:
        """POST RedeemUser: points are spent. Raises AccrualError, for `redeem_failure` to render."""
        sent = read_redeem(call.body)
        terms = self._terms_of(call)
        wallet = await self._find(call, engine, sent.who.wallet)
        asked = self._asked(call, terms, wallet, self._refusal(call, terms, sent.who, wallet))
        submission = translate.redeem(sent, asked, key_of(call, engine))
        acted = await self._act(call, engine, sent.who, wallet, submission)
        return reply.redeemed(acted, deeds.redeemed(sent, acted), sent.who)

    async def refund(self, call: Call, engine: Engine) -> Reply:
        """POST Refund: undo a redemption or a reward. Raises AccrualError, for `refund_failure` to render."""
        sent = read_refund(call.body)
        terms = self._terms_of(call)
        wallet = await self._find(call, engine, sent.who.wallet)
        asked = self._asked(call, terms, wallet, self._refusal(call, terms, sent.who, wallet))
        key = translate.key_of_refund(sent, key_of(call, engine))
        entry = await engine.wallets.logged(sent.transaction, call.client.programme_id)
        made = None if entry is None else await engine.wallets.decided(entry.ticket)
        if entry is None or made is None or not await self._is_of(entry.command.identity, wallet, call, engine):
            raise asked.refusal or Failed(failures.TRANSACTION_UNKNOWN)
        if isinstance(entry.command, Reward):
            _need_whole(sent, call, terms, made[1].awards, entry.command)
            acted = await self._act(call, engine, sent.who, wallet, translate.take_back(sent, entry.ticket, asked, key))
            return reply.refunded(acted, deeds.taken_back(sent, acted, entry.command), sent.who)
        if not isinstance(entry.command, Redeem | Capture):
            raise asked.refusal or Failed(failures.INVALID_TRANSACTION)
        acted = await self._act(call, engine, sent.who, wallet, translate.refund(sent, entry.ticket, asked, key))
        return reply.refunded(acted, deeds.refunded(sent, acted, made[1]), sent.who)

    async def data(self, call: Call, engine: Engine) -> Reply:
        """GET GetWalletData?query=WalletCode: what a wallet has. Raises AccrualError, for `data_failure` to render."""
        code = _read_query(call.query)
        terms = self._terms_of(call)
        identity = identity_of(code, call.catalogue.settings)
        wallet = await self._find(call, engine, code)
        view = await engine.member(call.client.programme_id, identity, limit=TRANSACTIONS_SHOWN, before=None)
        if wallet is None or view is None or not view.history:
            raise Failed(failures.WALLET_UNKNOWN)
        standing = await engine.wallets.standing(
            view.member_id, terms.asset_id, position=view.history[0].position, counted=terms.counted
        )
        if standing is None:
            raise Failed(failures.WALLET_UNKNOWN)
        parent_code = (
            None if wallet.shared is None else await engine.wallets.named(view.member_id, translate.IDENTITY_KIND)
        )
        return reply.data(
            data_of(view, standing, terms, wallet=code, is_child=wallet.shared is not None, parent_code=parent_code)
        )

    async def _find(self, call: Call, engine: Engine, wallet: str) -> Wallet | None:
        return await engine.wallets.find_settled(
            call.client.programme_id, identity_of(wallet, call.catalogue.settings), deadline_s=self._deadline_s
        )

    def _terms_of(self, call: Call) -> Terms:
        terms = self._terms.of(call.catalogue, call.client.client.code)
        if terms is None:
            raise Refused("The programme has no asset to be counted.")
        return terms

    def _refusal(
        self, call: Call, terms: Terms, who: Who, wallet: Wallet | None, *, may_enrol: bool = False
    ) -> AccrualError | None:
        """Why nothing new may come of it: an unknown wallet, or an unknown branch."""
        client = call.client.client
        if wallet is None and not (may_enrol and client.enrol_on_reward):
            return Failed(failures.WALLET_UNKNOWN)
        if who.branch not in terms.branches:
            return Failed(failures.INVALID_BRANCH)
        return None

    def _asked(self, call: Call, terms: Terms, wallet: Wallet | None, refusal: AccrualError | None) -> Asked:
        level = terms.level(EMPTY_PROFILE if wallet is None else wallet.holder.profile)
        return Asked(client=call.client, terms=terms, now=call.now, body=call.body, earn=level.earn, refusal=refusal)

    async def _is_of(self, identity: Identity, wallet: Wallet | None, call: Call, engine: Engine) -> bool:
        """Whether what this identity did was done with this wallet's points."""
        found = None if wallet is None else await engine.wallets.find(call.client.programme_id, identity)
        return found is not None and wallet is not None and found.holder.member_id == wallet.holder.member_id

    async def _act(self, call: Call, engine: Engine, who: Who, wallet: Wallet | None, submission: Submission) -> Acted:
        """Submit, wait, and look what came of it. Raises Busy when it is not decided in time, Broken when it cannot be."""
        if submission.refusal is None:
            refusal = await contact.check_contact(
                who, wallet, client=call.client, catalogue=call.catalogue, engine=engine
            )
            submission = msgspec.structs.replace(submission, refusal=refusal)
        receipt = await engine.submit(submission)
        view = _decided(await engine.wait(receipt, deadline_s=self._deadline_s))
        catalogue = call.catalogue
        if view.revision is not None and view.revision != catalogue.revision:
            catalogue = await engine.catalogue_at(view.programme_id, view.revision)
        terms = self._terms.of(catalogue, call.client.client.code)
        if terms is None:
            raise Refused("The programme had no asset to be counted.")
        own = await _standing(view, terms, engine)
        done, shared = view, own
        for _ in range(HOPS_MAX):
            if shared.status != Status.FORWARDED:
                break
            done = _decided(await engine.ticket(done.follow_ups[0]))
            shared = await _standing(done, terms, engine)
        is_child = shared is not own
        return Acted(
            terms=terms,
            view=view,
            done=done,
            own=own,
            shared=shared,
            is_child=is_child,
            parent_code=await engine.wallets.named(_member_of(done), translate.IDENTITY_KIND) if is_child else None,
        )


async def _standing(view: TicketView, terms: Terms, engine: Engine) -> Standing:
    """The member of a decided command as it left them. Raises Failed where they are none."""
    found = await engine.wallets.standing(
        _member_of(view), terms.asset_id, position=view.position, counted=terms.counted
    )
    if found is None:
        raise Failed(failures.WALLET_UNKNOWN)
    return found


def _member_of(view: TicketView) -> bytes:
    return member_of(view.programme_id, view.identity.kind, view.identity.value)


def _decided(view: TicketView | None) -> TicketView:
    if view is None or view.status == "waiting" or not view.complete:
        raise Busy(UNDECIDED, details={"retry_after_s": 1})
    if view.status == "parked":
        raise Broken(PARKED)
    return view


def _need_whole(sent: RefundCall, call: Call, terms: Terms, awards: Sequence[Award], bought: Reward) -> None:
    """A Reward is refunded whole: Points or PointsValue, where they are sent, must be all of it. Raises Failed."""
    units, value = translate.asked_back(sent, call.client, terms)
    given = sum(award.amount for award in awards if award.asset_id == terms.asset_id)
    for wanted, whole in ((units, given), (value, deeds.paid_minor(bought))):
        if wanted is None or wanted == whole:
            continue
        if wanted <= 0:
            raise Failed(failures.INVALID_AMOUNT)
        raise Failed(failures.OVER_ORIGINAL if wanted > whole else failures.CANNOT)


def _read_query(query: str) -> str:
    """The wallet code in the query. Raises Misread, Failed, and Invalid `invalid_field` when there are too many fields."""
    sent = read_query(query)
    return read_wallet(Fields({name: values[-1] for name, values in sent.items()}), "query")
