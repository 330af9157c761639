"""Which paths there are: every dialect, the native API and the probes, put together into one application."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from accrual.api.app import App, utc_now
from accrual.api.call import Engine, Reply
from accrual.api.dialects.dsquares import headers as dsquares_headers
from accrual.api.dialects.dsquares import reply as dsquares_reply
from accrual.api.dialects.dsquares.routes import RIGHT as DSQUARES_RIGHT
from accrual.api.dialects.dsquares.routes import DsquaresRoutes
from accrual.api.dialects.goodie import headers as goodie_headers
from accrual.api.dialects.goodie import reply as goodie_reply
from accrual.api.dialects.goodie.routes import RIGHT as GOODIE_RIGHT
from accrual.api.dialects.goodie.routes import GoodieRoutes
from accrual.api.dialects.profitflow import routes as profitflow
from accrual.api.dialects.qoin import routes as qoin
from accrual.api.limits import EdgeLimits
from accrual.api.metrics import Meter
from accrual.api.native import reply as native_reply
from accrual.api.native import rights as native_rights
from accrual.api.native.checkpoints import CheckpointPages
from accrual.api.native.draws import DrawRoutes
from accrual.api.native.openapi import openapi
from accrual.api.native.promos import PromoRoutes
from accrual.api.native.referrals import ReferralRoutes
from accrual.api.native.rewards import RewardRoutes
from accrual.api.native.routes import NativeLimits, NativeRoutes
from accrual.api.probes import probes
from accrual.api.routing import Mounted, Probe

_GET = frozenset({"GET"})
_POST = frozenset({"POST"})
_CHANGE = frozenset({"PUT", "PATCH"})


def build_app(
    engine: Engine,
    *,
    edge: EdgeLimits | None = None,
    native: NativeLimits | None = None,
    meter: Meter | None = None,
    now: Callable[[], datetime] = utc_now,
    open_address: bool = False,
    metrics_token: str | None = None,
) -> App:
    """The whole API over an engine; give the same `meter` to a process's second application.

    With `open_address`, where other machines reach it, clients of demo programmes are not let in.
    """
    edge = edge or EdgeLimits()
    native = native or NativeLimits()
    meter = meter or Meter()
    return App(
        engine,
        mounted=[
            *_qoin(edge),
            *_dsquares(edge),
            *_goodie(edge),
            *_profitflow(edge),
            *_native(edge, native),
            *_promos(edge),
            *_referrals(native, edge),
            *_rewards(),
            *_draws(edge),
        ],
        probes=[*probes(engine, meter, metrics_token=metrics_token), _description(native), _checkpoints(engine)],
        failure=native_reply.failure,
        limits=edge,
        meter=meter,
        now=now,
        open_address=open_address,
    )


def build_probes_app(engine: Engine, *, meter: Meter | None = None, metrics_token: str | None = None) -> App:
    """Health and metrics alone, for a port of their own."""
    meter = meter or Meter()
    return App(
        engine,
        mounted=[],
        probes=probes(engine, meter, metrics_token=metrics_token),
        failure=native_reply.failure,
        limits=EdgeLimits(),
        meter=meter,
    )


def _qoin(edge: EdgeLimits) -> Sequence[Mounted]:
    return [
        Mounted(
            name=name,
            path=f"/saas/{name}",
            methods=_POST,
            answer=answer,
            failure=qoin.failure,
            body_bytes_max=edge.body_bytes_max,
            rights=qoin.RIGHTS,
        )
        for name, answer in (("requestin", qoin.requestin), ("requestout", qoin.requestout))
    ]


def _dsquares(edge: EdgeLimits) -> Sequence[Mounted]:
    routes = DsquaresRoutes(deadline_s=edge.answer_deadline_s)
    return [
        Mounted(
            name=name,
            path=f"/api/Integration/{{version}}/{call}",
            methods=methods,
            answer=answer,
            failure=failure,
            body_bytes_max=edge.body_bytes_max if methods is _POST else 0,
            rights=(DSQUARES_RIGHT,),
            authenticate=dsquares_headers.authenticate,
        )
        for name, call, methods, answer, failure in (
            ("dsquares_reward", "Reward", _POST, routes.reward, dsquares_reply.reward_failure),
            ("dsquares_redeem", "RedeemUser", _POST, routes.redeem, dsquares_reply.redeem_failure),
            ("dsquares_refund", "Refund", _POST, routes.refund, dsquares_reply.refund_failure),
            ("dsquares_data", "GetWalletData", _GET, routes.data, dsquares_reply.data_failure),
        )
    ]


def _goodie(edge: EdgeLimits) -> Sequence[Mounted]:
    routes = GoodieRoutes(deadline_s=edge.answer_deadline_s)
    return [
        Mounted(
            name=name,
            path=path,
            methods=methods,
            answer=answer,
            failure=goodie_reply.failure,
            body_bytes_max=edge.body_bytes_max if methods is _POST else 0,
            rights=(GOODIE_RIGHT,),
            authenticate=goodie_headers.authenticate,
        )
        for name, path, methods, answer in (
            ("goodie_posting", "/api-rest/promotion/posting", _POST, routes.posting),
            ("goodie_inquiry", "/api-rest/promotion/inquiry", _POST, routes.inquiry),
            ("goodie_points", "/api-rest/member/points", _GET, routes.points),
        )
    ]


def _profitflow(edge: EdgeLimits) -> Sequence[Mounted]:
    return [
        Mounted(
            name=f"profitflow_{name}",
            path=f"/api/pointreward/{name}",
            methods=_POST,
            answer=answer,
            failure=profitflow.failure,
            body_bytes_max=min(edge.body_bytes_max, profitflow.BODY_BYTES_MAX),
            rights=(profitflow.RIGHT,),
            authenticate=profitflow.authenticate,
        )
        for name, answer in profitflow.ROUTES.items()
    ]


def _native(edge: EdgeLimits, limits: NativeLimits) -> Sequence[Mounted]:
    routes = NativeRoutes(limits)
    return [
        Mounted(
            name="native_commands",
            path="/v1/commands",
            methods=_POST,
            answer=routes.commands,
            failure=native_reply.failure,
            body_bytes_max=edge.bulk_body_bytes_max,
            rights=native_rights.RIGHTS_TO_COMMAND,
        ),
        Mounted(
            name="native_preview",
            path="/v1/preview",
            methods=_POST,
            answer=routes.preview,
            failure=native_reply.failure,
            body_bytes_max=edge.body_bytes_max,
            rights=native_rights.RIGHTS_TO_COMMAND,
        ),
        Mounted(
            name="native_ticket",
            path="/v1/tickets/{ticket}",
            methods=_GET,
            answer=routes.ticket,
            failure=native_reply.failure,
            body_bytes_max=0,
            rights=native_rights.RIGHTS_TO_READ_TICKETS,
        ),
        Mounted(
            name="native_parked",
            path="/v1/parked",
            methods=_GET,
            answer=routes.parked,
            failure=native_reply.failure,
            body_bytes_max=0,
            rights=native_rights.RIGHTS_TO_OPERATE,
        ),
        Mounted(
            name="native_retry",
            path="/v1/parked/{ticket}/retry",
            methods=_POST,
            answer=routes.retry,
            failure=native_reply.failure,
            body_bytes_max=edge.body_bytes_max,
            rights=native_rights.RIGHTS_TO_OPERATE,
        ),
        Mounted(
            name="native_profile",
            path="/v1/members/{kind}/{value:path}/profile",
            methods=_CHANGE,
            answer=routes.profile,
            failure=native_reply.failure,
            body_bytes_max=edge.body_bytes_max,
            rights=native_rights.RIGHTS_TO_CHANGE_MEMBERS,
        ),
        Mounted(
            name="native_statement",
            path="/v1/members/{kind}/{value:path}/statement",
            methods=_GET,
            answer=routes.statement,
            failure=native_reply.failure,
            body_bytes_max=0,
            rights=native_rights.RIGHTS_TO_READ,
        ),
        Mounted(
            name="native_member",
            # A value may hold a slash, percent-encoded or not: it is all that follows the kind.
            path="/v1/members/{kind}/{value:path}",
            methods=_GET,
            answer=routes.member,
            failure=native_reply.failure,
            body_bytes_max=0,
            rights=native_rights.RIGHTS_TO_READ,
        ),
    ]


def _referrals(limits: NativeLimits, edge: EdgeLimits) -> Sequence[Mounted]:
    routes = ReferralRoutes(limits.wait_max_s)
    return [
        Mounted(
            name=name,
            path=path,
            methods=methods,
            answer=answer,
            failure=native_reply.failure,
            body_bytes_max=edge.body_bytes_max if methods is _POST else 0,
            rights=native_rights.RIGHTS_TO_OPERATE,
        )
        for name, path, methods, answer in (
            ("native_referrals", "/v1/referrals", _GET, routes.page),
            ("native_referral_verdict", "/v1/referrals/{id}/{action}", _POST, routes.judge),
        )
    ]


def _rewards() -> Sequence[Mounted]:
    routes = RewardRoutes()
    return [
        Mounted(
            name=name,
            path=path,
            methods=_GET,
            answer=answer,
            failure=native_reply.failure,
            body_bytes_max=0,
            rights=native_rights.RIGHTS_TO_BROWSE,
        )
        for name, path, answer in (
            ("native_rewards", "/v1/rewards", routes.page),
            ("native_reward", "/v1/rewards/{code}", routes.reward),
        )
    ]


def _draws(edge: EdgeLimits) -> Sequence[Mounted]:
    routes = DrawRoutes()
    return [
        Mounted(
            name=name,
            path=path,
            methods=methods,
            answer=answer,
            failure=native_reply.failure,
            body_bytes_max=edge.body_bytes_max if methods is _POST else 0,
            rights=rights,
        )
        for name, path, methods, rights, answer in (
            ("native_draw", "/v1/draws/{code}", _GET, native_rights.RIGHTS_TO_BROWSE, routes.draw),
            ("native_draw_claim", "/v1/draws/{code}/claims", _POST, native_rights.RIGHTS_TO_RUN_PROMOS, routes.claim),
        )
    ]


def _promos(edge: EdgeLimits) -> Sequence[Mounted]:
    routes = PromoRoutes()
    return [
        Mounted(
            name=name,
            path=path,
            methods=methods,
            answer=answer,
            failure=native_reply.failure,
            body_bytes_max=edge.body_bytes_max if methods is _POST else 0,
            rights=native_rights.RIGHTS_TO_RUN_PROMOS,
        )
        for name, path, methods, answer in (
            ("native_promos", "/v1/promos", _GET, routes.page),
            ("native_promo", "/v1/promos/{code}", _GET, routes.promo),
            ("native_promo_history", "/v1/promos/{code}/history", _GET, routes.history),
            ("native_promo_step", "/v1/promos/{code}/{action}", _POST, routes.step),
        )
    ]


def _checkpoints(engine: Engine) -> Probe:
    pages = CheckpointPages(engine, monotonic=time.monotonic)

    async def newest() -> Reply:
        return await pages.answer("")

    return Probe(name="checkpoints", path="/v1/checkpoints", answer=newest, asks=pages.answer)


def _description(limits: NativeLimits) -> Probe:
    document = openapi(bulk_max=limits.bulk_max, page_max=limits.page_max, wait_max_s=limits.wait_max_s)
    body = msgspec.json.encode(document)

    async def answer() -> Reply:
        return Reply(status=200, body=body)

    return Probe(name="openapi", path="/v1/openapi.json", answer=answer)
