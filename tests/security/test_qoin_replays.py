"""A signed Data is accepted once: a replay under another key, action or member is refused, a repeat is the first answer."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accrual.engine.programme_file import ProgrammeInvalid, read_programme
from tests.flow.processes import Reply, Served, serving, task
from tests.pg_fixtures import Postgres

pytestmark = pytest.mark.security

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PROGRAMME: dict[str, Any] = {
    "programme": {"code": "signed", "demo": True, "currency": "IDR"},
    "assets": [{"code": "PTS"}],
    "clients": [
        {
            "code": "app",
            "rights": ["qoin_task", "qoin_processor", "read"],
            "key": "demo-qoin",
            "signature": {"policy": "enforce", "public_keys": [PEM]},
        }
    ],
    "promos": [{"code": "PAY", "trigger": "purchase", "benefits": [{"asset": "PTS", "fixed": 10}]}],
}


def call(user: str, reference: str, action: str = "transaction", **more: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"refference": reference, "userId": user, "data": [{"trxAmount": 1000, "trxDate": ""}]}
    text = json.dumps(data, separators=(",", ":"))
    signature = KEY.sign(text.encode(), padding.PKCS1v15(), SHA256())
    return task(action, data | {"signature": base64.b64encode(signature).decode()} | more)


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database = postgres.create()
    directory = tmp_path_factory.mktemp("signed")
    programme = directory / "programme.json"
    programme.write_text(json.dumps(PROGRAMME), encoding="utf-8")
    with serving(directory, "--database-url", database.owner_url, "--lanes", "1", programme=programme) as server:
        yield server
    postgres.drop(database)


def refused(reply: Reply) -> bool:
    return reply.status == 409 and reply.json["Status"] == "failed"


def test_repeat_under_the_same_key_is_the_first_answer(served: Served) -> None:
    first, again = served.requestin(call("1", "a"), key="K1"), served.requestin(call("1", "a"), key="K1")
    assert first.status == again.status == 200
    assert first.json["TicketId"] == again.json["TicketId"]


def test_replay_under_another_key_is_refused(served: Served) -> None:
    assert served.requestin(call("2", "a"), key="K1").status == 200
    assert refused(served.requestin(call("2", "a"), key="K2"))
    assert refused(served.requestin(call("2", "a")))
    assert served.requestin(call("2", "b"), key="K2").status == 200


def test_replay_without_key_is_the_first_answer_and_pays_once(served: Served) -> None:
    first, again = served.requestin(call("3", "a")), served.requestin(call("3", "a"))
    assert first.json["TicketId"] == again.json["TicketId"]
    assert refused(served.requestin(call("3", "a"), key="K9"))


@pytest.mark.parametrize("key", [None, "K1"])
def test_replay_as_another_action_is_refused(served: Served, key: str | None) -> None:
    user = f"4{key}"
    assert served.requestin(call(user, "a"), key=key).status == 200
    assert refused(served.requestin(call(user, "a", "dailycheckin"), key=key))
    assert refused(served.requestin(call(user, "a", "dailycheckin"), key="K7"))


def test_order_of_fields_and_unsigned_fields_make_no_other_command(served: Served) -> None:
    assert served.requestin(call("5", "a"), key="K1").status == 200
    turned = call("5", "a", memberQtagPhone="Q1")
    turned["Data"] = dict(reversed(turned["Data"].items()))
    assert refused(served.requestin(turned, key="K2"))


async def test_many_replays_at_once_are_one_command(served: Served) -> None:
    calls = [asyncio.to_thread(served.requestin, call("6", "a"), f"K{number}") for number in range(8)]
    answers = await asyncio.gather(*calls)
    assert [answer.status for answer in answers].count(200) == 1
    assert all(answer.status == 200 or refused(answer) for answer in answers)


def test_two_clients_cannot_share_a_public_key() -> None:
    clients = [PROGRAMME["clients"][0], PROGRAMME["clients"][0] | {"code": "other", "key": "demo-other"}]
    with pytest.raises(ProgrammeInvalid, match="is a key of client app too"):
        read_programme(json.dumps(PROGRAMME | {"clients": clients}), "x.json")
