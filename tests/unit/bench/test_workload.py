"""The benchmark's loads are a partner's real calls, drawn as they say. No database here."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import islice

import msgspec
import pytest

from accrual.bench.options import Distribution
from accrual.bench.results import percentile_ms, ratio
from accrual.bench.workload import FIRST_USER, SHAPES, Workload, draw_members, make_shapes, translated
from accrual.domain.commands import encode_command
from accrual.domain.programme import Catalogue, StoredClient
from accrual.engine.programme_file import read_programme
from tests.arch.tree import ROOT


def _programme() -> tuple[Catalogue, StoredClient]:
    path = ROOT / "examples" / "seeds" / "programme.yaml"
    programme = read_programme(path.read_text(encoding="utf-8"), path.name).programme
    catalogue = Catalogue(programme_id=1, revision=1, settings=programme.programme, assets=(), outlets=(), promos=())
    return catalogue, StoredClient(client_id=1, programme_id=1, client=programme.clients[0], key_digest=None)


@pytest.mark.parametrize("facts", [1, 4])
def test_fast_submission_is_what_the_dialect_would_make_of_the_body(facts: int) -> None:
    catalogue, client = _programme()
    workload = Workload(catalogue, client, seed=1, facts=facts)
    for number in range(SHAPES * 2):
        member = number * 31
        made = workload.submission(member, number, b"kone")
        real = translated(made.body, catalogue=catalogue, client=client, key=b"kone")
        assert encode_command(made.command) == encode_command(real.command)
        assert msgspec.structs.replace(made, content=real.content) == real
        assert len(made.command.facts) == facts  # type: ignore[union-attr]
        assert str(FIRST_USER + member) in made.body.decode()


def test_equal_seeds_make_equal_loads_and_others_do_not() -> None:
    assert make_shapes(1, 4) == make_shapes(1, 4)
    assert make_shapes(1, 4) != make_shapes(2, 4)
    for distribution in Distribution:
        one, same, other = (list(islice(draw_members(distribution, 500, seed), 200)) for seed in ("a", "a", "b"))
        assert one == same
        assert one != other


def test_draws_have_the_shape_that_their_name_says() -> None:
    members, count = 1_000, 100_000
    drawn = {d: Counter(islice(draw_members(d, members, "s"), count)) for d in Distribution}
    for counts in drawn.values():
        assert min(counts) >= 0
        assert max(counts) < members
    # Uniform: 100 each. Zipf(1.0) over 1,000: the first has 1/7.485 of all, and k times as many as the k-th.
    assert max(drawn[Distribution.UNIFORM].values()) < 160
    zipf = drawn[Distribution.ZIPF]
    assert zipf[0] / count == pytest.approx(1 / 7.485, rel=0.05)
    assert zipf[0] / zipf[9] == pytest.approx(10, rel=0.15)
    hot = drawn[Distribution.HOT]
    assert hot[0] / count == pytest.approx(0.5, abs=0.01)
    assert sorted(hot.values())[-2] < 100


def test_dates_of_the_loads_are_read_as_times_of_the_programme() -> None:
    catalogue, client = _programme()
    reward = Workload(catalogue, client, seed=1, facts=1).submission(0, 0, b"k").command
    assert reward.facts[0].occurred_at < datetime(2025, 1, 1, tzinfo=UTC)  # type: ignore[union-attr]


def test_percentiles_and_ratios_say_nothing_of_nothing() -> None:
    assert percentile_ms([], 50) is None
    assert percentile_ms([0.001], 99) == 1.0
    assert percentile_ms([number / 1000 for number in range(1, 101)], 99) == 100.0
    assert ratio(100.0, None) is None
    assert ratio(100.0, 0.0) is None
    assert ratio(100.0, 40.0) == 2.5
