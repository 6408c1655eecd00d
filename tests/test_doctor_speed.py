"""What the doctor asks and says about speed: windows of HTTP/2, lines, blocks, uploads side by side."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from uploadlab.doctoring import http2
from uploadlab.doctoring.diagnose import diagnose_endpoint
from uploadlab.doctoring.endpoint import Endpoint
from uploadlab.doctoring.examination import Examiner
from uploadlab.doctoring.questions.http2 import ask_http2
from uploadlab.doctoring.questions.speed import (
    AT_ONCE,
    LARGE_BLOCKS,
    LARGEST,
    OVER_HTTP2,
    SIDE_BY_SIDE,
    SMALL_BLOCKS,
    SMALLEST,
    ask_speed,
    size_to_time,
)
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Arrived, Ending, Examination, Exchange, Framing, Stored, Wire
from uploadlab.model.targets import TargetSpec

from .helpers import need

MB = 1_000_000
SIZE = 4 * MB
FAR, NEAR = 0.15, 0.001
"""Seconds of a round trip."""
NO_LIMIT, AS_IT_IS = (1 << 31) - 1, (1 << 16) - 1
"""What servers let all bodies together have at first."""


def uploaded(label: str, rate: float, size: int = SIZE, **more: Any) -> Exchange:
    """An upload of the question on speed, at that many bytes a second."""
    known = {"question": "speed", "status": 201, "is_success": True, "body_bytes": size, "sent_bytes": size}
    return Exchange(label=label, **{**known, "seconds": size / rate, "began": 100.0, **more})


def seen_over(trip: float, *exchanges: Exchange, server: str = "", **wire: Any) -> Examination:
    """An examination over a line; ``server`` is in the head of its first answer."""
    headers = [("server", server)] if server else []
    first = uploaded("", 10_000 / trip, 10_000, question="first", headers=headers)
    known = {"versions": ["HTTP/1.1", "HTTP/2"], "round_trip_seconds": NEAR, **wire}
    return Examination(
        url="https://192.0.2.1/up", started_at="", version="", wire=Wire(**known),
        exchanges=[first, *exchanges],
    )  # fmt: skip


def windowed(trip: float = FAR, window: int = 65536, shut: float = 0.95, **more: Any) -> list[Exchange]:
    """The same bytes over HTTP/1.1 and, held up by its window, over HTTP/2."""
    rate = window / trip
    known: dict[str, Any] = {
        "window_bytes": window,
        "window_shut_seconds": shut * SIZE / rate,
        "protocol": "HTTP/2",
    }
    slow = uploaded(OVER_HTTP2, rate, **known, **more)
    return [uploaded(LARGE_BLOCKS, 12 * MB), slow]


def findings(seen: Examination) -> list[Finding]:
    return diagnose_endpoint(seen).findings


@pytest.mark.parametrize(
    ("server", "together", "cause", "confidence"),
    [
        ("nginx/1.22.1", NO_LIMIT, "nginx.http2_body_preread_size", Confidence.PROVEN),
        ("Apache/2.4.71", NO_LIMIT, "apache.H2WindowSize", Confidence.PROVEN),
        ("envoy", MB, "envoy.initial_stream_window_size", Confidence.PROVEN),
        ("", AS_IT_IS, "haproxy.tune.h2.fe.initial-window-size", Confidence.LIKELY),
        ("", NO_LIMIT, "nginx.http2_body_preread_size", Confidence.LIKELY),
        ("", MB, "envoy.initial_stream_window_size", Confidence.LIKELY),
        ("nginx/1.22.1", AS_IT_IS, "haproxy.tune.h2.fe.initial-window-size", Confidence.LIKELY),
    ],
)
def test_a_small_window_far_away_is_found(
    server: str, together: int, cause: str, confidence: Confidence
) -> None:
    seen = seen_over(FAR, *windowed(), server=server, window_bytes=65536, connection_window_bytes=together)
    (found,) = findings(seen)
    assert (found.cause, found.weight, found.confidence) == (cause, Weight.PROBLEM, confidence)
    assert "64 KiB" in found.evidence[0] and "150 ms" in found.evidence[0]


def test_nothing_is_slow_on_one_host_or_without_waits_or_with_a_large_window() -> None:
    near = seen_over(NEAR, *windowed(trip=FAR), server="nginx")
    no_waits = seen_over(FAR, *windowed(shut=0.1), server="nginx")
    large = seen_over(FAR, *windowed(window=4 << 20), server="nginx")
    failed = seen_over(FAR, *windowed(is_success=False), server="nginx")
    for seen in (near, no_waits, large, failed):
        assert findings(seen) == []


def side_by_side(rate: float, size: int = SIZE // 2) -> list[Exchange]:
    """Uploads that share a line of that rate."""
    return [uploaded(SIDE_BY_SIDE, rate / AT_ONCE, size) for _ in range(AT_ONCE)]


def of_a_line(rate: float, **others: float) -> list[Exchange]:
    """The same rate in every way."""
    known = {"alone": rate, "blocks": rate, "sent": rate, "together": rate, **others}
    return [
        uploaded(LARGE_BLOCKS, known["alone"]), uploaded(SMALL_BLOCKS, known["blocks"]),
        uploaded("", known["sent"], 2 * MB, question="sent"), *side_by_side(known["together"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "weight"), [(0.5 * MB, Weight.PROBLEM), (3 * MB, Weight.NOTE), (30 * MB, None)]
)
def test_a_slow_line_is_slow_in_every_way(rate: float, weight: Weight | None) -> None:
    found = findings(seen_over(0.05, *of_a_line(rate)))
    assert [(item.cause, item.weight) for item in found] == ([("link.rate", weight)] if weight else [])


@pytest.mark.parametrize("others", [{"together": 2 * MB}, {"blocks": 3 * MB}])
def test_a_rate_that_differs_is_no_slow_line(others: dict[str, float]) -> None:
    assert findings(seen_over(0.05, *of_a_line(0.5 * MB, **others))) == []


def test_a_slow_server_on_one_host_is_no_slow_line() -> None:
    assert findings(seen_over(NEAR, *of_a_line(0.5 * MB))) == []


def test_the_speeds_are_facts() -> None:
    seen = seen_over(NEAR, *of_a_line(50 * MB), uploaded(OVER_HTTP2, 40 * MB), window_bytes=1 << 20)
    (said,) = [fact for fact in diagnose_endpoint(seen).facts if fact.startswith("Speed")]
    for words in ("50 MB/s over HTTP/1.1", "40 MB/s over HTTP/2", "in blocks of 16 KiB", "4 at once, in all"):
        assert words in said
    assert any("1 MiB of a body for each round trip" in fact for fact in diagnose_endpoint(seen).facts)


def over_http2(framing: Framing, **more: Any) -> Exchange:
    known = {"question": "http2", "protocol": "HTTP/2", "framing": framing, "path": "/up", **more}
    return uploaded("", MB, 200_001, **known)


def test_a_body_without_a_length_that_is_lost_over_http2_alone_is_found() -> None:
    arrived = Arrived(size_bytes=200_001, digest="", began=0.0, interface="wsgi", server="hypercorn")
    lost = over_http2(Framing.FRAMES, arrived=arrived, stored=Stored.WHOLE)
    (found,) = findings(seen_over(NEAR, over_http2(Framing.LENGTH), lost))
    assert (found.cause, found.weight) == ("hypercorn.input_terminated", Weight.LOSS)
    whole = over_http2(Framing.FRAMES, stored=Stored.WHOLE)
    assert findings(seen_over(NEAR, over_http2(Framing.LENGTH), whole)) == []


def test_uploads_that_fail_over_http2_alone_are_named() -> None:
    works = uploaded("", MB, 200_001, question="chunked")
    fails = {"is_success": False, "status": None, "error": "the server reset the stream: REFUSED_STREAM"}
    broken = over_http2(Framing.LENGTH, ending=Ending.RESET, **fails)
    seen = seen_over(NEAR, works, broken, server="nginx/1.22.1")
    assert any("REFUSED_STREAM" in fact for fact in diagnose_endpoint(seen).facts)
    seen = seen_over(NEAR, works, over_http2(Framing.LENGTH), server="nginx/1.22.1")
    assert not any("fails over HTTP/2" in fact for fact in diagnose_endpoint(seen).facts)


def test_a_size_is_timed_that_is_taken_and_soon_over() -> None:
    fast = uploaded("", 100 * MB, 30 * MB, question="sent")
    slow = uploaded("", 0.1 * MB, 5 * MB, question="sent")
    limited = uploaded("", 100 * MB, MB, question="sent")
    refused = uploaded("", 100 * MB, 30 * MB, question="sent", is_success=False)
    assert size_to_time([limited, fast]) == LARGEST
    assert SMALLEST <= size_to_time([slow]) < MB
    assert size_to_time([limited, refused]) == MB
    assert size_to_time([refused]) == size_to_time([]) == 0


class Meeting(ThreadingHTTPServer):
    """A server that answers ``together`` uploads only once as many are there."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Meets)
        self.gate = threading.Barrier(AT_ONCE)
        self.share = 0
        """The size of the bodies that wait for one another; 0: none does."""
        self.met = 0


