"""Stacks whose fault is the line, the window, or the other clients."""

import sys

from uploadlab.model.links import Cut, CutBy, Link, Range
from uploadlab.units import MIB

from benchmark.planted import busy as busy_clients
from benchmark.planted import fronts, servers
from benchmark.planted.proofs import MB, needs, slow_by_http2, slower, waits
from benchmark.planted.sending import Request
from benchmark.planted.stack import Place, planted
from benchmark.planted.stacks_limits import url

FAR = Link(name="far", title="another continent", up=25 * MB, down=25 * MB, round_trip=0.15)
SLOW = Link(name="slow", title="a slow line", up=MB // 2, down=MB // 2, round_trip=0.05)
CUTTING = Link(
    name="cutting", title="a line that ends connections", round_trip=0.02,
    cuts=[Cut(Range(MIB, 2 * MIB), CutBy.RST)] * 100,
)  # fmt: skip


def far(place: Place, port: int) -> str:
    """Return the address of a front over TLS on another continent."""
    return url(place.link(FAR, port), "https")


@planted("http2-window", "nginx.http2_body_preread_size", proves=slow_by_http2)
def nginx_window(place: Place) -> str:
    """nginx with its default window of 64 KiB for HTTP/2, far away"""
    small = {"http2_body_preread_size": None, "client_body_buffer_size": None}
    return far(place, fronts.nginx(place, servers.gunicorn(place), server=small, tls=True))


@planted("http2-window", "haproxy.tune.h2.fe.initial-window-size", proves=slow_by_http2)
def haproxy_window(place: Place) -> str:
    """HAProxy with its default window of 64 KiB for HTTP/2, far away"""
    small = {"tune.h2.initial-window-size": None}
    return far(place, fronts.haproxy(place, servers.gunicorn(place), top=small, tls=True))


@planted("http2-window", "apache.H2WindowSize", proves=slow_by_http2)
def apache_window(place: Place) -> str:
    """Apache with its default window of 64 KiB for HTTP/2, far away"""
    return far(place, fronts.apache(place, servers.gunicorn(place), tls=True, H2WindowSize=None))


@planted("http2-window", "envoy.initial_stream_window_size", proves=slow_by_http2)
def envoy_window(place: Place) -> str:
    """Envoy with the window of 64 KiB that its manual advises for HTTP/2, far away"""
    small = {
        "http2_protocol_options": {
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        }
    }
    return far(place, fronts.envoy(place, servers.gunicorn(place), manager=small, tls=True))


@planted("link-slow", "link.rate", proves=slower(3, Request(2 * MB)))
def slow_line(place: Place) -> str:
    """A line of 4 Mbit/s to a server without a fault"""
    return url(place.link(SLOW, fronts.nginx(place, servers.gunicorn(place))))


@planted("link-cut", "link.loss", proves=needs(
    Request(5 * MB), lambda answer: answer.ending == "reset" or not answer.status,
    "the line should end the upload",
))  # fmt: skip
def cutting_line(place: Place) -> str:
    """A line that resets connections after one to two MiB"""
    return url(place.link(CUTTING, servers.gunicorn(place)))


def busy(place: Place, port: int) -> str:
    """Return the address of a server that others keep busy: each of their uploads takes it a second."""
    command = [sys.executable, "-m", "benchmark.planted.busy", url(port), "2", "1"]
    place.start(command, 0, ready=busy_clients.READY)
    return url(port)


@planted("busy-workers", "gunicorn.workers", proves=waits(1.2))
def gunicorn_busy(place: Place) -> str:
    """gunicorn with one sync worker, and two clients on whose uploads the app works for a second"""
    return busy(place, servers.gunicorn(place, worker_class="sync", workers=1, threads=1))


@planted("busy-workers", "uwsgi.processes", proves=waits(1.2))
def uwsgi_busy(place: Place) -> str:
    """uWSGI with one process and no threads, and two clients on whose uploads the app works for a second"""
    return busy(place, servers.uwsgi(place, processes="1", threads=None))
