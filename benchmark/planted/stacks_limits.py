"""Stacks with a limit: of size, of headers, of silence, of duration, of the time for an answer."""

from benchmark.planted import fronts, servers
from benchmark.planted.proofs import (
    MB,
    answered,
    both,
    ends_duration,
    ends_silence,
    limited,
    limits_head,
    slower,
    whole,
)
from benchmark.planted.sending import Request
from benchmark.planted.stack import Place, planted

SLOW = {"PLANTED_SLOW_SECONDS": "4", "PLANTED_SLOW_FROM_BYTES": "2000000"}
"""An app that works for four seconds on each upload from 2 MB on."""
TIMES_OUT = both(whole(Request(MB)), answered(504, Request(3 * MB)))
REFUSED_HEADS = (400, 431, 494)


def url(port: int, scheme: str = "http") -> str:
    """Return the address of the uploads."""
    return f"{scheme}://127.0.0.1:{port}/upload"


@planted("size-front", "nginx.client_max_body_size", proves=limited(1 << 20), quick=True)
def nginx_1m(place: Place) -> str:
    """nginx with its default of 1 MB for bodies"""
    return url(fronts.nginx(place, servers.gunicorn(place), server={"client_max_body_size": None}))


@planted("size-front", "apache.LimitRequestBody", proves=limited(5 * MB))
def apache_body_5mb(place: Place) -> str:
    """Apache with mod_wsgi and LimitRequestBody of 5 MB"""
    return url(servers.mod_wsgi(place, LimitRequestBody="5000000"))


@planted("size-front", "haproxy.http-request deny", proves=limited(8 * MB))
def haproxy_deny_8mb(place: Place) -> str:
    """HAProxy that denies a Content-Length over 8 MB"""
    rule = "http-request deny deny_status 413 if { req.hdr_val(content-length) gt 8000000 }"
    return url(fronts.haproxy(place, servers.gunicorn(place), rule))


@planted("size-front", "caddy.request_body max_size", proves=limited(10 * MB))
def caddy_body_10mb(place: Place) -> str:
    """Caddy with request_body max_size of 10 MB"""
    return url(fronts.caddy(place, servers.gunicorn(place), "request_body {", "  max_size 10MB", "}"))


@planted("size-front", "envoy.buffer max_request_bytes", proves=limited(6 * MB))
def envoy_buffer_6mb(place: Place) -> str:
    """Envoy with a buffer filter of 6 MB"""
    kind = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer"
    limit = {
        "name": "envoy.filters.http.buffer",
        "typed_config": {"@type": kind, "max_request_bytes": 6000000},
    }
    return url(fronts.envoy(place, servers.gunicorn(place), filters=[limit]))


@planted("size-server", "waitress.max_request_body_size", proves=limited(5 * MB))
def waitress_5mb(place: Place) -> str:
    """waitress with max_request_body_size of 5 MB"""
    return url(servers.waitress(place, "--max-request-body-size=5000000"))


@planted("size-server", "hypercorn.wsgi_max_body_size", proves=limited(16 << 20, 400))
def hypercorn_16mib(place: Place) -> str:
    """Hypercorn with its default of 16 MiB for WSGI apps; chunked bodies are not lost"""
    port = servers.hypercorn(
        place, "benchmark.planted.app:application", faults={"PLANTED_INPUT": "terminated"}
    )
    return url(port)


@planted("size-server", "tornado.max_body_size", "tornado.max_buffer_size", proves=limited(10 * MB, 0))
def tornado_10mb(place: Place) -> str:
    """Tornado with max_buffer_size of 10 MB, which is then also its max_body_size"""
    faults = {"PLANTED_INPUT": "terminated"}
    return url(servers.served(place, "tornado", "max_buffer_size=10000000", faults=faults))


@planted("size-server", "uwsgi.limit-post", proves=limited(3 * MB, 0))
def uwsgi_limit_post(place: Place) -> str:
    """uWSGI with limit-post of 3 MB, which closes without an answer"""
    return url(servers.uwsgi(place, limit_post="3000000"))


@planted("size-app", "app.MAX_CONTENT_LENGTH", proves=limited(4 * MB))
def app_4mb(place: Place) -> str:
    """Flask with MAX_CONTENT_LENGTH of 4 MB"""
    return url(servers.gunicorn(place, {"PLANTED_MOST_BYTES": "4000000"}))


@planted("duration-front", "caddy.read_timeout", proves=ends_duration(3))
def caddy_read_3s(place: Place) -> str:
    """Caddy with three seconds for a body"""
    return url(fronts.caddy(place, servers.gunicorn(place), servers=["timeouts {", "  read_body 3s", "}"]))


@planted("duration-front", "haproxy.timeout http-request", proves=ends_duration(3))
def haproxy_request_3s(place: Place) -> str:
    """HAProxy that waits for a body, for three seconds at most"""
    top = {"tune.bufsize": "4194304"}
    late = {"timeout http-request": "3s", "option http-buffer-request": ""}
    return url(fronts.haproxy(place, servers.gunicorn(place), top=top, defaults=late))


@planted("duration-front", "envoy.request_timeout", proves=ends_duration(3))
def envoy_request_3s(place: Place) -> str:
    """Envoy with a request_timeout of three seconds"""
    return url(fronts.envoy(place, servers.gunicorn(place), manager={"request_timeout": "3s"}))


@planted("duration-front", "apache.RequestReadTimeout", proves=ends_duration(3))
def apache_body_3s(place: Place) -> str:
    """Apache with RequestReadTimeout body=3"""
    return url(fronts.apache(place, servers.gunicorn(place), RequestReadTimeout="header=60 body=3"))


