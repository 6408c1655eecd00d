"""Stacks that answer uploads with something else: a redirect, a login, a refusal."""

from benchmark.planted import fronts, servers
from benchmark.planted.proofs import answered, both, distrusted, refuses_after, whole
from benchmark.planted.sending import Request
from benchmark.planted.stack import Place, planted
from benchmark.planted.stacks_limits import url

PASSWORDS = "user:$apr1$planted1$0nyOTtfKjgD8Y7VdfnU8s/\n"
"""As of htpasswd; nobody has to know the password."""


@planted(
    "method", "app.method", proves=both(answered(405, Request(100)), whole(Request(verb="PUT"))), quick=True
)
def app_put(place: Place) -> str:
    """An app that takes PUT alone"""
    return url(servers.gunicorn(place, {"PLANTED_VERBS": "PUT"}))


@planted("method", "nginx.limit_except", proves=answered(403, Request(100), "nginx"))
def nginx_get_only(place: Place) -> str:
    """nginx that takes GET alone"""
    return url(fronts.nginx(place, servers.gunicorn(place), location={"limit_except GET": "{ deny all; }"}))


@planted("content-type", "app.content-type", proves=answered(415, Request(100)))
def app_png(place: Place) -> str:
    """An app whose raw bodies must be image/png, behind HAProxy"""
    return url(fronts.haproxy(place, servers.gunicorn(place, {"PLANTED_KIND": "image/png"})))


@planted("redirect-front", "nginx.return", proves=answered(301, Request(100), "/other"))
def nginx_301(place: Place) -> str:
    """nginx that answers with 301 to another host"""
    return url(
        fronts.nginx(place, servers.gunicorn(place), location={"return": "301 http://uploads.example/other"})
    )


@planted("redirect-front", "haproxy.http-request redirect", proves=answered(302, Request(100), "https://"))
def haproxy_302(place: Place) -> str:
    """HAProxy that redirects to https, where it does not listen"""
    return url(fronts.haproxy(place, servers.gunicorn(place), "http-request redirect scheme https code 302"))


@planted(
    "redirect-app",
    "app.redirect",
    proves=both(answered(308, Request(100), "/upload/"), whole(Request(path="/upload/"))),
)
def app_slash(place: Place) -> str:
    """Flask with a route that ends with a slash, and a URL that does not"""
    return url(servers.gunicorn(place, {"PLANTED_ROUTE": "/upload/"}))


@planted("login-front", "nginx.auth_basic", proves=answered(401, Request(100), "nginx"), quick=True)
def nginx_password(place: Place) -> str:
    """nginx with auth_basic"""
    users = place.write("users", PASSWORDS)
    wants = {"auth_basic": '"Uploads"', "auth_basic_user_file": str(users)}
    return url(fronts.nginx(place, servers.gunicorn(place), location=wants))


@planted("login-front", "apache.Require", proves=answered(401, Request(100), "Apache"))
def apache_password(place: Place) -> str:
    """Apache with Require valid-user"""
    users = place.write("users", PASSWORDS)
    users.chmod(0o644)
    rule = [
        "<Location />",
        "AuthType Basic",
        'AuthName "Uploads"',
        f"AuthUserFile {users}",
        "Require valid-user",
        "</Location>",
    ]
    return url(fronts.apache(place, servers.gunicorn(place), *rule))


@planted("login-app", "app.login", proves=answered(302, Request(100), "/login"))
def app_login(place: Place) -> str:
    """An app that sends clients without a session to its login page"""
    return url(servers.gunicorn(place, {"PLANTED_LOGIN": "302"}))


@planted("rate-limit", "nginx.limit_req", proves=refuses_after(6, 503))
def nginx_6_a_minute(place: Place) -> str:
    """nginx with limit_req of 6 requests a minute and a burst of 5, which it answers with 503"""
    zone = {"limit_req_zone": "$binary_remote_addr zone=uploads:1m rate=6r/m"}
    limit = {"limit_req": "zone=uploads burst=5 nodelay"}
    return url(fronts.nginx(place, servers.gunicorn(place), http=zone, location=limit))


@planted("rate-limit", "app.rate-limit", proves=refuses_after(8, 429))
def app_8_a_minute(place: Place) -> str:
    """An app that takes 8 uploads a minute and then answers 429"""
    return url(servers.gunicorn(place, {"PLANTED_PER_MINUTE": "8"}, workers=1))


@planted("unknown-route", "app.route", proves=answered(404, Request(100)))
def app_404(place: Place) -> str:
    """An app that has no /upload, behind HAProxy"""
    return url(fronts.haproxy(place, servers.gunicorn(place, {"PLANTED_ROUTE": "/files"})))


@planted("certificate", "tls.certificate", proves=distrusted("local issuer"))
def nginx_untrusted(place: Place) -> str:
    """nginx with the certificate of an authority that no client knows"""
    pem = place.certificate("127.0.0.1", is_trusted=False)
    return url(fronts.nginx(place, servers.gunicorn(place), tls=pem), "https")


@planted("certificate", "tls.certificate", proves=distrusted("expired"))
def caddy_expired(place: Place) -> str:
    """Caddy with a certificate that has expired"""
    pem = place.certificate("127.0.0.1", is_expired=True)
    return url(fronts.caddy(place, servers.gunicorn(place), tls=pem), "https")
