"""The demonstration's lucky draw: entries over real HTTP, the secret disclosed, every result verified by a program apart."""

from __future__ import annotations

import asyncio
import http.client
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec

import accrual.draw_verify
from accrual.bootstrap.asking import asking
from accrual.bootstrap.demo_server import DemoServer, Tell
from accrual.bootstrap.drawing import receipts_of
from accrual.bootstrap.programme import apply_file
from accrual.domain.errors import AccrualError, Broken

DRAW = "DR-WHEEL"
KEY = "draws-demo-key"
MEMBERS = 4
ENTRIES_EACH = 5
DECIDE_S = 30.0
VERIFY_S = 60.0
POLL_S = 0.1


class DemoDraw(msgspec.Struct, frozen=True, kw_only=True):
    """What the draw showed: the commitment from before, what came, and what the verifier said of it."""

    draw: str
    entries: int
    commitment: str
    prizes: dict[str, int]
    verdict: str
    problems: tuple[str, ...] = ()


def run_demo_draw(server: DemoServer, programme: Path, home: Path, tell: Tell) -> DemoDraw:
    """Add a programme that draws to the server, let members enter, disclose and verify. Raises AccrualError."""
    tell(f"A lucky draw: {MEMBERS * ENTRIES_EACH} entries in {DRAW}, then its secret, then the proof")
    asyncio.run(apply_file(programme, server.owner_url, actor="demo"))
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DECIDE_S)) as connection:
        commitment = _commitment(connection)
        for kind in ("purchase", "draw_entry"):
            for number in range(MEMBERS * ENTRIES_EACH):
                _submit(connection, kind, number)
    return asyncio.run(_prove(server, home, commitment))


def _commitment(connection: http.client.HTTPConnection) -> str:
    """As it is published before anything is drawn; the server sees a new programme within a second or two."""
    deadline_s = time.monotonic() + DECIDE_S
    while True:
        status, reply = _ask(connection, "GET", f"/v1/draws/{DRAW}")
        if status == 200:
            return str(reply["commitment"])
        if time.monotonic() > deadline_s:
            raise Broken(f"The server does not show {DRAW}: {status} {reply}", code="demo_server_failed")
        time.sleep(POLL_S)


def _submit(connection: http.client.HTTPConnection, kind: str, number: int) -> None:
    member = {"kind": "id", "value": f"draw-{number % MEMBERS}"}
    fact = {"type": kind, "amount": "10000"} if kind == "purchase" else {"type": kind}
    headers = {"Idempotency-Key": f"{kind}-{number}"}
    status, reply = _ask(connection, "POST", "/v1/commands", {"member": member, "facts": [fact]}, headers)
    if status not in (200, 202):
        raise Broken(f"The server did not take a {kind}: {status} {reply}", code="demo_server_failed")


def _ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, object]]:
    sent = {"API-Key": KEY, "Authorization": f"Bearer {KEY}", "Content-Type": "application/json", **(headers or {})}
    try:
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Broken(f"The server did not answer {path}: {error!r}.", code="demo_server_failed") from error


async def _prove(server: DemoServer, home: Path, commitment: str) -> DemoDraw:
    wanted = MEMBERS * ENTRIES_EACH
    async with asking(None, server.owner_url) as engine:
        catalogue = next(
            each for each in engine.catalog.programmes.values() if any(p.promo.code == DRAW for p in each.promos)
        )
        deadline_s = time.monotonic() + DECIDE_S
        while (await engine.draws.show(catalogue.programme_id, DRAW)).entries < wanted:
            if time.monotonic() > deadline_s:
                raise Broken(f"{DRAW}: not all entries were decided within {DECIDE_S:.0f} s", code="demo_server_failed")
            await asyncio.sleep(POLL_S)
        closed, _ = await engine.draws.disclose(catalogue.programme_id, DRAW, actor="demo")
        lines = await receipts_of(engine, catalogue, DRAW, closed.round)
    path = home / "draw-receipts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    try:
        verdict, is_good = _verified(path, commitment, closed.root or "")
    except (OSError, subprocess.SubprocessError) as error:
        raise AccrualError(f"The verifier did not run: {error}") from error
    return DemoDraw(
        draw=DRAW,
        entries=closed.entries or 0,
        commitment=commitment,
        prizes=dict(Counter(str(line["prize"]) for line in lines[1:])),
        verdict=verdict,
        problems=() if is_good else (f"{DRAW}: {verdict}",),
    )


def _verified(path: Path, commitment: str, root: str) -> tuple[str, bool]:
    """What the verifier says, run by itself: isolated, so that nothing of Accrual can be imported."""
    program = Path(accrual.draw_verify.__file__)
    command = [sys.executable, "-I", "-S", str(program), str(path), "--commitment", commitment, "--root", root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=VERIFY_S, check=False)
    return (done.stdout + done.stderr).strip(), done.returncode == 0