@planted("duration-server", "gunicorn.timeout", proves=ends_duration(3), quick=True)
def gunicorn_sync_3s(place: Place) -> str:
    """gunicorn's sync worker, killed after three seconds"""
    return url(servers.gunicorn(place, worker_class="sync", threads=1, workers=4, timeout=3))


@planted("duration-server", "uwsgi.harakiri", proves=ends_duration(3))
def uwsgi_harakiri_3s(place: Place) -> str:
    """uWSGI with a harakiri of three seconds, behind nginx, which streams"""
    port = servers.uwsgi(
        place,
        door="socket",
        harakiri="3",
        add_header=None,
        chunked_input_limit=None,
        threads="1",
        processes="4",
    )
    return url(fronts.nginx(place, port, by_uwsgi=True))


@planted("silence-front", "nginx.client_body_timeout", proves=ends_silence(2))
def nginx_silence_2s(place: Place) -> str:
    """nginx with a client_body_timeout of two seconds"""
    return url(fronts.nginx(place, servers.gunicorn(place), server={"client_body_timeout": "2s"}))


@planted("silence-front", "haproxy.timeout server", proves=ends_silence(2))
def haproxy_silence_2s(place: Place) -> str:
    """HAProxy with a timeout server of two seconds, which HAProxy 2.6 applies in mid-body"""
    return url(fronts.haproxy(place, servers.gunicorn(place), defaults={"timeout server": "2s"}))


@planted("silence-front", "apache.Timeout", proves=ends_silence(2))
def apache_silence_2s(place: Place) -> str:
    """Apache with a Timeout of two seconds"""
    return url(fronts.apache(place, servers.gunicorn(place), Timeout="2"))


@planted("silence-server", "uwsgi.socket-timeout", proves=ends_silence(2), quick=True)
def uwsgi_silence_2s(place: Place) -> str:
    """uWSGI with a socket-timeout of two seconds"""
    return url(servers.uwsgi(place, socket_timeout="2", chunked_input_timeout="2"))


@planted("silence-server", "waitress.channel_timeout", proves=ends_silence(2))
def waitress_silence_2s(place: Place) -> str:
    """waitress with a channel_timeout of two seconds, looked at each second"""
    return url(servers.waitress(place, "--channel-timeout=2", "--cleanup-interval=1"))


@planted("answer-front", "nginx.proxy_read_timeout", proves=TIMES_OUT)
def nginx_answer_2s(place: Place) -> str:
    """nginx with a proxy_read_timeout of two seconds, before an app that works on an upload for four"""
    port = servers.gunicorn(place, SLOW)
    return url(fronts.nginx(place, port, location={"proxy_read_timeout": "2s"}))


@planted("answer-front", "nginx.uwsgi_read_timeout", proves=TIMES_OUT)
def nginx_uwsgi_answer_2s(place: Place) -> str:
    """nginx with a uwsgi_read_timeout of two seconds, before an app that works on an upload for four"""
    port = servers.uwsgi(place, SLOW, door="socket", add_header=None)
    return url(fronts.nginx(place, port, by_uwsgi=True, location={"uwsgi_read_timeout": "2s"}))


@planted("answer-front", "haproxy.timeout server", proves=TIMES_OUT)
def haproxy_answer_2s(place: Place) -> str:
    """HAProxy with a timeout server of two seconds, before an app that works on an upload for four"""
    return url(fronts.haproxy(place, servers.gunicorn(place, SLOW), defaults={"timeout server": "2s"}))


@planted(
    "answer-front", "apache.ProxyTimeout", proves=both(whole(Request(MB)), answered(502, Request(3 * MB)))
)
def apache_answer_2s(place: Place) -> str:
    """Apache with a ProxyTimeout of two seconds, before an app that works on an upload for four"""
    return url(fronts.apache(place, servers.gunicorn(place, SLOW), ProxyTimeout="2"))


@planted("answer-app", "app.slow-answer", proves=slower(4, Request(100)))
def app_slow_5s(place: Place) -> str:
    """An app that works on each upload for five seconds, behind a patient nginx"""
    return url(fronts.nginx(place, servers.gunicorn(place, {"PLANTED_SLOW_SECONDS": "5"})))


@planted("headers-front", "nginx.large_client_header_buffers", proves=limits_head(4000, *REFUSED_HEADS))
def nginx_head_4k(place: Place) -> str:
    """nginx with buffers of 4 KiB for long headers"""
    head = {"large_client_header_buffers": "4 4k"}
    return url(fronts.nginx(place, servers.gunicorn(place), server=head))


@planted("headers-front", "apache.LimitRequestFieldSize", proves=limits_head(3000, *REFUSED_HEADS))
def apache_head_3k(place: Place) -> str:
    """Apache with a LimitRequestFieldSize of 3000 bytes"""
    return url(fronts.apache(place, servers.gunicorn(place), LimitRequestFieldSize="3000"))


@planted("headers-front", "haproxy.tune.bufsize", proves=limits_head(8192, *REFUSED_HEADS))
def haproxy_head_8k(place: Place) -> str:
    """HAProxy with a tune.bufsize of 8 KiB"""
    return url(fronts.haproxy(place, servers.gunicorn(place), top={"tune.bufsize": "8192"}))


@planted("headers-server", "gunicorn.limit_request_field_size", proves=limits_head(4000, *REFUSED_HEADS))
def gunicorn_head_4k(place: Place) -> str:
    """gunicorn with a limit_request_field_size of 4000 bytes"""
    return url(servers.gunicorn(place, limit_request_field_size=4000))


@planted("headers-server", "uwsgi.buffer-size", proves=limits_head(4096, 0, *REFUSED_HEADS))
def uwsgi_head_4k(place: Place) -> str:
    """uWSGI with its default buffer-size of 4 KiB"""
    return url(servers.uwsgi(place, buffer_size=None))
