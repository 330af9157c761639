"""What dsquares' clients are told when limits and budgets leave nothing, and what is shown where a cap left some."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.dsquares_desk import BASE, WALLET, Answer, Desk, example, open_desk, reward
from tests.pg_fixtures import Database

LIMITS: dict[str, tuple[dict[str, Any], str]] = {
    "a limit of a member": ({"limits": [{"per": "member", "amount": 300}]}, "15"),
    "a limit by count": ({"limits": [{"per": "member", "count": 1, "every": "day"}]}, "15"),
    "a budget": ({"budget": {"asset": "PTS", "amount": 300}}, "15"),
}


@pytest.fixture(params=LIMITS)
def limited(request: pytest.FixtureRequest, database: Database) -> Iterator[tuple[Desk, str]]:
    changes, number = LIMITS[request.param]
    document = example()
    document["promos"][0] |= changes
    with open_desk(database, document) as opened:
        yield opened, number


def test_reward_of_which_a_limit_leaves_nothing_fails_by_number_and_again(limited: tuple[Desk, str]) -> None:
    desk, number = limited
    assert desk.reward(WALLET, 100).wallet["totalPoints"] == 300

    def second() -> Answer:
        return desk.ask(f"{BASE}/Reward", reward(WALLET, 100, ExternalLogId="second"))

    assert second().failed == (number, "Accumulation_Limit_Exceeded")
    before = desk.commands()
    assert second().failed == (number, "Accumulation_Limit_Exceeded")
    assert desk.commands() == before
    bonus = desk.reward(WALLET, 100, SkuId="SKU-10")
    assert (bonus.log["amountValue"], bonus.wallet["billRewardPoints"]) == (10, 300)


def test_cap_reduces_what_a_reward_gives(database: Database) -> None:
    document = example()
    document["promos"].append(
        {
            "code": "CAP",
            "trigger": "purchase",
            "stacking": {"lane": "cap"},
            "benefits": [{"asset": "PTS", "ceiling": 10}],
        }
    )
    with open_desk(database, document) as desk:
        capped = desk.reward(WALLET, 100, SkuId="SKU-10")
        assert (capped.log["amountValue"], capped.wallet["billRewardPoints"]) == (10, 10)
        assert '"billRewardValue":100.0,' in capped.text
