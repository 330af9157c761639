"""Verifies the receipts of a draw offline, from published data alone: runs by itself on any Python, with nothing of Accrual.

    python draw_verify.py receipts.jsonl [--commitment SHA256] [--root SHA256]

The file is what `accrual draw receipts CODE` prints: a line of what was published, then a line for each entry. Give the
commitment that you noted before the draw, and the root that was published after it, to see that they are the file's own.
It ends with 0 when all is well, with 1 when something is not, with 2 when the file cannot be read.
"""

from __future__ import annotations

import bisect
import hashlib
import hmac
import itertools
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FORMATS = ("accrual draw receipts 1", "accrual draw receipts 2")

Receipt = dict[str, Any]
Table = list[list[Any]]
Wins = defaultdict[tuple[Any, ...], int]


class Unreadable(Exception):
    """What was given is not a file of receipts."""


def verify(
    lines: Iterable[str], commitments: Sequence[str] = (), roots: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """(findings, notes): every way in which receipts and published data do not agree, and what could not be looked at.

    Raises Unreadable.
    """
    try:
        head, *receipts = [json.loads(line) for line in lines if line.strip()]
        known = head["format"] in FORMATS
        if known:
            check = Verification(head, receipts)
            return check.run(commitments, roots), check.notes
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise Unreadable(f"The file cannot be read: {type(error).__name__} {error}") from error
    raise Unreadable("These are no receipts of a draw in a format that this program knows.")


class Verification:
    """One run over one file."""

    def __init__(self, head: dict[str, Any], receipts: Sequence[Receipt]) -> None:
        self.head = head
        self.findings: list[str] = []
        self.say = self.findings.append
        self.notes: list[str] = []
        self.tables: dict[str, Any] = head["tables"]
        self.by_round: defaultdict[int, list[Receipt]] = defaultdict(list)
        self.misses: defaultdict[str, int] = defaultdict(int)
        self.wins: Wins = defaultdict(int)
        self.returned: dict[str, Receipt] = {}
        # What happened to members in rounds before those of the file is not known here.
        self.whole = bool(head["rounds"]) and head["rounds"][0]["round"] == 1
        for receipt in receipts:
            self.by_round[receipt["round"]].append(receipt)

    def run(self, commitments: Sequence[str], roots: Sequence[str]) -> list[str]:
        """Everything that is wrong, in words."""
        known = {each["round"] for each in self.head["rounds"]}
        for number in sorted(set(self.by_round) - known):
            self.say(f"round {number}: there are receipts of it, and nothing was published of it")
        for each in self.head["rounds"]:
            self._round(each)
        for name, noted in (("commitment", commitments), ("root", roots)):
            for wanted in sorted(set(noted) - {each[name] for each in self.head["rounds"]}):
                self.say(f"{name} {wanted}: no round of the file has it")
        if not self.findings and self.head["kind"] == "draw":
            self._stocks()
        return self.findings

    def _round(self, published: dict[str, Any]) -> None:
        number, key = published["round"], None
        if published["secret"] is None:
            self.notes.append(f"round {number}: its secret is not disclosed yet, so results were not drawn again")
        elif published.get("shared") and published["share"] is None:
            self.say(f"round {number}: the hosts' part of its secret was never published, so no result can be verified")
        else:
            commitment, key = keys_of(published)
            if commitment != published["commitment"]:
                self.say(f"round {number}: the secret is not the one that was committed to")
        receipts = self.by_round.get(number, [])
        self._chains(published, receipts)
        if self.head["kind"] == "raffle":
            self._picks(published, key, receipts)
        else:
            self._results(published, key, receipts)

    def _chains(self, published: dict[str, Any], receipts: Sequence[Receipt]) -> None:
        """Every entry is there, in order, as it was written: numbers without a gap, digests up to the published ends."""
        number = published["round"]
        by_bucket: defaultdict[int, list[Receipt]] = defaultdict(list)
        for receipt in receipts:
            by_bucket[receipt["bucket"]].append(receipt)
        ends = {bucket: (entries, chain) for bucket, entries, chain in self.head["heads"][str(number)]}
        for bucket in sorted(set(by_bucket) | set(ends)):
            entries, end = ends.get(bucket, (0, ""))
            self._chain(published, bucket, sorted(by_bucket[bucket], key=lambda each: each["number"]), entries, end)
        if published["root"] is not None:
            rows = sorted((bucket, *end) for bucket, end in ends.items())
            text = "".join(f"{bucket} {entries} {chain}\n" for bucket, entries, chain in rows)
            if hashlib.sha256(text.encode()).hexdigest() != published["root"]:
                self.say(f"round {number}: the ends of the buckets are not those that the root was made of")
            if sum(row[1] for row in rows) != published["entries"]:
                self.say(f"round {number}: there were {published['entries']} entries, the ends say otherwise")

    def _chain(
        self, published: dict[str, Any], bucket: int, receipts: Sequence[Receipt], entries: int, end: str
    ) -> None:
        number = published["round"]
        chain: bytes | None = chain_start(published, bucket)
        expected = 1
        for receipt in receipts:
            while expected < receipt["number"]:
                self.say(f"round {number}: entry {bucket}-{expected} is left out")
                expected += 1
                chain = None
            if receipt["number"] < expected:
                self.say(f"round {number}: entry {bucket}-{receipt['number']} is there twice")
                continue
            expected += 1
            if not published["commitment"].startswith(receipt["commitment"]) or len(receipt["commitment"]) < 16:
                self.say(f"{_name(receipt)}: names another commitment than the round's")
            stated = bytes.fromhex(receipt["chain"])
            rest = {name: value for name, value in receipt.items() if name != "chain"}
            text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            if chain is not None and hashlib.sha256(chain + text).digest() != stated:
                self.say(f"{_name(receipt)}: was changed: its digest does not follow from the entry before")
            chain = stated
        while expected <= entries:
            self.say(f"round {number}: entry {bucket}-{expected} is left out")
            expected += 1
            chain = None
        if expected - 1 > entries:
            self.say(f"round {number}: bucket {bucket} has {expected - 1} entries, published were {entries}")
        elif chain is not None and chain.hex() != end:
            self.say(f"round {number}: the entries of bucket {bucket} do not end as published")

    def _results(self, published: dict[str, Any], key: bytes | None, receipts: Sequence[Receipt]) -> None:
        """Every prize is the one that the secret names, out of the table that the promo states at that moment."""
        seen: set[str] = set()
        accepted: dict[int, str] = {}
        chains = {(each["bucket"], each["number"]): each["chain"] for each in receipts}
        for receipt in sorted(receipts, key=lambda each: (each["bucket"], each["number"])):
            if "returned" in receipt:
                self._returned(receipt)
                continue
            table = self.tables.get(str(receipt["version"]))
            if table is None:
                self.say(f"{_name(receipt)}: version {receipt['version']} of the table was not published")
                continue
            self._table(receipt, table)
            total = sum(weight for _, weight in receipt["table"])
            before = chains.get((receipt["bucket"], receipt["number"] - 1))
            if receipt["number"] == 1:
                before = chain_start(published, receipt["bucket"]).hex()
            if key is not None and before is not None:
                point = point_of(key, self._message(published, receipt, before), total)
                prize = prize_at(receipt["table"], point)
                if (point, prize) != (receipt["point"], receipt["prize"]):
                    self.say(
                        f"{_name(receipt)}: won {receipt['prize']}; the secret names {prize} (point {point} of {total})"
                    )
            elif prize_at(receipt["table"], receipt["point"]) != receipt["prize"]:
                self.say(f"{_name(receipt)}: won {receipt['prize']}, which is not where its point falls")
            earlier = accepted.get(receipt["bucket"], "")
            accepted[receipt["bucket"]] = receipt.get("accepted", earlier)
            if accepted[receipt["bucket"]] < earlier:
                self.say(f"{_name(receipt)}: was accepted before the entry before it")
            if receipt["ticket"] in seen:
                self.say(f"{_name(receipt)}: its ticket was drawn before; a ticket is drawn once")
            seen.add(receipt["ticket"])

    def _message(self, published: dict[str, Any], receipt: Receipt, before: str) -> str:
        """What the point of an entry is made of: its ticket, or in the second scheme its place and when it was accepted."""
        if published.get("scheme", 1) == 1:
            return f"{receipt['ticket']}/{self.head['draw']}"
        place = f"{published['round']}/{receipt['bucket']}/{receipt['number']}"
        return f"accrual draw 2/{published['commitment']}/{place}/{before}/{receipt['accepted']}"

    def _table(self, receipt: Receipt, table: dict[str, Any]) -> None:
        """The table used follows from the one stated, less what is said to be out, and what is out is so for a reason."""
        member, at = receipt["member"], datetime.fromisoformat(receipt["at"])
        prizes = {prize["code"]: prize for prize in table["prizes"]}
        for code, reason in receipt["out"].items():
            prize = prizes.get(code)
            if prize is None:
                self.say(f"{_name(receipt)}: {code} is out, and was never in the table")
            elif reason == "not_now" and _in_window(prize, at):
                self.say(f"{_name(receipt)}: {code} was left out, and it was its time")
            elif reason == "no_stock" and prize["stock"] is None:
                self.say(f"{_name(receipt)}: {code} is said to have run out, and has no end")
            elif reason == "won_enough" and not self._won_enough(prize, table, member, at):
                self.say(f"{_name(receipt)}: {code} was left out, and the member may win it still")
        for code, prize in prizes.items():
            if code in receipt["out"]:
                continue
            if not _in_window(prize, at):
                self.say(f"{_name(receipt)}: {code} was in the table outside its time")
            elif self.whole and self._won_enough(prize, table, member, at):
                self.say(f"{_name(receipt)}: {code} was in the table for a member who may win no more of it")
        pity, before = table["pity"], self.misses[member]
        if self.whole and pity is not None and receipt["misses"] != before:
            self.say(f"{_name(receipt)}: says {receipt['misses']} entries without luck before it, there were {before}")
        stated, helped = table_of(table, receipt["out"], receipt["misses"])
        if stated != receipt["table"] or helped != receipt["helped"]:
            self.say(f"{_name(receipt)}: was drawn from {receipt['table']}, the promo states {stated}")
        if pity is not None:
            self.misses[member] = 0 if receipt["prize"] in pity[1] else receipt["misses"] + 1
        prize = prizes.get(receipt["prize"])
        if prize is not None and prize["per_member"] is not None:
            self.wins[_count(prize, table, member, at)] += 1

    def _won_enough(self, prize: dict[str, Any], table: dict[str, Any], member: str, at: datetime) -> bool:
        limit = prize["per_member"]
        if limit is None:
            return False
        return not self.whole or self.wins[_count(prize, table, member, at)] >= limit[0]

    def _returned(self, receipt: Receipt) -> None:
        """A prize goes back to its stock once."""
        if receipt["returned"] in self.returned:
            self.say(f"{_name(receipt)}: the prize of entry {receipt['returned']} was returned before")
        self.returned[receipt["returned"]] = receipt

    def _stocks(self) -> None:
        """No prize was won more often than it was there, and none was called out of stock before all of it was won.

        What was won and returned was there again, where the entry that won it is in the file or of an earlier round.
        """
        given: defaultdict[str, int] = defaultdict(int)
        back: defaultdict[str, int] = defaultdict(int)
        out: dict[str, Receipt] = {}
        won: dict[str, str] = {}
        for receipt in itertools.chain.from_iterable(self.by_round.values()):
            if "returned" in receipt:
                back[receipt["prize"]] += 1
                continue
            given[receipt["prize"]] += 1
            won[f"{receipt['round']}-{receipt['bucket']}-{receipt['number']}"] = receipt["prize"]
            for code, reason in receipt["out"].items():
                if reason == "no_stock":
                    out.setdefault(code, receipt)
        for entry, receipt in self.returned.items():
            if won.get(entry) != receipt["prize"] and (self.whole or int(entry.split("-")[0]) in self.by_round):
                self.say(f"{_name(receipt)}: returns {receipt['prize']} of entry {entry}, which did not win it")
        highest: dict[str, int] = {}
        lowest: dict[str, int] = {}
        for table in self.tables.values():
            for prize in table["prizes"]:
                if prize["stock"] is not None:
                    highest[prize["code"]] = max(prize["stock"], highest.get(prize["code"], 0))
                    lowest[prize["code"]] = min(prize["stock"], lowest.get(prize["code"], prize["stock"]))
        for code, stock in sorted(highest.items()):
            if given[code] - back[code] > stock:
                back_too = f" and returned {back[code]} times" if back[code] else ""
                self.say(f"{code} was won {given[code]} times{back_too}, and there were {stock}")
        for code, receipt in sorted(out.items()):
            if self.whole and given[code] < lowest.get(code, 0):
                self.say(
                    f"{_name(receipt)}: {code} is said to have run out, and was won {given[code]} times of {lowest[code]}"
                )

    def _picks(self, published: dict[str, Any], key: bytes | None, receipts: Sequence[Receipt]) -> None:
        """Every pick of a raffle is the one that secret and entries name, in order."""
        number = published["round"]
        picks = self.head.get("picks", {}).get(str(number), [])
        if key is None or all("returned" in each for each in receipts):
            return
        entries = sorted(
            [each for each in receipts if "returned" not in each], key=lambda each: (each["bucket"], each["number"])
        )
        once = self.tables[str(entries[-1]["version"])]["once_per_member"]
        seed = published["root"]
        if published.get("scheme", 1) > 1:
            value = published["beacon_value"]
            seed = f"accrual draw 2/{published['commitment']}/{seed}/{value or '-'}"
            if published["beacon"]:
                since = published["closed_at"]
                self.notes.append(f"round {number}: see that {published['beacon']} {value} is the first after {since}")
                if not value:
                    self.say(f"round {number}: it was drawn without the value of {published['beacon']}")
        drawn = picks_of(key, seed, entries, once)
        for place, pick in enumerate(picks):
            named = next(drawn, None)
            found = None if named is None else f"{named['bucket']}-{named['number']}"
            stated = f"{pick['bucket']}-{pick['number']}"
            if pick["pick"] != place:
                self.say(f"round {number}: pick {place} is left out")
                return
            if found != stated:
                self.say(f"round {number}: pick {place} is entry {stated}; the secret names {found}")


def keys_of(published: dict[str, Any]) -> tuple[str, bytes]:
    """(commitment, key of the points) that follow from a disclosed secret."""
    secret = bytes.fromhex(published["secret"])
    digest = hashlib.sha256(secret).hexdigest()
    if published.get("scheme", 1) == 1:
        return digest, secret
    share = bytes.fromhex(published["share"] or "")
    parts = [
        "accrual draw 2",
        digest,
        hashlib.sha256(share).hexdigest() if share else "-",
        published["beacon"] or "-",
        "",
    ]
    key = hmac.new(secret, b"accrual draw 2/" + share, hashlib.sha256).digest()
    return hashlib.sha256("\n".join(parts).encode()).hexdigest(), key


def chain_start(published: dict[str, Any], bucket: int) -> bytes:
    """What the chain of a bucket's entries begins with."""
    return hashlib.sha256(f"accrual draw/{published['commitment']}/{bucket}".encode()).digest()


def table_of(table: dict[str, Any], out: dict[str, str], misses: int) -> tuple[Table, bool]:
    """The table that has to be drawn from, as [[code, weight], ...], and whether it is pity's."""
    pity = table["pity"]
    if pity is not None and misses >= pity[0]:
        kept = [
            [prize["code"], prize["weight"]]
            for prize in table["prizes"]
            if prize["code"] in pity[1] and prize["code"] not in out and prize["weight"]
        ]
        if kept:
            return kept, True
    lost = sum(prize["weight"] for prize in table["prizes"] if prize["code"] in out)
    rows = []
    for prize in table["prizes"]:
        weight = prize["weight"] + (lost if prize["code"] == table["fallback"] else 0)
        if weight and prize["code"] not in out:
            rows.append([prize["code"], weight])
    return rows, False


def point_of(key: bytes, message: str, total: int) -> int:
    """A number below `total`, each as likely: 64 bits of HMAC-SHA256, drawn again above their largest multiple of `total`."""
    bound = (1 << 64) - (1 << 64) % total
    attempt = 0
    while True:
        digest = hmac.new(key, f"{message}/{attempt}".encode(), hashlib.sha256).digest()
        value = int.from_bytes(digest[:8], "big")
        if value < bound:
            return value % total
        attempt += 1


def prize_at(table: Table, point: int) -> str | None:
    """The prize whose stretch, laid out in order from 0, holds the point; None beyond the last."""
    for code, weight in table:
        if point < weight:
            return str(code)
        point -= weight
    return None


def picks_of(key: bytes, seed: str, entries: Sequence[Receipt], once: bool) -> Iterator[Receipt]:
    """Entries in the order in which they are drawn, each once, with `once` each member once."""
    ends = list(itertools.accumulate(entry["tickets"] for entry in entries))
    of_member: defaultdict[str, int] = defaultdict(int)
    for entry in entries:
        of_member[entry["member"]] += 1
    gone: set[int] = set()
    members: set[str] = set()
    left, pick = len(entries), 0
    while left:
        for again in itertools.count():
            chosen = bisect.bisect_right(ends, point_of(key, f"{seed}/{pick}/{again}", ends[-1]))
            if chosen not in gone and not (once and entries[chosen]["member"] in members):
                break
        gone.add(chosen)
        members.add(entries[chosen]["member"])
        left -= of_member[entries[chosen]["member"]] if once else 1
        pick += 1
        yield entries[chosen]


def _in_window(prize: dict[str, Any], at: datetime) -> bool:
    start, end = prize["from"], prize["until"]
    return (start is None or at >= datetime.fromisoformat(start)) and (end is None or at < datetime.fromisoformat(end))


def _count(prize: dict[str, Any], table: dict[str, Any], member: str, at: datetime) -> tuple[Any, ...]:
    """Which of a member's counts a win belongs to: of the prize, in the calendar period of its limit."""
    local, every = at.astimezone(ZoneInfo(table["zone"])), prize["per_member"][1]
    year, week, _ = local.isocalendar()
    period: tuple[int, ...] = {
        "ever": (),
        "year": (local.year,),
        "month": (local.year, local.month),
        "week": (year, week),
        "day": (local.year, local.month, local.day),
    }[str(every)]
    return member, prize["code"], period


def _name(receipt: Receipt) -> str:
    return f"round {receipt['round']}: entry {receipt['bucket']}-{receipt['number']} (ticket {receipt['ticket']})"


def main(arguments: Sequence[str]) -> int:
    """Verify a file, and say what was found: 0 when all is well, 1 when not, 2 when it cannot be read."""
    paths: list[str] = []
    named: dict[str, list[str]] = {"--commitment": [], "--root": []}
    rest = iter(arguments)
    for argument in rest:
        if argument in named:
            named[argument].append(next(rest, ""))
        else:
            paths.append(argument)
    if len(paths) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    try:
        lines = Path(paths[0]).read_text(encoding="utf-8").splitlines()
        findings, notes = verify(lines, named["--commitment"], named["--root"])
    except (OSError, UnicodeDecodeError, Unreadable) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.writelines(f"note: {note}\n" for note in notes)
    sys.stdout.writelines(f"TAMPERED {finding}\n" for finding in findings)
    if not findings:
        sys.stdout.write(
            "All is well: no entry is missing or changed, and every result is the one that the secret names.\n"
        )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
