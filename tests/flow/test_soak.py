"""For many minutes: server, lanes and PostgreSQL killed or frozen at random under load, a partner's journal as referee.

SOAK_S sets the seconds (600), SOAK_SEED repeats the choices of an earlier run; what they meet is never quite the same.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accrual.store import embedded
from tests.flow.books import waiting
from tests.flow.processes import Served, serving, until
from tests.flow.referee import Journal, Partner, assert_nothing_lost_or_doubled
from tests.pg_fixtures import Database

pytestmark = pytest.mark.slow

SOAK_S = float(os.environ.get("SOAK_S", "600"))
SEED = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**9))
QUICK = {"ACCRUAL_LEASE_S": "1"}
CALM_S = (0.3, 4.0)
"""Between two misfortunes, drawn evenly."""
FROZEN_S = (0.2, 3.0)
"""How long a lane is stopped: some shorter, most longer than its lease."""
RECOVERY_MAX_S = 90.0
PERMITTED = {200, 429, 503}


def _say(text: str) -> None:
    sys.stdout.write(f"soak: {text}\n")
    sys.stdout.flush()


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that the server's user can enter; a database in it that the test left running is stopped."""
    with tempfile.TemporaryDirectory(prefix="accrual-soak-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        embedded.stop(Path(name) / "data", mode="immediate")


class Misfortunes:
    """What may happen to a running server, chosen by a seeded generator."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        self._home = home
        self._chance = chance
        self.happened: Counter[str] = Counter()

    def strike(self, served: Served) -> None:
        """One of those that a server has to survive."""
        deed = self._chance.choice([self.lane_killed, self.lane_frozen, self.database_killed])
        if deed(served):
            self.happened[deed.__name__] += 1

    def lane_killed(self, served: Served) -> bool:
        lanes = served.lanes
        return bool(lanes) and _signal(self._chance.choice(lanes), signal.SIGKILL)

    def lane_frozen(self, served: Served) -> bool:
        lanes = served.lanes
        if not lanes:
            return False
        pid = self._chance.choice(lanes)
        if not _signal(pid, signal.SIGSTOP):
            return False
        time.sleep(self._chance.uniform(*FROZEN_S))
        return _signal(pid, signal.SIGCONT)

    def database_killed(self, served: Served) -> bool:
        pid = embedded.status(self._home / "data").pid
        return pid is not None and _signal(pid, signal.SIGKILL)

    def end(self, served: Served) -> None:
        """The server itself goes, mostly without being asked."""
        if self._chance.random() < 0.75:
            served.kill()
            self.happened["server_killed"] += 1
        else:
            assert served.stop() == 0, served.said[-3000:]
            self.happened["server_stopped"] += 1


def _signal(pid: int, number: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _goes_on(partner: Partner, served: Served) -> None:
    before = partner.statuses[200]
    until(
        lambda: partner.statuses[200] > before + 20,
        within_s=RECOVERY_MAX_S,
        what=f"seed {SEED}: no calls are taken any more:\n{served.said[-4000:]}",
    )


def _send_all(partner: Partner) -> bool:
    for key in partner.journal.unanswered:
        partner.send(key)
    return not partner.journal.unanswered


def test_nothing_is_lost_or_doubled_whatever_is_killed_for_how_long_soever(home: Path, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    misfortunes = Misfortunes(home, chance)
    journal = Journal(tmp_path / "journal")
    start: Callable[[], contextlib.AbstractContextManager[Served]] = lambda: serving(  # noqa: E731
        tmp_path, "--data-dir", str(home / "data"), environment=QUICK
    )
    began_s = time.monotonic()
    _say(f"SOAK_SEED={SEED}, {SOAK_S:g} s")
    round_number = 0
    while time.monotonic() - began_s < SOAK_S:
        round_number += 1
        with start() as served:
            with Partner(journal, served, name=f"r{round_number}-") as partner:
                for _ in range(chance.randint(1, 4)):
                    _goes_on(partner, served)
                    time.sleep(chance.uniform(*CALM_S))
                    misfortunes.strike(served)
                _goes_on(partner, served)
                misfortunes.end(served)
            assert set(partner.statuses) <= PERMITTED, (SEED, partner.statuses, partner.refusals[-3:])
        passed_s = time.monotonic() - began_s
        _say(f"{passed_s:.0f} s, {len(journal.entries('sent')):,} calls sent; {dict(misfortunes.happened)}")
    with start() as served:
        partner = Partner(journal, served, threads=0)
        until(lambda: _send_all(partner), within_s=RECOVERY_MAX_S, what=f"seed {SEED}: {served.said[-4000:]}")
        server = embedded.adopt(home / "data")
        assert server is not None
        database = Database(
            name="accrual",
            owner_url=server.url(role="owner"),
            runtime_url=server.url(role="runtime"),
            superuser_url=server.url(role="superuser"),
        )
        until(lambda: waiting(database.owner_url) == 0, within_s=RECOVERY_MAX_S, what=f"seed {SEED}: commands wait")
        assert_nothing_lost_or_doubled(partner, database)
    assert sum(misfortunes.happened.values()) > round_number, misfortunes.happened
    _say(f"verified: {len(journal.entries('sent')):,} calls, each decided once; seed {SEED}")
