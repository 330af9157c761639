"""Places and bytes: each client has a share, everything comes back, and nothing is left of a client that has gone."""

from __future__ import annotations

import pytest

from accrual.api.admission import Admission
from accrual.domain.errors import Busy


def _admission(**changes: int) -> Admission:
    limits = {"requests_max": 4, "client_requests_max": 2, "body_bytes_max": 100, "client_body_bytes_max": 60}
    return Admission(**(limits | changes))


def test_client_fills_its_own_share_only() -> None:
    admission = _admission()
    places = [admission.enter(1), admission.enter(1)]
    with pytest.raises(Busy, match="this client"):
        admission.enter(1)
    places += [admission.enter(2), admission.enter(2)]
    with pytest.raises(Busy, match=r"^Too many requests are in progress"):
        admission.enter(3)
    places.pop(0).leave()
    assert admission.enter(3)


def test_bytes_are_bounded_for_a_client_and_for_all() -> None:
    admission = _admission()
    first, second, third = admission.enter(1), admission.enter(2), admission.enter(3)
    first.hold(60)
    with pytest.raises(Busy, match="This client"):
        first.hold(1)
    second.hold(40)
    with pytest.raises(Busy, match="Too many large bodies"):
        third.hold(1)
    first.leave()
    third.hold(60)


def test_nothing_is_kept_of_a_client_that_has_gone() -> None:
    admission = _admission()
    for client_id in range(1000):
        place = admission.enter(client_id)
        place.hold(60)
        with pytest.raises(Busy):
            place.hold(1)
        place.leave()
    assert not admission._requests
    assert not admission._bytes
    everything = _admission(client_body_bytes_max=100)
    everything.enter(1).hold(100)
