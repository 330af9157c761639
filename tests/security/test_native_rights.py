"""Each native route against each single right, and who sees the voucher codes of another client's members."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accrual.domain.rights import NATIVE
from tests.flow.processes import Reply, Served, serving
from tests.pg_fixtures import Postgres

pytestmark = pytest.mark.security

MEMBER = {"kind": "msisdn", "value": "628999"}
PROGRAMME = """
programme: {{code: rights, demo: true, currency: IDR}}
assets: [{{code: PTS}}, {{code: VO}}]
clients:
  - {{code: app, rights: [submit, points, grant, profile, tiers], key: key-app}}
  - {{code: desk, rights: [read, codes], key: key-desk}}
  - {{code: older, rights: [native], key: key-older}}
  - {{code: nobody, rights: [], key: key-nobody}}
{singles}
promos:
  - {{code: GIFT, trigger: registration, benefits: [{{asset: VO, voucher: {{prefix: GIFT-, length: 12, count: 2}}}}]}}
rewards:
  - {{code: FILM, name: Film, asset: PTS, price: 10, voucher: {{prefix: FILM-, length: 12}}}}
"""
SINGLE = "  - {{code: only-{right}, rights: [{right}], key: key-only-{right}}}"
COMMANDERS = {"submit", "profile", "tiers", "points", "grant", "adjust", "merge"}


def _facts(**more: Any) -> dict[str, Any]:
    return {"member": MEMBER, "facts": [{"type": "check_in"}], **more}


def _move(kind: str, **fields: Any) -> dict[str, Any]:
    return {"member": {"kind": "msisdn", "value": f"for-{kind}"}, "move": {"type": kind, **fields}}


PTS = {"asset": "PTS", "amount": 1}
COMMANDS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("facts", _facts(), {"submit"}),
    ("facts with a name", _facts(member_name="Siti"), {"submit"}),
    ("tier", {"member": MEMBER, "profile": {"tier": "gold"}}, {"tiers"}),
    ("lists", {"member": MEMBER, "profile": {"lists": {"add": ["VIP"]}}}, {"profile"}),
    ("name", {"member": MEMBER, "profile": {}, "member_name": "Siti"}, {"profile"}),
    ("tier and lists", {"member": MEMBER, "profile": {"tier": "gold", "lists": {"add": ["VIP"]}}}, set()),
    ("redeem", _move("redeem", **PTS), {"points"}),
    ("hold", _move("hold", **PTS), {"points"}),
    ("transfer", _move("transfer", **PTS, to=MEMBER), {"points"}),
    ("grant", _move("grant", **PTS), {"grant"}),
    ("adjust", _move("adjust", **PTS, note="x"), {"adjust"}),
    ("merge", _move("merge", into={"kind": "msisdn", "value": "into"}), {"merge"}),
]
READS: list[tuple[str, set[str]]] = [
    ("/v1/members/msisdn/628999", {"read"}),
    ("/v1/members/msisdn/628999/statement", {"read"}),
    ("/v1/rewards", {"read", *COMMANDERS}),
    ("/v1/rewards/FILM", {"read", *COMMANDERS}),
    ("/v1/parked", {"operate"}),
    ("/v1/referrals", {"operate"}),
    ("/v1/promos", {"promos"}),
]


@pytest.fixture(scope="module")
def served(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    database = postgres.create()
    directory = tmp_path_factory.mktemp("rights")
    programme: Path = directory / "programme.yaml"
    singles = "\n".join(SINGLE.format(right=right) for right in NATIVE)
    programme.write_text(PROGRAMME.format(singles=singles), encoding="utf-8")
    with serving(directory, "--database-url", database.owner_url, "--lanes", "1", programme=programme) as server:
        for command in (_facts(facts=[{"type": "registration"}], key="reg", member_name="Siti"), _grant(), _film()):
            assert _post(server, "app", command).status == 200
        yield server
    postgres.drop(database)


def _grant() -> dict[str, Any]:
    return {"key": "gift", "member": MEMBER, "move": {"type": "grant", "asset": "PTS", "amount": 100}}


def _film() -> dict[str, Any]:
    return {"key": "film", "member": MEMBER, "move": {"type": "redeem", "reward": "FILM"}}


def _post(served: Served, client: str, body: Any, path: str = "/v1/commands", method: str = "POST") -> Reply:
    return served.ask(method, path, json.dumps(body).encode(), {"API-Key": f"key-{client}", "Prefer": "wait=10"})


def _get(served: Served, client: str, path: str) -> Reply:
    return served.ask("GET", path, headers={"API-Key": f"key-{client}"})


@pytest.mark.parametrize(("what", "body", "allowed"), COMMANDS, ids=[what for what, _, _ in COMMANDS])
def test_command_needs_the_right_for_what_it_carries(
    served: Served, what: str, body: dict[str, Any], allowed: set[str]
) -> None:
    for right in NATIVE:
        single = _post(served, f"only-{right}", body | {"key": f"{what}/{right}"})
        assert (single.status != 403) == (right in allowed), (right, single)
        bulk = _post(served, f"only-{right}", [body | {"key": f"{what}/{right}/bulk"}])
        assert (bulk.status != 403) == (right in allowed), (right, bulk)
        preview = _post(served, f"only-{right}", body, "/v1/preview")
        assert (preview.status != 403) == (right in allowed), (right, preview)


@pytest.mark.parametrize(("path", "allowed"), READS, ids=[path for path, _ in READS])
def test_page_needs_its_right(served: Served, path: str, allowed: set[str]) -> None:
    for right in NATIVE:
        assert (_get(served, f"only-{right}", path).status == 200) == (right in allowed), right


def test_client_without_rights_is_refused_everywhere(served: Served) -> None:
    for path, _ in READS:
        assert _get(served, "nobody", path).status == 403
    for _, body, _ in COMMANDS:
        assert _post(served, "nobody", body).status == 403
    assert _post(served, "nobody", {"tier": "gold"}, "/v1/members/msisdn/628999/profile", "PUT").status == 403


def test_profile_page_needs_the_right_for_what_it_changes(served: Served) -> None:
    path = "/v1/members/msisdn/628999/profile"
    for right in NATIVE:
        tier = _post(served, f"only-{right}", {"tier": "gold"}, path, "PUT").status
        birthday = _post(served, f"only-{right}", {"birthday": "12-25"}, path, "PATCH").status
        assert (tier != 403, birthday != 403) == (right == "tiers", right == "profile"), right


def test_client_without_read_sees_its_own_tickets_only(served: Served) -> None:
    own = _post(served, "only-submit", _facts(key="own")).json["ticket"]
    assert _get(served, "only-submit", f"/v1/tickets/{own}").status == 200
    assert _get(served, "only-points", f"/v1/tickets/{own}").status == 404
    assert _get(served, "only-read", f"/v1/tickets/{own}").status == 200
    assert _get(served, "only-operate", f"/v1/tickets/{own}").status == 403


def _codes(reply: Reply) -> set[str]:
    text = reply.body.decode()
    return {part[:17] for prefix in ("GIFT-", "FILM-") for part in _after(text, prefix)}


def _after(text: str, prefix: str) -> list[str]:
    return [prefix + rest for rest in text.split(prefix)[1:]]


def test_voucher_codes_are_shown_to_their_client_and_to_the_right_codes_alone(served: Served) -> None:
    tickets = [_post(served, "app", command).json["ticket"] for command in (_film(),)]
    member = "/v1/members/msisdn/628999"
    assert len(_codes(_get(served, "desk", member))) == 3
    assert _codes(_get(served, "only-read", member)) == set()
    assert "********" in _get(served, "only-read", member).body.decode()
    for ticket in tickets:
        assert len(_codes(_get(served, "app", f"/v1/tickets/{ticket}"))) == 1
        assert len(_codes(_get(served, "desk", f"/v1/tickets/{ticket}"))) == 1
        assert _codes(_get(served, "older", f"/v1/tickets/{ticket}")) == set()


def test_older_name_native_means_submit_and_read(served: Served) -> None:
    assert _post(served, "older", _facts(key="older")).status == 200
    assert _get(served, "older", "/v1/members/msisdn/628999").status == 200
    assert _post(served, "older", {"member": MEMBER, "profile": {"tier": "gold"}}).status == 403
    assert _post(served, "older", {"member": MEMBER, "profile": {"lists": {"add": ["VIP"]}}}).status == 403
