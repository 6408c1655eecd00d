"""The schedule of a line: rates, delays, stalls, and the places of cuts."""

import pytest
from uploadlab.model.links import Cut, CutBy, Range, Stall
from uploadlab.runtimes.link.schedule import Schedule

from .linked import link

CUTS = [Cut(Range(1000, 9000), by) for by in (CutBy.FIN, CutBy.RST, CutBy.SILENCE)]


def cut_places(schedule: Schedule, total: int = 40_000) -> list[tuple[int, CutBy]]:
    """After how many bytes up the line each cut comes, and how."""
    sent, found = 0, []
    while sent < total:
        count = schedule.up.block_bytes
        sent += count
        if by := schedule.up.send(count, 0.0).cut:
            found.append((sent, by))
    return found


def test_bytes_leave_at_the_rate_and_arrive_half_a_round_trip_later() -> None:
    schedule = Schedule(link(up=1000, down=500, round_trip=0.2), "a")
    assert schedule.up.send(100, 5.0) == pytest.approx((5.1, 5.2, None))
    assert schedule.up.send(100, 5.0)[:2] == pytest.approx((5.2, 5.3))  # after those before
    assert schedule.up.send(0, 5.0)[:2] == pytest.approx((5.2, 5.3))  # an end comes after all bytes
    assert schedule.up.send(100, 9.0)[:2] == pytest.approx((9.1, 9.2))  # an idle line saves nothing up
    assert schedule.down.send(100, 5.0)[:2] == pytest.approx((5.2, 5.3))  # the other direction is free


def test_a_link_without_a_rate_only_delays() -> None:
    schedule = Schedule(link(round_trip=0.2), "a")
    assert [schedule.up.send(10**9, 5.0)[:2] for _ in range(2)] == [pytest.approx((5.0, 5.1))] * 2


@pytest.mark.parametrize("rate", [1, 125_000, 25_000_000, 10**9])
@pytest.mark.parametrize("delay", [0.0, 5.0])
def test_what_is_under_way_covers_the_delay_and_fits_into_memory(rate: int, delay: float) -> None:
    up = Schedule(link(up=rate, round_trip=2 * delay), "a").up
    assert (
        min(rate * delay, 64 << 20) <= up.most_under_way <= min(rate * (delay + 0.1) + (256 << 10), 64 << 20)
    )
    assert 1 <= up.block_bytes <= up.most_under_way / 4


def test_cuts_come_in_their_order_each_in_its_range_after_the_one_before() -> None:
    places = cut_places(Schedule(link(cuts=CUTS), "a"))
    assert [by for _, by in places] == [CutBy.FIN, CutBy.RST, CutBy.SILENCE]
    gaps = [place - before for (place, _), before in zip(places, [0, *dict(places)], strict=False)]
    assert all(1000 <= gap <= 9000 for gap in gaps)


def test_places_are_those_of_the_seed_at_any_rate() -> None:
    first = cut_places(Schedule(link(cuts=CUTS), "a"))
    assert cut_places(Schedule(link(cuts=CUTS, up=5000, round_trip=1), "a")) == first
    assert cut_places(Schedule(link(cuts=CUTS), "b")) != first


def test_a_cut_at_a_fixed_place_needs_no_luck() -> None:
    places = cut_places(Schedule(link(cuts=[Cut(Range(7, 7), CutBy.RST), Cut(Range(0, 0), CutBy.FIN)]), "a"))
    assert places == [(7, CutBy.RST), (8, CutBy.FIN)]  # the second at once, with the next byte


@pytest.mark.parametrize("up", [0, 1000])
@pytest.mark.parametrize("delay", [0.0, 0.1])
def test_a_stall_delays_both_directions_but_not_the_bytes_before(up: int, delay: float) -> None:
    schedule = Schedule(link(up=up, round_trip=2 * delay, stalls=[Stall(Range(100, 100), 6.0)]), "a")
    clock = schedule.clock
    assert schedule.up.block_bytes <= 100
    last = schedule.up.send(100, 1.0).arrives
    then = schedule.up.send(100, 1.0).arrives
    before = schedule.down.send(1, last - delay - 0.01).arrives
    after = schedule.down.send(1, clock.line_time(last + 3)).arrives
    assert clock.host_time(last) == last == pytest.approx(1.0 + delay + (0.1 if up else 0))
    assert clock.host_time(then) == pytest.approx(then + 6)
    assert clock.host_time(before) == before
    assert clock.host_time(after) == pytest.approx(last + 6 + delay, abs=1e-5)


def test_the_time_of_a_line_stands_while_it_stalls() -> None:
    clock = Schedule(link(), "a").clock
    clock.stall(10.0, 6.0)
    clock.stall(12.0, 1.0)
    times = [9.0, 10.0, 13.0, 16.0, 17.0, 18.5, 20.0]
    assert [clock.line_time(time) for time in times] == [9.0, 10.0, 10.0, 10.0, 11.0, 12.0, 13.0]
    assert [clock.host_time(time) for time in (9.0, 9.9, 11.0, 13.0)] == [9.0, 9.9, 17.0, 20.0]
