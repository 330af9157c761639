"""Runs in a network namespace of its own: an API that other machines would reach, and a demo programme beside it. Prints JSON."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from accrual.bootstrap import programme
from accrual.domain.errors import Refused

HERE, THERE = "127.0.0.1", "10.9.9.9"
OPEN_PORT, LOCAL_PORT = 24099, 24098
DEMO = Path("examples/seeds/programme.yaml")
PROD = """
programme: {code: prod, currency: IDR}
assets: [{code: PTS}]
clients: [{code: shop, rights: [submit, read], key_env: PROD_KEY}]
"""
PROD_KEY, DEMO_KEY = "a-very-long-production-key-0123456789", "demo-shop"
WAIT_S = 40.0


def ask(host: str, port: int, key: str) -> tuple[int, str]:
    """Status of a call with this key, and the code of its error."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/v1/members/m/x", headers={"API-Key": key})
        reply = connection.getresponse()
        body = json.loads(reply.read())
    finally:
        connection.close()
    return reply.status, str(body.get("error", {}).get("code", "") if isinstance(body.get("error"), dict) else "")


def until(host: str, port: int, key: str, *codes: str) -> tuple[int, str]:
    """Ask until the error's code is one of these."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            answer = ask(host, port, key)
        except OSError:
            answer = (0, "no server")
        if answer[1] in codes or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


def api(host: str, port: int) -> subprocess.Popen[str]:
    """An API process over the database of the environment."""
    words = [sys.executable, "-m", "accrual", "api", "--host", host, "--port", str(port)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def main() -> None:
    """Everything in turn."""
    for words in (["link", "set", "lo", "up"], ["addr", "add", f"{THERE}/32", "dev", "lo"]):
        subprocess.run(["ip", *words], check=True)  # noqa: S607 - the same on every Linux
    url = os.environ["ACCRUAL_DATABASE_URL"]
    os.environ["PROD_KEY"] = PROD_KEY
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as directory:
        prod = Path(directory) / "prod.yaml"
        prod.write_text(PROD)
        asyncio.run(programme.apply_file(prod, url, actor="test"))
    started = [api("0.0.0.0", OPEN_PORT)]  # noqa: S104 - nobody is in this namespace but we
    try:
        found["prod there"] = until(THERE, OPEN_PORT, PROD_KEY, "member_unknown")
        try:
            asyncio.run(programme.apply_file(DEMO, url, actor="test"))
            found["apply"] = "done"
        except Refused as refused:
            found["apply"] = refused.code
        # What if somebody gets it in all the same: the keys must not work.
        programme.OPEN_API = "nobody's label"
        asyncio.run(programme.apply_file(DEMO, url, actor="test"))
        found["demo there"] = until(THERE, OPEN_PORT, DEMO_KEY, "demo_not_local", "member_unknown")
        found["demo here on the open listener"] = ask(HERE, OPEN_PORT, DEMO_KEY)
        found["prod still"] = ask(THERE, OPEN_PORT, PROD_KEY)
        started.append(api(HERE, LOCAL_PORT))
        found["demo on loopback"] = until(HERE, LOCAL_PORT, DEMO_KEY, "member_unknown")
        late = api("0.0.0.0", LOCAL_PORT + 2)  # noqa: S104 - as above
        started.append(late)
        said, _ = late.communicate(timeout=WAIT_S)
        found["start beside a demo"] = (late.returncode, "loopback only" in said)
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
                process.wait(WAIT_S)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
