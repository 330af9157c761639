"""The HTTP edge: every request is bounded, authenticated, counted and answered here, whatever happens behind it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import perf_counter_ns
from typing import Any

import structlog
from starlette.routing import Route, Router

from accrual.api.admission import Admission
from accrual.api.auth import refuse_demo, refuse_repeated, require_any_right, require_token
from accrual.api.call import Call, Caller, Engine, Reply
from accrual.api.limits import EdgeLimits, Gone, Receive, TooSlow, may_stay_open, read_body
from accrual.api.metrics import Meter
from accrual.api.routing import Failure, Mounted, Probe, Scope, Send, allows, send_reply
from accrual.api.sign_ins import SignIns
from accrual.domain.errors import AccrualError, Broken, Forbidden, Unauthorized, UnknownRoute
from accrual.telemetry import trace_of

_GONE_STATUS = 499
"""Counted, never sent: the caller hung up first."""

_log = structlog.get_logger("accrual.api")


def utc_now() -> datetime:
    """The moment a request is taken to have come in."""
    return datetime.now(UTC)


class App:
    """An ASGI application over mounted routes and open probes.

    A fixed path costs one dictionary look-up; only paths with `{parts}` and unknown ones go through Starlette's router.
    `failure` renders what no route can: unknown paths and broken probes. `open_address`: other machines reach it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        mounted: Sequence[Mounted],
        probes: Sequence[Probe],
        failure: Failure,
        limits: EdgeLimits,
        meter: Meter,
        now: Callable[[], datetime] = utc_now,
        open_address: bool = False,
    ) -> None:
        self._open_address = open_address
        self._engine = engine
        self._failure = failure
        self._limits = limits
        self._meter = meter
        self._now = now
        self._sign_ins = SignIns()
        largest = max(limits.body_bytes_max, limits.bulk_body_bytes_max)
        self._admission = Admission(
            requests_max=limits.requests_max,
            client_requests_max=limits.client_requests_max,
            body_bytes_max=max(limits.held_bytes_max, largest),
            client_body_bytes_max=max(limits.client_held_bytes_max, largest),
        )
        everything: list[Mounted | Probe] = [*mounted, *probes]
        self._fixed = {route.path: route for route in everything if "{" not in route.path}
        self._router = Router(
            [Route(route.path, _Endpoint(self, route)) for route in mounted if "{" in route.path],
            redirect_slashes=False,
            default=_Endpoint(self, None),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (route := self._fixed.get(scope["path"])) is not None:
            await self.answer(route, scope, receive, send)
        else:
            await self._router(scope, receive, send)

    async def answer(self, route: Mounted | Probe | None, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request on this route (None: there is none), in the route's own shape also when it fails."""
        began = perf_counter_ns()
        name = "unknown" if route is None else route.name
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        extra: dict[str, str] | None = None
        close = False
        try:
            if len(headers) != len(scope["headers"]):
                refuse_repeated(scope["headers"])
            reply = await self._reply(route, scope, headers, receive)
        except Gone:
            self._meter.request(name, _GONE_STATUS, perf_counter_ns() - began)
            return
        except Exception as caught:
            error = caught if isinstance(caught, AccrualError) else Broken()
            request_id = secrets.token_hex(8)
            extra = _failure_headers(error, request_id)
            if error.kind == "broken":
                _log.error("request_failed", route=name, request_id=request_id, **trace_of(caught))
            if isinstance(error, Unauthorized) and not isinstance(error, Forbidden):
                self._meter.sign_in_failed(name)
                await self._sign_ins.failed(_host_of(scope), name, error.code)
            failure = route.failure if isinstance(route, Mounted) else self._failure
            reply = failure(error, request_id)
            bytes_max = route.body_bytes_max if isinstance(route, Mounted) else self._limits.body_bytes_max
            close = isinstance(error, TooSlow) or not may_stay_open(
                headers, bytes_max, known=error.kind != "unauthorized"
            )
        await send_reply(send, reply, extra=extra, close=close, private=isinstance(route, Mounted))
        self._meter.request(name, reply.status, perf_counter_ns() - began)

    async def _reply(
        self, route: Mounted | Probe | None, scope: Scope, headers: Mapping[str, str], receive: Receive
    ) -> Reply:
        if route is None:
            raise UnknownRoute
        if not allows(route.methods, scope["method"]):
            raise UnknownRoute(details={"allow": ", ".join(sorted(route.methods))})
        if isinstance(route, Probe):
            if route.token is not None:
                require_token(headers, route.token)
            if route.asks is not None:
                return await route.asks(scope["query_string"].decode("latin-1"))
            return await route.answer()
        caller = Caller(headers=headers, host=_host_of(scope))
        client, catalogue = route.authenticate(caller, self._engine)
        if catalogue.settings.demo:
            refuse_demo(scope, open_address=self._open_address)
        require_any_right(client, route.rights)
        place = self._admission.enter(client.client_id)
        try:
            body = await read_body(
                receive,
                headers,
                bytes_max=route.body_bytes_max,
                timeout_s=self._limits.body_timeout_s,
                hold=place.hold,
            )
            call = Call(
                client=client,
                catalogue=catalogue,
                path=scope["path"],
                headers=headers,
                body=body,
                now=self._now(),
                chance=secrets.token_bytes(16),
                method=scope["method"],
                query=scope["query_string"].decode("latin-1"),
                params=scope.get("path_params", {}),
            )
            return await route.answer(call, self._engine)
        finally:
            place.leave()


class _Endpoint:
    """One route of the app as an ASGI application, so that Starlette's router can call it."""

    def __init__(self, app: App, route: Mounted | Probe | None) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._app.answer(self._route, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})


def _host_of(scope: Scope) -> str:
    """The address of the other end, "" where the server does not know it."""
    peer = scope.get("client")
    return str(peer[0]) if peer else ""


def _failure_headers(error: AccrualError, request_id: str) -> dict[str, str]:
    headers = {"x-request-id": request_id}
    allow: Any = error.details.get("allow")
    if allow:
        headers["allow"] = str(allow)
    if error.kind == "busy":
        headers["retry-after"] = str(error.details.get("retry_after_s", 1))
    if error.kind == "unauthorized" and error.code == "unauthorized":
        headers["www-authenticate"] = "Bearer"
    return headers
