"""Where and how a link cuts connections, on a clock that jumps."""

import asyncio
import socket

import pytest
from uploadlab.model.links import Cut, CutBy, Link, Range

from .cutting import RESET
from .linked import SERVER_BYTES, LinkedServer, Peer, link, over
from .test_link import data

PLACES = [1, 54_321, 100_000]


def cut_link(*cuts: tuple[int, CutBy], **more: float) -> Link:
    return link(cuts=[Cut(Range(place, place), by) for place, by in cuts], **more)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("rate", [0, 20_000])
@pytest.mark.parametrize("by", [CutBy.FIN, CutBy.RST])
def test_both_ends_see_a_cut_after_exactly_the_bytes_before(place: int, rate: int, by: CutBy) -> None:
    async def play(server: LinkedServer) -> tuple[Peer, Peer]:
        client, peer = await server.connect()
        peer.transport.write(b"hello")
        await client.got(5)
        client.transport.write(data(100_000))
        await peer.ended()
        await client.ended()
        await asyncio.sleep(60)
        assert not server.line.connections
        return client, peer

    client, peer = over(cut_link((place, by), up=rate, round_trip=0.1), play)
    assert bytes(peer.received) == data(100_000)[:place]
    end = "fin" if by is CutBy.FIN else "reset"
    assert (client.ends[0], peer.ends[0]) == (end, end)
    assert client.received == b"hello"


@pytest.mark.parametrize("place", PLACES)
def test_in_silence_nothing_passes_until_the_client_closes(place: int) -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(data(100_000)[: place - 1])
        await peer.got(place - 1)
        client.transport.write(data(100_000)[place - 1 :])
        await asyncio.sleep(0.03)
        peer.transport.write(b"answer")  # under way when the byte of the cut arrives
        await peer.got(place)
        peer.transport.write(b"answer")
        await asyncio.sleep(1000)
        assert not (client.ends or client.received or peer.ends)
        assert bytes(peer.received) == data(100_000)[:place]
        client.transport.close()
        assert await peer.ended() == ["reset"]

    over(cut_link((place, CutBy.SILENCE), round_trip=0.1), play)


def test_a_client_that_talks_into_the_silence_has_to_wait_and_the_end_of_the_line_ends_it() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(bytes(64 << 20))
        await asyncio.sleep(1000)
        assert (client.ends, peer.ends, len(peer.received)) == ([], [], 1000)
        assert client.transport.get_write_buffer_size() > 32 << 20
        server.close_line()
        assert (await client.ended(), await peer.ended()) == (["reset"], ["reset"])

    over(cut_link((1000, CutBy.SILENCE)), play)


def test_a_client_that_gives_up_in_a_long_silence_ends_the_connection_at_the_target() -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        client.transport.write(bytes(64 << 20))  # more than the line drops: it reads no more
        await asyncio.sleep(100)
        assert peer.ends == []
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.transport.abort()
        assert await peer.ended() == ["reset"]

    over(cut_link((1000, CutBy.SILENCE)), play)


def test_bytes_are_counted_over_all_connections_and_the_others_live_on() -> None:
    async def play(server: LinkedServer) -> None:
        pairs = [await server.connect() for _ in range(3)]
        (first, first_peer), (second, second_peer), (third, third_peer) = pairs
        first.transport.write(data(600))
        await first_peer.got(600)
        second.transport.write(data(600))  # 400 of them reach the first place
        assert await second_peer.ended() == ["reset"]
        assert len(second_peer.received) == 400
        third.transport.write(data(499))
        await third_peer.got(499)
        first.transport.write(data(600))
        assert await first_peer.ended() == ["fin"]
        assert len(first_peer.received) == 601
        third.transport.write(data(100_000))  # after the last cut
        assert len(await third_peer.got(100_499)) == 100_499
        assert third_peer.ends == []

    over(cut_link((1000, CutBy.RST), (500, CutBy.FIN)), play)


def test_lines_of_the_same_seed_are_cut_at_the_same_bytes() -> None:
    async def play(server: LinkedServer) -> list[int]:
        counts = []
        for _ in range(3):
            client, peer = await server.connect()
            client.transport.write(data(100_000))
            await peer.ended()
            counts.append(len(peer.received))
        return counts

    cuts = [Cut(Range(2000, 60_000), by) for by in (CutBy.FIN, CutBy.RST, CutBy.FIN)]
    first = over(link(cuts=cuts), play, seed="a")
    assert over(link(cuts=cuts, up=10**6, round_trip=0.3), play, seed="a") == first
    assert over(link(cuts=cuts), play, seed="b") != first


@pytest.mark.parametrize("place", [4 * SERVER_BYTES, 12 << 20])  # the kernel's, and more than that
@pytest.mark.parametrize("by", [CutBy.FIN, CutBy.RST])
def test_a_server_that_reads_slowly_gets_all_bytes_before_a_cut(place: int, by: CutBy) -> None:
    async def play(server: LinkedServer) -> None:
        client, peer = await server.connect()
        peer.transport.write(b"hello")
        peer.transport.pause_reading()
        client.transport.write(bytes(place + 1000))
        await asyncio.sleep(2)
        peer.transport.resume_reading()
        await peer.ended()
        assert len(peer.received) == place

    over(cut_link((place, by)), play)
