"""The calls that benchmarks send: a partner's four-transaction body, each with another member in it. Nothing is sent here."""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice

import msgspec

from accrual.api.dialects.qoin.routing import find_route
from accrual.api.dialects.qoin_processor.translate import translate
from accrual.api.dialects.qoin_processor.wire import read
from accrual.api.dialects.tolerant import read_body
from accrual.bench.options import Distribution
from accrual.domain.commands import Reward, Submission, content_digest
from accrual.domain.facts import Identity
from accrual.domain.programme import Catalogue, StoredClient

SHAPES = 64
"""So many calls with dates and amounts of their own; members take them in turn."""

FIRST_USER = 1_000_000
"""User ids start here, so that all of them have the same number of digits up to nine million members."""

DRAW_CHUNK = 4096
_FIRST_DATE = datetime(2024, 3, 11, 8, 22, 6)  # noqa: DTZ001 - as on the wire: the programme's time zone is meant


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A call with a gap for the user's id."""

    head: bytes
    tail: bytes

    def body(self, user: int) -> bytes:
        """The call for this user."""
        return b"%b%d%b" % (self.head, user, self.tail)


def make_shapes(seed: int, facts: int) -> list[Shape]:
    """The calls of a seed, each with `facts` transactions (1 to 4)."""
    chance = random.Random(f"shapes {seed}")  # noqa: S311 - a load drawn from a printed seed
    return [_shape(chance, facts) for _ in range(SHAPES)]


def _shape(chance: random.Random, facts: int) -> Shape:
    first = _FIRST_DATE + timedelta(seconds=chance.randrange(30 * 86_400))
    transactions = [
        {"date": (first + timedelta(hours=number)).isoformat(), "amount": chance.randrange(1_000, 100_000)}
        for number in range(facts)
    ]
    envelope = {
        "Subject": "loyalty",
        "SubjectType": "reward",
        "SubjectIdentifier": "processor",
        "Action": "transactionpromo",
        "ResourceType": "",
        "Resource": "",
        "ResourceId": "",
        "Data": {"id": 0, "command": "transactionpromo", "transaction": transactions},
    }
    head, mark, tail = json.dumps(envelope).partition('"id": ')
    return Shape(head=(head + mark).encode(), tail=tail[1:].encode())


def translated(body: bytes, *, catalogue: Catalogue, client: StoredClient, key: bytes) -> Submission:
    """A body by the dialect's own translator, as the API does it."""
    envelope = read_body(body)
    call = read(envelope, find_route(envelope).action)
    return translate(call, catalogue=catalogue, client=client, now=datetime.now(UTC), key=key, body=body)


class Workload:
    """Makes submissions for members 0, 1, 2... of a benchmark.

    The dialect translates each shape once; for a member only identity, body, key and digest change, which is what the
    translator would do at ten times the time. The digest is that of the body: as long and as random as the real one.
    """

    def __init__(self, catalogue: Catalogue, client: StoredClient, *, seed: int, facts: int) -> None:
        self._shapes = make_shapes(seed, facts)
        self._templates = [
            translated(shape.body(FIRST_USER), catalogue=catalogue, client=client, key=b"k") for shape in self._shapes
        ]
        self._kind = self._templates[0].command.identity.kind

    def submission(self, member: int, number: int, key: bytes) -> Submission:
        """The command number `number` of a benchmark, for a member."""
        which = (member + number) % SHAPES
        template = self._templates[which]
        reward = template.command
        if not isinstance(reward, Reward):
            raise TypeError("a purchase translates to a reward")
        user = FIRST_USER + member
        body = self._shapes[which].body(user)
        return Submission(
            programme_id=template.programme_id,
            client_id=template.client_id,
            command=Reward(
                dialect=reward.dialect,
                action=reward.action,
                identity=Identity(kind=self._kind, value=str(user)),
                facts=reward.facts,
            ),
            key=key,
            content=content_digest(body),
            body=body,
            key_scope_client=template.key_scope_client,
        )


def draw_members(distribution: Distribution, members: int, seed: str) -> Iterator[int]:
    """Members without end, as the distribution has them; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a load drawn from a printed seed
    if distribution is Distribution.ZIPF:
        weights = array("d", accumulate(1 / rank for rank in range(1, members + 1)))
        everybody = range(members)
        while True:
            yield from chance.choices(everybody, cum_weights=weights, k=DRAW_CHUNK)
    while True:
        if distribution is Distribution.HOT and chance.random() < 1 / 2:
            yield 0
        else:
            yield int(chance.random() * members)


def take(members: Iterator[int], count: int) -> list[int]:
    """The next so many."""
    return list(islice(members, count))
