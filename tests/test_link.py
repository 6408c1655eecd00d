"""Connections over a line, on a clock that jumps: bytes, times and ends."""

import asyncio
import random
import socket
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uploadlab.model.links import Link, Range, Stall
from uploadlab.units import GIB, KIB, MIB

from .linked import LinkedServer, Peer, at, link, over


def data(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


LINKS = st.builds(
    link,
    up=st.sampled_from([0, 30_000, 10**6, 10**9]),
    down=st.sampled_from([0, 30_000, 10**6, 10**9]),
    round_trip=st.sampled_from([0.0, 0.01, 3.0]),
    stalls=st.sampled_from([[], [Stall(Range(1, 50_000), 5.0)]]),
)
BLOCKS = st.lists(st.integers(1, 40_000), max_size=4)


@settings(max_examples=40, deadline=None)
@given(a_link=LINKS, connections=st.lists(st.tuples(BLOCKS, BLOCKS), min_size=1, max_size=3))
def test_nothing_is_lost_or_reordered(a_link: Link, connections: list[tuple[list[int], list[int]]]) -> None:
    async def one_way(sender: Peer, receiver: Peer, sizes: list[int], seed: int) -> None:
        sent = [data(size, seed + number) for number, size in enumerate(sizes)]
        for block in sent:
            sender.transport.write(block)
            await asyncio.sleep(0.001)
        sender.transport.write_eof()
        await receiver.until(lambda peer: peer.ends)
        assert (bytes(receiver.received), receiver.ends) == (b"".join(sent), ["fin"])

    async def play(server: LinkedServer) -> None:
        ways = []
        for number, (up, down) in enumerate(connections):
            client, peer = await server.connect()
            ways += [one_way(client, peer, up, 100 * number), one_way(peer, client, down, 100 * number + 50)]
        await asyncio.gather(*ways)
        await asyncio.sleep(60)
        assert not server.line.connections

    over(a_link, play)


def test_a_transfer_takes_the_time_of_its_rate_from_the_first_byte_to_the_last() -> None:
    async def play(server: LinkedServer) -> Peer:
        client, peer = await server.connect()
        client.transport.write(data(100_000))
        await peer.got(100_000)
        return peer

    peer = over(link(up=1000, round_trip=4.0), play)
    assert bytes(peer.received) == data(100_000)
    for moment in (7, 14, 54, 104, 106.1):  # it takes 4 s to connect, and 2 s to arrive
        assert at(peer.times, moment) == pytest.approx(1000 * min(moment - 6, 100), abs=1100)


def test_the_way_down_has_a_rate_of_its_own() -> None:
    async def play(server: LinkedServer) -> tuple[Peer, Peer]:
        client, peer = await server.connect()
        client.transport.write(data(20_000))
        peer.transport.write(data(20_000))
        await peer.got(20_000)
        await client.got(20_000)
        return client, peer

    client, peer = over(link(up=1000, down=4000), play)
    assert client.times[-1][0] == pytest.approx(5, abs=0.1)
    assert peer.times[-1][0] == pytest.approx(20, abs=0.1)


def test_connections_of_a_line_share_its_rate_fairly() -> None:
    async def play(server: LinkedServer) -> list[Peer]:
        pairs = [await server.connect() for _ in range(3)]
        for client, _ in pairs:
            client.transport.write(data(40_000))
        for _, peer in pairs:
            await peer.got(40_000)
        return [peer for _, peer in pairs]

    for peer in over(link(up=1200), play):
        assert at(peer.times, 50) == pytest.approx(20_000, abs=2100)
        assert peer.times[-1][0] == pytest.approx(100, abs=3)


def test_a_small_exchange_takes_a_round_trip_also_while_the_line_is_full() -> None:
    async def play(server: LinkedServer) -> list[float]:
        _, seconds = await server.connect(), []
        loop = asyncio.get_running_loop()
        client, peer = await server.connect()
        for fills in (False, True):
            if fills:
                other, _ = await server.connect()
                other.transport.write(data(2 * MIB))
                await asyncio.sleep(1)
            pairs = [await server.connect(), await server.connect()]
            await asyncio.sleep(0.1)
            for client, peer in pairs:
                begin = loop.time()
                client.transport.write(b"?")
                await peer.got(1)
                peer.transport.write(b"!")
                await client.got(1)
                seconds.append(loop.time() - begin)
        return seconds

    *idle, full, again = over(link(up=10**6, down=10**6, round_trip=0.04), play)
    assert idle == pytest.approx([0.04, 0.04], abs=0.002)
    assert 0.1 < full < 0.2  # the queue is a tenth of a second
    assert 0.1 < again < 0.2


def test_to_connect_takes_a_round_trip() -> None:
    async def play(server: LinkedServer) -> float:
        client, peer = await server.connect()
        client.transport.write(b"?")
        await peer.got(1)
        peer.transport.write(b"!")
        await client.got(1)
        return asyncio.get_running_loop().time()

    assert over(link(round_trip=3.0), play) == pytest.approx(6, abs=0.01)


@pytest.mark.parametrize("rate", [0, 20_000])
def test_a_stall_stops_both_directions_at_its_byte(rate: int) -> None:
    async def play(server: LinkedServer) -> tuple[Peer, Peer]:
        client, peer = await server.connect()
        client.transport.write(data(20_000))
        await peer.got(12_345)
        for _ in range(3):
            peer.transport.write(b"ack")
            await asyncio.sleep(1)
        assert not client.received
        await peer.got(20_000)
        await client.got(9)
        return client, peer

    client, peer = over(link(up=rate, round_trip=0.2, stalls=[Stall(Range(12_345, 12_345), 6.0)]), play)
    assert bytes(peer.received) == data(20_000)
    begin = next(time for time, count in peer.times if count == 12_345)
    after = next(time for time, count in peer.times if count > 12_345)
    assert after - begin == pytest.approx(6, abs=0.1)
    assert client.times[0][0] - begin == pytest.approx(6.1, abs=0.1)


def test_the_end_of_one_side_comes_after_its_bytes_and_the_other_may_still_answer() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(data(10_000))
        client.transport.write_eof()
        assert await peer.ended() == ["fin"]
        assert asyncio.get_running_loop().time() == pytest.approx(13, abs=0.1)
        assert bytes(peer.received) == data(10_000)
        peer.transport.write(data(500))
        peer.transport.close()
        assert await client.ended() == ["fin"]
        assert bytes(client.received) == data(500)

    over(link(up=1000, round_trip=2.0), play)


@pytest.mark.parametrize("of", ["client", "server"])
def test_a_reset_of_one_side_comes_after_its_bytes(of: str) -> None:
    async def play(server: LinkedServer) -> None:
        pair = await server.connect()
        one_side, other = pair if of == "client" else pair[::-1]
        one_side.transport.write(data(10_000))
        await asyncio.sleep(0.05)  # the line has taken them
        one_side.reset()
        assert await other.ended() == ["reset"]
        assert bytes(other.received) == data(10_000)
        assert not server.line.connections

    over(link(round_trip=2.0), play)


def test_a_server_that_refuses_early_is_heard_before_its_reset() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(data(200_000))
        await peer.got(1000)
        peer.transport.pause_reading()
        await asyncio.sleep(5)
        peer.transport.write(b"413")
        await asyncio.sleep(0)
        peer.transport.close()  # with bytes unread: the kernel resets
        assert await client.ended() == ["reset"]
        assert client.received == b"413"
        await asyncio.sleep(5)
        assert not server.line.connections

    over(link(up=20_000, round_trip=0.2), play)


def test_a_reset_that_a_send_meets_first_comes_after_the_answer_too() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(data(50_000))
        peer.transport.write(data(5000))  # takes five seconds
        await peer.got(1000)
        peer.reset()
        assert await client.ended() == ["reset"]
        assert bytes(client.received) == data(5000)

    over(link(up=20_000, down=1000), play)


def test_a_reset_after_the_end_of_a_side_is_passed_on() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        peer.transport.write_eof()
        assert await client.ended() == ["fin"]
        peer.reset()
        for _ in range(10):
            client.transport.write(b"more")
            await asyncio.sleep(0.1)
        assert client.ends == ["fin", "reset"]
        assert not server.line.connections

    over(link(round_trip=0.2), play)


def test_a_connection_that_both_sides_reset_leaves_nothing() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(data(5000))
        peer.transport.write(data(5000))
        await asyncio.sleep(1)
        client.reset()
        peer.reset()
        await asyncio.sleep(100)
        assert not server.line.connections

    over(link(up=1000, down=1000), play)


@pytest.mark.parametrize("a_link", [link(), link(up=10**6, round_trip=0.5)], ids=["plain", "slow"])
def test_a_client_that_is_faster_than_the_server_has_to_wait(a_link: Link) -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        peer.transport.pause_reading()
        end = client.transport.get_extra_info("socket").dup()
        sent = waits = 0
        block = bytes(MIB)
        while sent < GIB and waits < 50:
            try:
                sent += end.send(block)
                waits = 0
            except BlockingIOError:
                waits += 1
                await asyncio.sleep(0.1)
        kernel = 6 * MIB  # of both ends, and of the link
        assert sent < server.line.schedule.up.most_under_way + kernel
        end.close()
        peer.transport.resume_reading()
        assert len(await peer.got(sent)) == sent  # what was held goes on

    over(a_link, play)


def test_a_target_that_has_gone_resets_the_client() -> None:
    async def play(server: LinkedServer) -> None:
        server.server.close()
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(Peer, "127.0.0.1", server.line.port)
        assert await client.ended() == ["reset"]

    over(link(), play)


def test_targets_may_have_ipv6_addresses() -> None:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):

        async def play(server: LinkedServer) -> None:
            client, peer = await server.connect()
            client.transport.write(data(KIB))
            assert await peer.got(KIB) == data(KIB)

        over(link(), play, host="::1")
