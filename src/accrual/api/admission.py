"""Lets requests in: how many run at once, and how many bytes of bodies they hold, in all and for each client."""

from __future__ import annotations

from accrual.domain.errors import Busy

SMALL_BODY_BYTES = 64 << 10
"""Bodies up to this size are not counted: the number of requests bounds what they hold."""


class Admission:
    """The room of one process. A client can fill its own share only, so that others are still let in."""

    def __init__(
        self, *, requests_max: int, client_requests_max: int, body_bytes_max: int, client_body_bytes_max: int
    ) -> None:
        self._free = requests_max
        self._client_requests_max = client_requests_max
        self._bytes_free = body_bytes_max
        self._client_bytes_max = client_body_bytes_max
        self._requests: dict[int, int] = {}
        self._bytes: dict[int, int] = {}

    def enter(self, client_id: int) -> Place:
        """A place for one request, to be left once. Raises Busy when all places, or all of this client's, are taken."""
        running = self._requests.get(client_id, 0)
        if running >= self._client_requests_max:
            raise Busy("Too many requests of this client are in progress.", details={"retry_after_s": 1})
        if self._free <= 0:
            raise Busy("Too many requests are in progress.", details={"retry_after_s": 1})
        self._free -= 1
        self._requests[client_id] = running + 1
        return Place(self, client_id)

    def hold(self, client_id: int, count: int) -> None:
        """Count bytes of a body that is being read. Raises Busy where the client, or all together, hold too many."""
        held = self._bytes.get(client_id, 0) + count
        if held > self._client_bytes_max:
            raise Busy("This client is sending too many large bodies at once.", details={"retry_after_s": 1})
        if count > self._bytes_free:
            raise Busy("Too many large bodies are being read.", details={"retry_after_s": 1})
        self._bytes_free -= count
        self._bytes[client_id] = held

    def leave(self, client_id: int, held: int) -> None:
        """End one request that holds so many bytes."""
        self._free += 1
        running = self._requests[client_id] - 1
        if running:
            self._requests[client_id] = running
        else:
            del self._requests[client_id]
        if held:
            self._bytes_free += held
            left = self._bytes[client_id] - held
            if left:
                self._bytes[client_id] = left
            else:
                del self._bytes[client_id]


class Place:
    """One request that was let in."""

    __slots__ = ("_admission", "_client_id", "_held")

    def __init__(self, admission: Admission, client_id: int) -> None:
        self._admission = admission
        self._client_id = client_id
        self._held = 0

    def hold(self, count: int) -> None:
        """Count so many more bytes of this request's body until it ends. Raises Busy."""
        self._admission.hold(self._client_id, count)
        self._held += count

    def leave(self) -> None:
        """End the request and let go of its bytes."""
        self._admission.leave(self._client_id, self._held)
