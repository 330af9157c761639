"""Verifies proofs about signed checkpoints offline: runs by itself on any Python, with nothing of Accrual.

    python checkpoint_verify.py PROOF.json --key NAME+ID+KEY [--checkpoint NOTE.txt]...

The file is what `accrual checkpoint prove TICKET` or `accrual checkpoint consistency OLD NEW` wrote. The key is what
`accrual checkpoint key` prints; get it from somebody you trust, and not with the proof. With --checkpoint, a checkpoint that
you kept must be one that the proof is about. It ends with 0 when all is proved, with 1 when something is not, with 2 when a
file cannot be read.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

INCLUSION = "accrual checkpoint inclusion 1"
CONSISTENCY = "accrual checkpoint consistency 1"
RECORD_FORMAT = "accrual checkpoint record 1"
EMPTY_ROOT = hashlib.sha256(b"").digest()
ABSENT = -(2**63)

Point = tuple[int, int, int, int]


class NotProved(Exception):
    """A step of the proof does not hold."""


class Unreadable(Exception):
    """What was given is no proof or no checkpoint."""


def verify(proof: dict[str, Any], key: str, checkpoints: list[str] | None = None) -> list[str]:
    """What is proved, in words. Raises NotProved, Unreadable."""
    try:
        form = proof["format"]
        if form == INCLUSION:
            notes, said = [proof["note"]], _inclusion(proof, key)
        elif form == CONSISTENCY:
            notes, said = [proof["old"]["note"], proof["new"]["note"]], _consistency(proof, key)
        else:
            raise Unreadable("This is no proof in a format that this program knows.")
        texts = [read_note(note)[3] for note in notes]
        for kept in checkpoints or []:
            if read_note(kept)[3] not in texts:
                raise NotProved("the checkpoint that you kept is none of those that this proof is about")
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, struct.error) as error:
        raise Unreadable(f"The proof cannot be read: {type(error).__name__} {error}") from error
    return said


# Ed25519 as in RFC 8032, section 5.1; for verifying only, so nothing has to take the same time always.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def _add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(factor: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            found = _add(found, point)
        point = _add(point, point)
        factor >>= 1
    return found


def _x_of(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def _point(raw: bytes) -> Point | None:
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    x = _x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x_of(_BASE_Y, 0) or 0
BASE: Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 key (32 bytes) made this signature (64 bytes) over the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if point is None or r is None or s >= L:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = _times(s, BASE), _add(r, _times(k, point))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


def read_key(text: str) -> tuple[str, bytes, bytes]:
    """(name, key id, public key) of `name+id+key`. Raises Unreadable."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        raw, stated = base64.b64decode(encoded, validate=True), bytes.fromhex(key_id)
    except ValueError as error:
        raise Unreadable("The key cannot be read; it looks like name+0a1b2c3d+AX...=") from error
    own = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if raw[:1] != b"\x01" or len(raw) != 33 or stated != own:
        raise Unreadable("This is no Ed25519 key of a log.")
    return name, stated, raw[1:]


def read_note(text: str) -> tuple[str, int, bytes, bytes, list[tuple[str, bytes]]]:
    """(name of the log, size, root, signed bytes, signatures) of a checkpoint. Raises Unreadable."""
    body, blank, tail = text.rpartition("\n\n")
    lines = body.split("\n")
    if not blank or len(lines) < 3 or not all(lines) or not (lines[1].isascii() and lines[1].isdigit()):
        raise Unreadable("This is no checkpoint: it has no name, size and root above an empty line.")
    signatures = []
    try:
        root = base64.b64decode(lines[2], validate=True)
        for line in tail.splitlines():
            dash, name, encoded = line.split(" ")
            if dash == "\u2014":
                signatures.append((name, base64.b64decode(encoded, validate=True)))
    except ValueError as error:
        raise Unreadable(f"This is no checkpoint: {error}.") from error
    return lines[0], int(lines[1]), root, f"{body}\n".encode(), signatures


