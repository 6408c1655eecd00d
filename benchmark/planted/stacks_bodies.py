"""Stacks that lose, refuse, buffer or keep only a part of bodies."""

from benchmark.planted import fronts, servers
from benchmark.planted.proofs import (
    MB,
    answered,
    both,
    is_buffered,
    keeps_cut,
    loses_chunks,
    needs,
    refuses_chunks,
    resets,
    whole,
)
from benchmark.planted.sending import Request
from benchmark.planted.stack import Place, planted
from benchmark.planted.stacks_limits import url

UNREAD = {"PLANTED_NO_LINGER": "1"}
"""An app that refuses without reading the body, as most apps do."""


@planted("chunked-lost", "uwsgi.chunked-input", proves=loses_chunks, quick=True)
def uwsgi_chunked(place: Place) -> str:
    """uWSGI's HTTP socket with an app that reads wsgi.input as it is"""
    return url(servers.uwsgi(place, {"PLANTED_INPUT": ""}))


@planted("chunked-lost", "nginx.uwsgi_param HTTP_TRANSFER_ENCODING", proves=loses_chunks)
def nginx_uwsgi_chunked(place: Place) -> str:
    """nginx before uWSGI with stock uwsgi_params"""
    port = servers.uwsgi(place, door="socket", add_header=None)
    return url(
        fronts.nginx(place, port, by_uwsgi=True, location={"uwsgi_param HTTP_TRANSFER_ENCODING": None})
    )


@planted("chunked-lost", "uvicorn.a2wsgi input_terminated", proves=loses_chunks)
def uvicorn_chunked(place: Place) -> str:
    """uvicorn with a2wsgi alone"""
    return url(servers.uvicorn(place, app="benchmark.planted.asgi:stock"))


@planted("chunked-lost", "hypercorn.input_terminated", proves=loses_chunks)
def hypercorn_chunked(place: Place) -> str:
    """Hypercorn's own WSGI adapter, without a limit for bodies"""
    return url(servers.hypercorn(place, "benchmark.planted.app:application", wsgi_max_body_size=10**12))


@planted("chunked-lost", "tornado.input_terminated", proves=loses_chunks)
def tornado_chunked(place: Place) -> str:
    """Tornado's WSGIContainer, with room for large bodies"""
    return url(servers.served(place, "tornado", "max_buffer_size=10000000000"))


@planted("chunked-refused", "apache.WSGIChunkedRequest", proves=refuses_chunks(411))
def mod_wsgi_411(place: Place) -> str:
    """mod_wsgi with its default, which refuses chunked bodies"""
    return url(servers.mod_wsgi(place, WSGIChunkedRequest=None))


@planted("chunked-refused", "app.length-required", proves=refuses_chunks(411))
def app_411(place: Place) -> str:
    """An app that wants a Content-Length, behind Caddy"""
    return url(fronts.caddy(place, servers.gunicorn(place, {"PLANTED_NEEDS_LENGTH": "1"})))


@planted("buffering", "nginx.proxy_request_buffering", proves=both(whole(Request(20 * MB)), is_buffered))
def nginx_buffers(place: Place) -> str:
    """nginx with its default, which takes the whole body first"""
    location = {"proxy_request_buffering": None}
    return url(fronts.nginx(place, servers.gunicorn(place), location=location))


@planted("buffering", "haproxy.http-buffer-request", proves=both(whole(Request(20 * MB)), is_buffered))
def haproxy_buffers(place: Place) -> str:
    """HAProxy with http-buffer-request and a buffer of 4 MiB"""
    top, waits = {"tune.bufsize": "4194304"}, {"option http-buffer-request": ""}
    return url(fronts.haproxy(place, servers.gunicorn(place), top=top, defaults=waits))


@planted("buffering", "caddy.request_buffers", proves=both(whole(Request(20 * MB)), is_buffered))
def caddy_buffers(place: Place) -> str:
    """Caddy with request_buffers of 1 GB"""
    return url(fronts.caddy(place, servers.gunicorn(place), transport="request_buffers 1GB"))


@planted(
    "spool-full",
    "nginx.client_body_temp_path",
    proves=both(whole(Request(MB)), answered(500, Request(5 * MB))),
)
def nginx_spool_2mb(place: Place) -> str:
    """nginx that buffers bodies on a disk with 2 MB left"""
    port = servers.gunicorn(place, {"TMPDIR": str(place.uploads)})
    location = {"proxy_request_buffering": None}
    return url(fronts.nginx(place, port, location=location, small_disk=2 * MB))


@planted(
    "early-reset", "gunicorn.early-close", "app.early-answer", proves=both(whole(Request(20 * MB)), resets)
)
def gunicorn_resets(place: Place) -> str:
    """gunicorn, whose app refuses without reading: neither of the two reads on, one fault with two names"""
    return url(servers.gunicorn(place, UNREAD, worker_class="sync", threads=1, workers=4))


@planted("early-reset", "uwsgi.early-close", "app.early-answer", proves=both(whole(Request(20 * MB)), resets))
def uwsgi_resets(place: Place) -> str:
    """uWSGI, whose app refuses without reading: neither of the two reads on, one fault with two names"""
    return url(servers.uwsgi(place, UNREAD))


@planted(
    "form-field",
    "app.field",
    proves=both(answered(400, Request(100)), whole(Request(MB, field="upload"))),
    as_form=True,
)
def app_field(place: Place) -> str:
    """An app that wants the file in the field `upload`"""
    return url(servers.gunicorn(place, {"PLANTED_FIELD": "upload"}))


@planted(
    "form-limit", "app.MAX_FORM_MEMORY_SIZE", as_form=True,
    proves=both(whole(Request(10_000)), answered(413, Request(100_000)), needs(
        Request(100_000, announced_bytes=10**9, stop_bytes=0, patience_seconds=2),
        lambda answer: answer.status != 413,
        "an announced form should not be refused",
    )),
)  # fmt: skip
def app_form_memory(place: Place) -> str:
    """Flask with a MAX_FORM_MEMORY_SIZE of 20000, less than the blocks in which it parses a form"""
    return url(servers.gunicorn(place, {"PLANTED_FORM_BYTES": "20000"}))


@planted("disk-full", "app.disk", proves=both(whole(Request(MB)), answered(507, Request(5 * MB))))
def app_disk_full(place: Place) -> str:
    """An app whose disk has 3 MB left"""
    return url(servers.gunicorn(place, small_disk=3 * MB))


@planted(
    "part-kept", "app.reads-a-part", quick=True,
    proves=needs(
        Request(3 * MB), lambda answer: answer.status == 201 and answer.said["size"] == 1 << 20,
        "1 MiB should be kept",
    ),
)  # fmt: skip
def app_keeps_1mib(place: Place) -> str:
    """An app that reads a MiB of each body, and answers with a success"""
    return url(servers.gunicorn(place, {"PLANTED_KEEPS_BYTES": str(1 << 20)}))


@planted("cut-kept", "granian.cut-bodies", proves=keeps_cut)
def granian_cut(place: Place) -> str:
    """granian, which presents a chunked body that was cut as whole"""
    return url(servers.granian(place))
