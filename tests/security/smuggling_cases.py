"""Requests whose end two programs could see in different places, and what Accrual makes of each.

The body of nearly every case looks like a request to `/evil`: where that path is ever served, a body was taken for a request.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

EVIL = b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
SIZE = b"%d" % len(EVIL)
HEX = b"%x" % len(EVIL)
CHUNKED = HEX + b"\r\n" + EVIL + b"\r\n0\r\n\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n"
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

Outcome = Literal["whole", "refused", "whole then closed"]


class Case(NamedTuple):
    """Packets to send, and what becomes of them.

    `whole`: one request with `body`, and the connection serves the next. `whole then closed`: the same, but what comes after
    is never read. `refused`: 4xx or no answer at all, no effect, and the connection is closed.
    """

    packets: list[bytes]
    outcome: Outcome
    body: bytes = EVIL
    head: bool = False


def post(
    lines: bytes,
    *bodies: bytes,
    path: bytes = b"/a",
    version: bytes = b"1.1",
    method: bytes = b"POST",
    host: bytes = b"Host: x\r\n",
) -> list[bytes]:
    """A request with these header lines: the first body in the packet of the head, each further one by itself."""
    head = method + b" " + path + b" HTTP/" + version + b"\r\n" + host + lines + b"\r\n"
    return [head + (bodies[0] if bodies else b""), *bodies[1:]]


def both(lines: bytes) -> list[bytes]:
    """Chunked framing that ends at once, a length that goes on, and `lines` that say which of the two."""
    return post(lines + b"Content-Length: %d\r\n" % (5 + len(EVIL)), b"0\r\n\r\n" + EVIL)


def length(value: bytes) -> list[bytes]:
    """A request that states this length."""
    return post(b"Content-Length: " + value + b"\r\n", EVIL)


def chunked(body: bytes) -> list[bytes]:
    """A request with this chunked body."""
    return post(b"Transfer-Encoding: chunked\r\n", body)


WITH_LENGTH = b"Content-Length: " + SIZE + b"\r\n"

FRAMING = {
    "cl.te": Case(both(b"Transfer-Encoding: chunked\r\n"), "whole then closed", b""),
    "te.cl": Case(post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", CHUNKED), "whole then closed"),
    "te.te identity": Case(both(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), "refused"),
    "te.te x": Case(both(b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"), "whole then closed", b""),
    "te xchunked": Case(both(b"Transfer-Encoding: xchunked\r\n"), "refused"),
    "te blank before colon": Case(both(b"Transfer-Encoding : chunked\r\n"), "refused"),
    "te tab before colon": Case(both(b"Transfer-Encoding\t: chunked\r\n"), "refused"),
    "te vertical tab": Case(both(b"Transfer-Encoding: \x0bchunked\r\n"), "refused"),
    "te tab": Case(both(b"Transfer-Encoding:\tchunked\r\n"), "whole then closed", b""),
    "te quoted": Case(both(b'Transfer-Encoding: "chunked"\r\n'), "refused"),
    "te comma": Case(both(b"Transfer-Encoding: chunked,\r\n"), "refused"),
    "te chunked gzip": Case(both(b"Transfer-Encoding: chunked, gzip\r\n"), "refused"),
    "te chunked twice": Case(both(b"Transfer-Encoding: chunked, chunked\r\n"), "whole then closed", b""),
    "te folded": Case(both(b"Transfer-Encoding:\r\n chunked\r\n"), "refused"),
    "te empty": Case(both(b"Transfer-Encoding:\r\n"), "refused"),
    "te after bare lf": Case(both(b"X: a\nTransfer-Encoding: chunked\r\n"), "whole then closed", b""),
    "te after bare cr": Case(both(b"X: a\rTransfer-Encoding: chunked\r\n"), "refused"),
    "te capitals": Case(post(b"tRANSFER-eNCODING: CHUNKED\r\n", CHUNKED), "whole"),
    "te in http/1.0": Case(post(b"Transfer-Encoding: chunked\r\n", CHUNKED, version=b"1.0"), "refused"),
    "te in http/1.0 kept alive": Case(
        post(b"Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n" + WITH_LENGTH, CHUNKED, version=b"1.0"),
        "refused",
    ),
    "cl twice": Case(post(WITH_LENGTH + WITH_LENGTH, EVIL), "whole"),
    "cl twice, different": Case(post(b"Content-Length: 0\r\n" + WITH_LENGTH, EVIL), "refused"),
    "cl list": Case(length(SIZE + b", " + SIZE), "refused"),
    "cl list, different": Case(length(b"0, " + SIZE), "refused"),
    "cl negative": Case(length(b"-" + SIZE), "refused"),
    "cl plus": Case(length(b"+" + SIZE), "refused"),
    "cl hexadecimal": Case(length(b"0x" + HEX), "refused"),
    "cl blank": Case(length(b""), "refused"),
    "cl inner blank": Case(length(b"3 1"), "refused"),
    "cl underscore": Case(length(b"3_1"), "refused"),
    "cl decimal point": Case(length(b"31.0"), "refused"),
    "cl beyond 64 bits": Case(length(b"18446744073709551616"), "refused"),
    "cl leading zeros": Case(length(b"000" + SIZE), "whole"),
    "cl folded": Case(post(b"Content-Length: 0\r\n " + SIZE + b"\r\n", EVIL), "refused"),
    "cl after a blank": Case(post(b" " + WITH_LENGTH, EVIL), "refused"),
    "cl named in connection": Case(post(b"Connection: Content-Length\r\n" + WITH_LENGTH, EVIL), "whole"),
    "blank in a name": Case(post(b"Content Length: 0\r\n" + WITH_LENGTH, EVIL), "refused"),
}

CHUNKS = {
    "extension": Case(chunked(HEX + b';a=b;c="d"\r\n' + EVIL + b"\r\n0\r\n\r\n"), "whole"),
    "extension with bare lf": Case(chunked(HEX + b";a\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "endless extension": Case(chunked(HEX + b";" + b"a" * 100_000 + b"\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "bare lf": Case(chunked(HEX + b"\n" + EVIL + b"\n0\n\n"), "refused"),
    "negative": Case(chunked(b"-1\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "0x": Case(chunked(b"0x" + HEX + b"\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "not a number": Case(chunked(b"zz\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "size beyond 64 bits": Case(chunked(b"1" + b"0" * 15 + HEX + b"\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "size too small": Case(chunked(b"5\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "size too large": Case(chunked(b"ff\r\n" + EVIL + b"\r\n0\r\n\r\n"), "refused"),
    "trailers": Case(chunked(CHUNKED[:-2] + b"Content-Length: 5\r\nHost: y\r\n\r\n"), "whole"),
    "trailer folded": Case(chunked(CHUNKED[:-2] + b"X: a\r\n b\r\n\r\n"), "refused"),
    "no last chunk": Case(chunked(CHUNKED[:-5]), "refused"),
    "cut in packets": Case(
        post(b"Transfer-Encoding: chunked\r\n", b"", HEX + b"\r", b"\n" + EVIL, b"\r\n0\r\n\r", b"\n"), "whole"
    ),
    "gzip, chunked": Case(post(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED), "whole"),
}

UPGRADES = {
    "h2c in one packet": Case(post(H2C + WITH_LENGTH, EVIL), "whole"),
    "h2c in two packets": Case(post(H2C + WITH_LENGTH, b"", EVIL), "whole"),
    "h2c in many packets": Case(post(H2C + WITH_LENGTH, b"", EVIL[:3], EVIL[3:10], EVIL[10:]), "whole"),
    "h2c chunked": Case(post(H2C + b"Transfer-Encoding: chunked\r\n", CHUNKED), "whole"),
    "h2c chunked in packets": Case(
        post(H2C + b"Transfer-Encoding: chunked\r\n", b"", HEX + b"\r\n", EVIL, b"\r\n0\r\n\r\n"), "whole"
    ),
    "h2c without connection": Case(post(b"Upgrade: h2c\r\n" + WITH_LENGTH, b"", EVIL), "whole"),
    "h2c with GET": Case(post(H2C + WITH_LENGTH, b"", EVIL, method=b"GET"), "whole"),
    "foo": Case(post(b"Connection: upgrade\r\nUpgrade: foo\r\n" + WITH_LENGTH, b"", EVIL), "whole"),
    "foo with GET": Case(post(b"Connection: upgrade\r\nUpgrade: foo\r\n" + WITH_LENGTH, EVIL, method=b"GET"), "whole"),
    "websocket with POST": Case(post(WEBSOCKET + WITH_LENGTH, b"", EVIL), "whole"),
    "websocket with GET": Case(post(WEBSOCKET + WITH_LENGTH, EVIL, method=b"GET"), "whole"),
    "several": Case(
        post(b"Connection: Upgrade\r\nUpgrade: h2c, websocket, foo/1\r\n" + WITH_LENGTH, b"", EVIL), "whole"
    ),
    "http/2 preface": Case([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"], "refused"),
    "tls hello": Case([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"], "refused"),
}

HEADS = {
    "expect": Case(post(b"Expect: 100-continue\r\n" + WITH_LENGTH, b"", EVIL), "whole"),
    "expect, body at once": Case(post(b"Expect: 100-continue\r\n" + WITH_LENGTH, EVIL), "whole"),
    "wrong expectation": Case(post(b"Expect: 200-maybe\r\n" + WITH_LENGTH, EVIL), "whole"),
    "fold": Case(post(b"X: a\r\n b\r\n" + WITH_LENGTH, EVIL), "refused"),
    "bare lf": Case([b"POST /a HTTP/1.1\nHost: x\n" + WITH_LENGTH.replace(b"\r", b"") + b"\n" + EVIL], "whole"),
    "bare cr": Case(post(b"X: a\r" + WITH_LENGTH, EVIL), "refused"),
    "nul": Case(post(b"X: a\x00b\r\n" + WITH_LENGTH, EVIL), "refused"),
    "no colon": Case(post(b"Foo\r\n" + WITH_LENGTH, EVIL), "refused"),
    "no name": Case(post(b": a\r\n" + WITH_LENGTH, EVIL), "refused"),
    "name that is not ASCII": Case(post(b"X\xc5\xa5: a\r\n" + WITH_LENGTH, EVIL), "refused"),
    "value that is not ASCII": Case(post(b"X: \xc5\xa5\xff\r\n" + WITH_LENGTH, EVIL), "whole"),
    "leading line ends": Case([b"\r\n\r\n\r\n" + post(WITH_LENGTH, EVIL)[0]], "whole"),
    "absolute target": Case(post(WITH_LENGTH, EVIL, path=b"http://other/a"), "whole"),
    "authority target": Case(post(WITH_LENGTH, EVIL, path=b"other:80"), "refused"),
    "connect": Case(post(WITH_LENGTH, EVIL, path=b"other:80", method=b"CONNECT"), "refused"),
    "method with a bracket": Case(post(WITH_LENGTH, EVIL, method=b"P(ST"), "refused"),
    "blank in the target": Case(post(WITH_LENGTH, EVIL, path=b"/a b"), "refused"),
    "tabs in the first line": Case([post(WITH_LENGTH, EVIL)[0].replace(b" ", b"\t", 2)], "refused"),
    "two hosts": Case(post(b"Host: y\r\n" + WITH_LENGTH, EVIL), "refused"),
    "no host": Case(post(WITH_LENGTH, EVIL, host=b""), "refused"),
    "http/0.9": Case([b"GET /a\r\n\r\n"], "refused"),
    "http/1.2": Case(post(WITH_LENGTH, EVIL, version=b"1.2"), "refused"),
    "http/2.0": Case(post(WITH_LENGTH, EVIL, version=b"2.0"), "refused"),
    "HEAD with a body": Case(post(WITH_LENGTH, EVIL, method=b"HEAD"), "whole", head=True),
    "GET with a body": Case(post(WITH_LENGTH, b"", EVIL, method=b"GET"), "whole"),
    "204 to a body": Case(post(WITH_LENGTH, EVIL, path=b"/nothing"), "whole"),
    "close, then more": Case(post(b"Connection: close\r\n" + WITH_LENGTH, EVIL), "whole then closed"),
    "300 headers": Case(post(b"".join(b"X%d: y\r\n" % n for n in range(300)) + WITH_LENGTH, EVIL), "refused"),
    "head of a megabyte": Case(post(b"X: " + b"y" * (1 << 20) + b"\r\n" + WITH_LENGTH, EVIL), "refused"),
}

CASES = {
    f"{group}: {name}": case
    for group, cases in (("framing", FRAMING), ("chunk", CHUNKS), ("upgrade", UPGRADES), ("head", HEADS))
    for name, case in cases.items()
}
