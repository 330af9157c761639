"""The desk that dsquares' contract tests share: the example programme, with more clients of other ways. No test here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.dsquares_desk import BRANCH, Desk, example, open_desk
from tests.pg_fixtures import Postgres

RIGHTS = ["dsquares", "submit", "read", "profile", "points", "grant", "merge"]
"""The tests also move points and change profiles over the native API with the key of the partner."""

OTHERS: dict[str, dict[str, Any]] = {
    "strict": {"client_id_is_secret": False, "enrol_on_reward": False},
    "by-points": {"points_value": "points"},
    "no-right": {"rights": ["submit"]},
    "member-keys": {"key_scope": "member", "idempotency": "require"},
}
"""Clients by code, each with the key `demo-CODE`, and in what they differ from the example's."""


@pytest.fixture(scope="package")
def desk(postgres: Postgres) -> Iterator[Desk]:
    """Each test takes wallets of its own. Unknown wallets become members by a Reward, but for the client `strict`."""
    document = example()
    dsquares = document["clients"][0] | {"enrol_on_reward": True, "rights": RIGHTS}
    document["clients"] = [dsquares] + [
        dsquares | {"code": code, "key": f"demo-{code}"} | changes for code, changes in OTHERS.items()
    ]
    document["outlets"][0]["aliases"] = {client["code"]: [BRANCH] for client in document["clients"]}
    for promo in document["promos"]:
        promo["where"]["clients"] = [client["code"] for client in document["clients"]]
    database = postgres.create()
    with open_desk(database, document) as opened:
        yield opened
    postgres.drop(database)