class Meets(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Meeting

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.rfile.read(size)
        if size == self.server.share:
            self.server.gate.wait(30)
            self.server.met += 1
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    server = Meeting()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def examiner_of(url: str, *exchanges: Exchange, budget: int = 100 * MB, **wire: Any) -> Examiner:
    """An examiner that has a budget, and these uploads behind it."""
    seen = Examination(
        url=url, started_at="", version="", budget_bytes=budget, budget_seconds=300.0, wire=Wire(**wire),
        exchanges=list(exchanges),
    )  # fmt: skip
    return Examiner(Endpoint(url, TargetSpec()), None, seen, lambda question, label: None)


def taken(size: int) -> Exchange:
    """An upload that the endpoint has taken; what was sent of it is no part of the budget."""
    return uploaded("", 1000 * MB, size, question="first", sent_bytes=0)


def test_the_same_bytes_are_sent_in_several_ways_and_four_at_once(meeting: Meeting) -> None:
    meeting.share = SMALLEST
    examiner = examiner_of(f"http://127.0.0.1:{meeting.server_port}/up", taken(2 * SMALLEST))
    examiner.begin("speed")
    ask_speed(examiner)
    asked = examiner.seen.of("speed")
    assert [item.label for item in asked] == [LARGE_BLOCKS, SMALL_BLOCKS, *[SIDE_BY_SIDE] * AT_ONCE]
    assert all(item.is_success for item in asked)
    assert {item.body_bytes for item in asked[:2]} == {2 * SMALLEST}
    assert meeting.met == AT_ONCE


def test_nothing_beyond_the_budget_is_sent(meeting: Meeting) -> None:
    url = f"http://127.0.0.1:{meeting.server_port}/up"
    for examiner in (examiner_of(url, taken(LARGEST), budget=100_000), examiner_of(url, taken(10_000))):
        examiner.begin("speed")
        ask_speed(examiner)
        assert examiner.seen.of("speed") == []
        assert "speed" in examiner.seen.skipped


def test_what_an_endpoint_takes_over_http2_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    need("trustme", "h2")
    from h2.settings import SettingCodes

    from .http2_server import MORE_BYTES, Http2Peer, speak_http2

    window = {SettingCodes.INITIAL_WINDOW_SIZE: MB}

    def take(peer: Http2Peer) -> None:
        peer.begin(window)
        peer.until(lambda: peer.is_ended)
        peer.answer(201)

    with speak_http2(take) as (url, peers):
        versions = ["HTTP/1.1", "HTTP/2"]
        examiner = examiner_of(url.geturl(), taken(10_000), versions=versions)
        examiner.begin("http2")
        ask_http2(examiner)
        lengths, frames = examiner.seen.of("http2")
        assert (lengths.status, lengths.framing) == (201, Framing.LENGTH)
        assert (frames.status, frames.framing) == (201, Framing.FRAMES)
        wire = examiner.seen.wire
        assert (wire.window_bytes, wire.connection_window_bytes) == (MB, 65_535 + MORE_BYTES)
        monkeypatch.setattr("uploadlab.doctoring.questions.http2.is_installed", lambda: False)
        connections = len(peers.all)
        ask_http2(examiner)
        assert examiner.seen.skipped == {"http2": http2.NOT_INSTALLED}
        assert len(peers.all) == connections
    silent = examiner_of(url.geturl(), versions=versions)
    silent.begin("http2")
    monkeypatch.undo()
    ask_http2(silent)
    assert "does not start it" in silent.seen.skipped["http2"]
