"""Trains the zstd dictionary that bodies are stored with, from drawn calls of all dialects; nobody's real data is in it.

Run it for a new dictionary only: `python benchmarks/body_dictionary.py 2 src/accrual/store/dictionaries/2.zdict`. A dictionary
that was released stays as long as bodies compressed with it.
"""

from __future__ import annotations

import json
import random
import string
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard

DICTIONARY_BYTES = 4096
SAMPLES = 6000
STYLES: tuple[tuple[int, dict[str, Any]], ...] = (
    (5, {"separators": (",", ":")}),
    (3, {}),
    (1, {"indent": 2}),
    (1, {"indent": 4}),
)
SHARED = ("register", "registerreferral", "transactionreferral", "luckydraw", "dailycheckin", "productsku")
FACTS = (
    "registration", "referral", "referral_purchase", "product_purchase", "draw_entry", "check_in", "event",
    *("purchase",) * 7,
)  # fmt: skip
FIRST = datetime(2023, 1, 1, tzinfo=UTC)


class Draw:
    """Calls drawn from a seed."""

    def __init__(self, seed: str) -> None:
        self._chance = random.Random(seed)

    def body(self) -> bytes:
        """One call as a partner's program may write it."""
        call = self._chance.choices([self._processor, self._task, self._native], [4, 4, 3])[0]()
        style = self._chance.choices([style for _, style in STYLES], [weight for weight, _ in STYLES])[0]
        return json.dumps(call, **style).encode()

    def _word(self, least: int, most: int, letters: str = string.ascii_lowercase) -> str:
        return "".join(self._chance.choices(letters, k=self._chance.randrange(least, most)))

    def _at(self) -> datetime:
        return FIRST + timedelta(seconds=self._chance.randrange(6 * 365 * 86_400))

    def _amount(self) -> int:
        chance = self._chance
        return chance.choice(
            [chance.randrange(1, 500) * 1000, chance.randrange(1000, 1_000_000), chance.randrange(100)]
        )

    def _number(self) -> int:
        return self._chance.randrange(1, 9_999_999)

    def _envelope(self, identifier: str, action: str, nothing: str) -> dict[str, Any]:
        routing = {"Subject": "loyalty", "SubjectType": "reward", "SubjectIdentifier": identifier, "Action": action}
        return {**routing, "ResourceType": nothing, "Resource": nothing, "ResourceId": nothing}

    def _processor(self) -> dict[str, Any]:
        action = self._chance.choice([*SHARED, *("transactionpromo",) * 6])
        items = []
        for _ in range(self._chance.choice([1, 1, 1, 1, 2, 3, 4])):
            item: dict[str, Any] = {"date": self._at().replace(tzinfo=None).isoformat()}
            if action in ("transactionpromo", "luckydraw"):
                item["amount"] = self._amount()
            items.append(item | self._product(action))
        who = {"id": self._number()}
        if "referral" in action:
            who = {"id_user_share": self._number(), "id_user_receive": self._number()}
        data = {**who, "command": action, "transaction": items}
        return {**self._envelope("processor", action, ""), "Data": data}

    def _product(self, action: str) -> dict[str, Any]:
        if action == "transactionreferral":
            return {"product_id": self._chance.randrange(1, 500)}
        if action == "productsku":
            return {"product_code": self._word(3, 9, string.ascii_uppercase + string.digits)}
        return {}

    def _task(self) -> dict[str, Any]:
        action = self._chance.choice([*SHARED, *("transaction",) * 6])
        items = []
        for _ in range(self._chance.choice([1, 1, 1, 1, 2, 3])):
            at = self._chance.choice([f"{self._at():%Y-%m-%d %H:%M:%S}", f"{self._at():%Y-%m-%d %H-%M-%S}", ""])
            items.append({"trxAmount": self._amount(), "trxDate": at} | self._product(action))
        signature = self._word(171, 172, string.ascii_letters + string.digits + "+/") + "="
        device, install = self._chance.choice(["android", "android", "ios", "web"]), self._word(8, 22)
        member = {"memberId": self._number(), "memberName": self._word(3, 9)}
        sharer = self._chance.choice([0, 0, self._number()])
        data = {"trxId": self._number(), **member, "refference": self._word(4, 12), "userFromStatus": 0}
        data |= {"userId": self._number(), "userIdShare": sharer, "deviceType": device, "installId": install}
        data |= {"signature": signature, "data": items}
        if self._chance.random() < 1 / 2:  # some programs write names in the order of the alphabet
            data |= {"memberQtagPhone": self._word(3, 9)} if action == "registerreferral" else {}
            data = dict(sorted(data.items()))
        scope = {"ScopeSource": ""} if self._chance.random() < 1 / 3 else {}
        date = {"Date": f"{self._at():%Y-%m-%d %H:%M:%S}.000 WIB"} if self._chance.random() < 1 / 5 else {}
        return {**self._envelope("task", action, "null"), **scope, "Data": data, **date}

    def _native(self) -> dict[str, Any]:
        some = self._chance.random
        command: dict[str, Any] = {"key": self._word(6, 20)} if some() < 2 / 3 else {}
        command["member"] = self._identity()
        if some() < 1 / 3:
            command["member_name"] = self._word(3, 9)
        if some() < 1 / 3:
            command |= {"install_id": self._word(8, 20), "device_type": self._chance.choice(["android", "ios"])}
        command["facts"] = [self._fact() for _ in range(self._chance.choice([1, 1, 1, 2]))]
        return command

    def _identity(self) -> dict[str, str]:
        kind = self._chance.choice(["msisdn", "wallet_code", "qoin.user_id", "email"])
        return {"kind": kind, "value": str(self._number())}

    def _fact(self) -> dict[str, Any]:
        chance, kind = self._chance, self._chance.choice(FACTS)
        fact: dict[str, Any] = {"type": kind}
        if chance.random() < 2 / 3:
            fact["occurred_at"] = self._at().replace(tzinfo=None).isoformat() + chance.choice(["Z", "+07:00"])
        if "purchase" in kind:
            fact["amount"] = chance.choice([str(self._amount()), f"{self._amount()}.50", self._amount()])
        if chance.random() < 1 / 5:
            fact["currency"] = chance.choice(["IDR", "RUB", "USD"])
        if kind == "product_purchase":
            fact["product"] = self._word(3, 9, string.ascii_uppercase)
        if chance.random() < 2 / 5:
            fact["outlet"] = f"OTL-{chance.randrange(1000):03}"
        if kind.startswith("referral"):
            fact["referrer"] = self._identity()
        if kind == "purchase" and chance.random() < 2 / 5:
            lines = range(chance.randrange(1, 5))
            fact["lines"] = [{"product": self._word(3, 8), "quantity": 1, "amount": self._amount()} for _ in lines]
        if kind == "event":
            fact |= {"name": "app_review", "attributes": {"stars": chance.randrange(1, 6)}}
        return fact


def main() -> None:
    """Train dictionary number argv[1] into the file argv[2], and say how it does on calls that it has not seen."""
    number, target = int(sys.argv[1]), Path(sys.argv[2])
    draw = Draw(f"bodies {number}")
    samples = [draw.body() for _ in range(SAMPLES)]
    trained = zstandard.train_dictionary(DICTIONARY_BYTES, samples, dict_id=number, level=1, steps=20)
    target.write_bytes(trained.as_bytes())
    fresh = [draw.body() for _ in range(500)]
    for name, dictionary in (("without", None), ("with", trained)):
        compress = zstandard.ZstdCompressor(level=1, dict_data=dictionary).compress
        left = sum(len(compress(body)) for body in fresh)
        sys.stdout.write(
            f"{name}: {left / sum(map(len, fresh)):.0%} of {sum(map(len, fresh)) / len(fresh):.0f} bytes\n"
        )


if __name__ == "__main__":
    main()
