"""Stacks without a fault: the doctor must find nothing above a note."""

from uploadlab.pages.planted import HEALTHY

from benchmark.planted import fronts, servers
from benchmark.planted.proofs import both, fast_by_http2, well
from benchmark.planted.stack import Place, planted
from benchmark.planted.stacks_limits import url


@planted(HEALTHY, proves=well, quick=True)
def healthy_gunicorn(place: Place) -> str:
    """gunicorn with threads"""
    return url(servers.gunicorn(place))


@planted(HEALTHY, proves=well)
def healthy_uwsgi(place: Place) -> str:
    """uWSGI's HTTP socket with chunked input"""
    return url(servers.uwsgi(place))


@planted(HEALTHY, proves=well)
def healthy_waitress(place: Place) -> str:
    """waitress without a limit"""
    return url(servers.waitress(place, "--max-request-header-size=262144"))


@planted(HEALTHY, proves=well)
def healthy_uvicorn(place: Place) -> str:
    """uvicorn with a2wsgi and whole bodies"""
    return url(servers.uvicorn(place))


@planted(HEALTHY, proves=well)
def healthy_mod_wsgi(place: Place) -> str:
    """mod_wsgi that takes chunked bodies"""
    return url(servers.mod_wsgi(place))


@planted(HEALTHY, proves=well)
def healthy_nginx_uwsgi(place: Place) -> str:
    """nginx before uWSGI, streaming"""
    port = servers.uwsgi(place, door="socket", add_header=None)
    return url(fronts.nginx(place, port, by_uwsgi=True))


@planted(HEALTHY, proves=both(well, fast_by_http2))
def healthy_nginx_tls(place: Place) -> str:
    """nginx over TLS, with HTTP/2"""
    return url(fronts.nginx(place, servers.gunicorn(place), tls=True), "https")


@planted(HEALTHY, proves=both(well, fast_by_http2))
def healthy_haproxy_tls(place: Place) -> str:
    """HAProxy over TLS, with HTTP/2"""
    return url(fronts.haproxy(place, servers.gunicorn(place), tls=True), "https")


@planted(HEALTHY, proves=both(well, fast_by_http2))
def healthy_caddy_tls(place: Place) -> str:
    """Caddy over TLS, with HTTP/2"""
    return url(fronts.caddy(place, servers.gunicorn(place), tls=True), "https")


@planted(HEALTHY, proves=both(well, fast_by_http2))
def healthy_envoy_tls(place: Place) -> str:
    """Envoy over TLS, with HTTP/2"""
    return url(fronts.envoy(place, servers.gunicorn(place), tls=True), "https")


@planted(HEALTHY, proves=well)
def healthy_apache(place: Place) -> str:
    """Apache as a reverse proxy"""
    return url(fronts.apache(place, servers.gunicorn(place)))
