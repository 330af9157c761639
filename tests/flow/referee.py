"""A partner under test: sends commands from several threads and keeps its own journal, to which the ledger is held."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.flow.books import assert_books_hold, rows
from tests.flow.processes import Served, purchase
from tests.pg_fixtures import Database

USERS = 12
REST_S = 0.1
"""After a refusal; a partner that does not rest takes the machine away from what is being mended."""


class Journal:
    """What was sent and what was answered, on disk before and after each call: the partner may die as well."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def write(self, kind: str, key: str, **more: Any) -> None:
        line = json.dumps({"kind": kind, "key": key, **more}).encode() + b"\n"
        with self._lock, self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def entries(self, kind: str) -> dict[str, dict[str, Any]]:
        """The entries of a kind by key, the first of each key."""
        found: dict[str, dict[str, Any]] = {}
        for line in self._path.read_bytes().splitlines():
            entry = json.loads(line)
            if entry["kind"] == kind:
                found.setdefault(entry["key"], entry)
        return found

    @property
    def unanswered(self) -> list[str]:
        """Keys that were sent and have no ticket yet."""
        answered = self.entries("ticket")
        return [key for key in self.entries("sent") if key not in answered]


class Partner:
    """Threads that send one purchase after the other until they are told to stop; what fails is not sent again.

    `name` sets the keys of several partners with one journal apart.
    """

    def __init__(self, journal: Journal, served: Served, threads: int = 6, name: str = "") -> None:
        self.journal = journal
        self.served = served
        self._name = name
        self.statuses: Counter[int] = Counter()
        self.refusals: list[bytes] = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(threads)]

    def __enter__(self) -> Partner:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        turn = 0
        while not self._stopping.is_set():
            turn += 1
            self.send(f"{self._name}{number}-{turn}")
            if self.served.process.poll() is not None:
                return

    def send(self, key: str) -> None:
        """One call; the key says for whom and what, so that a repeat is the same call."""
        self.journal.write("sent", key)
        user = f"u{sum(map(ord, key)) % USERS}"
        try:
            reply = self.served.requestin(purchase(user), key=key)
        except (OSError, http.client.HTTPException):
            return  # no answer: nobody knows, and the journal says so
        self.statuses[reply.status] += 1
        if reply.status == 200:
            self.journal.write("ticket", key, ticket=reply.json["TicketId"])
        else:
            self.refusals.append(reply.body)
            time.sleep(REST_S)


def assert_nothing_lost_or_doubled(partner: Partner, database: Database) -> None:
    """Each call of the journal has its one ticket and its one point, each member the sum of theirs; all books hold."""
    journal = partner.journal
    sent, tickets = journal.entries("sent"), journal.entries("ticket")
    assert set(sent) == set(tickets)
    stored = rows(
        database.owner_url, "select c.ticket::text, o.status from command c join outcome o using (bucket, position)"
    )
    assert sorted(row[0] for row in stored) == sorted(entry["ticket"].partition("-")[2] for entry in tickets.values())
    assert {row[1] for row in stored} == {1}
    points = rows(
        database.owner_url,
        "select i.value, sum(l.amount)::bigint, max(l.balance_after) from identity i join account a using (bucket, member_id)"
        " join line l on l.bucket = a.bucket and l.account = a.account_id group by 1",
    )
    wanted = Counter(f"u{sum(map(ord, key)) % USERS}" for key in sent)
    assert {row[0]: row[1] for row in points} == dict(wanted)
    assert {row[0]: row[2] for row in points} == dict(wanted)
    assert_books_hold(database)
