"""Profitflow's point rewards as they are kept beside the promos made of them: who owns one, where, and its terms."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import msgspec

ORIGIN = "profitflow"
"""The origin of promos that a point reward is made of."""


class Corner(NamedTuple):
    """Where point rewards are numbered and named: a client's user at one of its outlets, both as the client spells them."""

    client_id: int
    owner: str
    outlet: str


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a point reward says. `total_spend` is money of the programme's currency as plain decimal text.

    It holds from `starts_at` until before `ends_at`, both UTC. `points_gain` and `new_member_points` are units, 0 for none.
    What points can be exchanged for (`reward_list`, `reward_category`, `send_validation_code`) is kept for the catalogue of
    rewards; nothing is given by it.
    """

    name: str
    loyalty_type: str | None = None
    total_spend: str | None = None
    buy_products: tuple[str, ...] = ()
    buy_category: str | None = None
    points_gain: int = 0
    new_member_points: int = 0
    reward_list: tuple[str, ...] = ()
    reward_category: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    send_validation_code: bool = False


class PointReward(msgspec.Struct, frozen=True, kw_only=True):
    """One point reward. `point_reward_id` is unique in its programme, `number` in its corner (RWD-01 is 1), for ever.

    `promos` are the codes of the promos that now make it up, `sent` its fields as they were last sent. With `ended_at` it
    was deleted: its name is free again, its number is not.
    """

    point_reward_id: int
    corner: Corner
    number: int
    terms: Terms
    sent: dict[str, Any]
    is_active: bool
    promos: tuple[str, ...]
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def label(self) -> str:
        """How the client calls it: `RWD-01`."""
        return f"RWD-{self.number:02d}"


class Shelf(msgspec.Struct, frozen=True, kw_only=True):
    """What a corner holds: its point rewards that were not deleted, the next free numbers, and how many the owner has."""

    corner: Corner
    rewards: tuple[PointReward, ...]
    next_id: int
    next_number: int
    owned: int


class ShownPointReward(msgspec.Struct, frozen=True, kw_only=True):
    """A point reward with the status that holds of each of its promos; one that still waits for approval has none."""

    reward: PointReward
    statuses: tuple[str, ...]

    @property
    def is_active(self) -> bool:
        """Whether any of its promos gives; of a point reward that gives nothing, what was asked for."""
        return "active" in self.statuses if self.reward.promos else self.reward.is_active


def fold_name(name: str) -> str:
    """A name as it is compared within a corner: case and runs of white space do not count."""
    return " ".join(name.split()).casefold()