def check_note(text: str, key: str) -> tuple[str, int, bytes]:
    """(name of the log, size, root) of a checkpoint that the key signed. Raises NotProved, Unreadable."""
    name, key_id, public = read_key(key)
    origin, size, root, signed, signatures = read_note(text)
    for signer, raw in signatures:
        if signer == name and raw[:4] == key_id and is_signed(public, signed, raw[4:]):
            return origin, size, root
    raise NotProved(f"checkpoint {size} is not signed by this key")


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: list[bytes]) -> bytes:
    """The root over leaf hashes."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY_ROOT
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(root_of(leaves[:half]), root_of(leaves[half:]))


def is_included(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(each, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, each)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def is_consistent(old: int, new: int, proof: list[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162, section 2.1.4.2."""
    if old == new:
        return not proof and old_root == new_root
    if not 0 < old < new or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found_new = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            found_old, found_new = node_hash(each, found_old), node_hash(each, found_new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found_new = node_hash(found_new, each)
        place, last = place >> 1, last >> 1
    return last == 0 and found_old == old_root and found_new == new_root


def stream_leaf(name: str, size: int, root: str) -> bytes:
    """A stream's leaf in the tree over all streams of a checkpoint."""
    return leaf_hash(f"{name} {size} {root}\n".encode())


def record_leaf(number: int, at: str, streams: int, root: str) -> bytes:
    """A checkpoint's leaf in the tree of the log."""
    return leaf_hash(f"{RECORD_FORMAT}\n{number}\n{at}\n{streams}\n{root}\n".encode())


def _inclusion(proof: dict[str, Any], key: str) -> list[str]:
    origin, size, root = check_note(proof["note"], key)
    record, stream, command = proof["record"], proof["stream"], proof["command"]
    leaf = record_leaf(record["number"], record["at"], record["streams"], record["root"])
    if record["number"] != size or not is_included(leaf, size - 1, size, _hashes(record["proof"]), root):
        raise NotProved(f"the record is not the one of checkpoint {size}")
    leaf = stream_leaf(stream["name"], stream["size"], stream["root"])
    inside = is_included(
        leaf, stream["index"], record["streams"], _hashes(stream["proof"]), bytes.fromhex(record["root"])
    )
    if not inside or stream["name"] != f"bucket/{command['bucket']}":
        raise NotProved(f"stream {stream['name']} is not in the record of checkpoint {size}")
    place, whole = command["position"] - 1, bytes.fromhex(stream["root"])
    if not is_included(leaf_hash(digest_of(command)), place, stream["size"], _hashes(command["proof"]), whole):
        raise NotProved(f"the command of ticket {command['ticket']} is not in {stream['name']} as it is shown here")
    return [
        f"checkpoint {size} of {origin} is signed by the key",
        f"it was made at {record['at']}",
        f"it covers ticket {command['ticket']} at position {command['position']} of bucket {command['bucket']}, "
        f"recorded at {_time(command['recorded_us'])}, with its outcome of {len(command['outcome']) // 2} bytes "
        f"and its {len(command['lines'])} ledger lines",
    ]


def _consistency(proof: dict[str, Any], key: str) -> list[str]:
    old, new = proof["old"], proof["new"]
    heads = []
    for each in (old, new):
        origin, size, root = check_note(each["note"], key)
        streams = [stream_leaf(*stream) for stream in each["streams"]]
        leaf = record_leaf(size, each["at"], len(streams), root_of(streams).hex())
        if not is_included(leaf, size - 1, size, _hashes(each["proof"]), root):
            raise NotProved(f"the record is not the one of checkpoint {size}")
        heads.append((origin, size, root))
    (origin, first, old_root), (other, last, new_root) = heads
    if origin != other:
        raise NotProved(f"the checkpoints are of two logs, {origin} and {other}")
    if not is_consistent(first, last, _hashes(proof["proof"]), old_root, new_root):
        raise NotProved(f"checkpoint {last} does not extend checkpoint {first}")
    later = {name: (size, root) for name, size, root in new["streams"]}
    for name, size, root in old["streams"]:
        size_now, root_now = later.get(name, (0, ""))
        path = _hashes(proof["streams"].get(name, []))
        if not is_consistent(size, size_now, path, bytes.fromhex(root), bytes.fromhex(root_now)):
            raise NotProved(f"stream {name} of checkpoint {last} does not extend that of checkpoint {first}")
    commands = sum(size for name, size, _ in old["streams"] if name.startswith("bucket/"))
    return [
        f"checkpoints {first} and {last} of {origin} are signed by the key",
        f"checkpoint {last} of {new['at']} extends checkpoint {first} of {old['at']}: "
        f"all {len(old['streams'])} streams, with {commands} commands, are in it unchanged",
    ]


def digest_of(command: dict[str, Any]) -> bytes:
    """The digest that is the command's leaf: over the one before it, the command, its outcome and its ledger lines."""
    outcome = bytes.fromhex(command["outcome"])
    if [len(command[name]) for name in ("before", "content", "seal")] != [64, 16, 32]:
        raise NotProved("the command is not shown in parts of the right length")
    parts = [
        bytes.fromhex(command["before"]),
        struct.pack(
            ">iqiiq",
            *(command[name] for name in ("bucket", "position", "programme_id", "client_id", "recorded_us")),
        ),
        bytes.fromhex(command["ticket"].replace("-", "")),
        *(bytes.fromhex(command[name]) for name in ("content", "seal", "facts")),
        struct.pack(">IB", len(outcome), command["status"]),
        outcome,
    ]
    for line in command["lines"]:
        values = [line[name] for name in LINE]
        parts.append(struct.pack(">qhqqqqhiqqqq", *(_absent(*each) for each in zip(LINE, values, strict=True))))
        if line["origin"] is not None:
            parts.append(struct.pack(">iqh", *line["origin"]))
    parts.extend(struct.pack(">qqhqh", *use) for use in sorted(command["lot_uses"]))
    return hashlib.sha256(b"".join(parts)).digest()


LINE = (
    "account", "leg", "contra", "amount", "balance", "held", "kind", "promo_version", "active_us", "expires_us",
    "occurred_us", "covers_from",
)  # fmt: skip


def _absent(name: str, value: int | None) -> int:
    if value is not None:
        return value
    return -1 if name == "promo_version" else ABSENT


def _hashes(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def _time(microseconds: int) -> str:
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _visible(text: str) -> str:
    """The text with what a terminal would obey or hide written as its escape: a proof comes from somebody else."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def main(arguments: list[str]) -> int:
    """The program. Gives its exit status."""
    files, key, kept = [], "", []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("--key", "--checkpoint") and rest:
            if word == "--key":
                key = rest.pop(0)
            else:
                kept.append(rest.pop(0))
        else:
            files.append(word)
    if len(files) != 1 or files[0].startswith("-") or not key:
        sys.stderr.write(__doc__ or "")
        return 2
    try:
        proof = json.loads(Path(files[0]).read_text(encoding="utf-8"))
        said = verify(proof, key, [Path(name).read_text(encoding="utf-8") for name in kept])
    except (OSError, ValueError, Unreadable) as error:
        sys.stderr.write(f"{_visible(str(error))}\n")
        return 2
    except NotProved as error:
        sys.stdout.write(f"NOT PROVED: {_visible(str(error))}.\n")
        return 1
    for sentence in said:
        sys.stdout.write(f"Proved: {_visible(sentence)}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
