"""The fronts before a server, each without a fault unless its caller plants one.

Settings of None are left out.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.planted.servers import APACHE, apache_command
from benchmark.planted.stack import HOST, Place, host_address, on_small_disk, program

Settings = Mapping[str, str | None]
NGINX: dict[str, str | None] = {
    "client_max_body_size": "0",
    "client_body_buffer_size": "1m",
    "http2_body_preread_size": "4m",
    "lingering_close": "always",
    "large_client_header_buffers": "4 64k",
    "client_header_timeout": "120s",
    "client_body_timeout": "120s",
}
NGINX_HTTP: dict[str, str | None] = {
    "proxy_request_buffering": "off",
    "proxy_http_version": "1.1",
    "proxy_set_header Host": "$http_host",
    "proxy_read_timeout": "3600s",
    "proxy_send_timeout": "3600s",
}
NGINX_UWSGI: dict[str, str | None] = {
    "include": "/etc/nginx/uwsgi_params",
    "uwsgi_param HTTP_TRANSFER_ENCODING": '""',
    "uwsgi_request_buffering": "off",
    "uwsgi_read_timeout": "3600s",
    "uwsgi_send_timeout": "3600s",
}


def tls_of(place: Place, pem: Path | None) -> Path:
    """Return the certificate: the given one, or one that clients trust."""
    return pem or place.certificate(str(host_address()), "localhost")


def nginx(
    place: Place, behind: int, *, http: Settings | None = None, server: Settings | None = None,
    location: Settings | None = None, by_uwsgi: bool = False, tls: bool | Path = False, small_disk: int = 0,
) -> int:  # fmt: skip
    """Start nginx before a server at HTTP, or at the uwsgi protocol."""
    port, folder = place.port(), place.folder
    at_top: dict[str, str | None] = {
        "access_log": "off",
        "client_body_temp_path": str(place.spool),
        **{f"{kind}_temp_path": f"{folder}/{kind}" for kind in ("proxy", "fastcgi", "scgi", "uwsgi")},
        **(http or {}),
    }
    own = {**NGINX, **(server or {})}
    if tls:
        pem = tls if isinstance(tls, Path) else tls_of(place, None)
        own |= {"ssl_certificate": str(pem), "ssl_certificate_key": str(pem)}
    passing = (
        {**NGINX_UWSGI, "uwsgi_pass": f"{HOST}:{behind}"}
        if by_uwsgi
        else {**NGINX_HTTP, "proxy_pass": f"http://{HOST}:{behind}"}
    )
    user = "user root;" if os.geteuid() == 0 else ""
    text = f"""{user} daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
{_directives(at_top)}
  server {{
    listen {HOST}:{port}{" ssl http2" if tls else ""};
{_directives(own)}
    location / {{
{_directives({**passing, **(location or {})})}
    }}
  }}
}}
"""
    command: list[str | Path] = [program("nginx"), "-e", "stderr", "-c", place.write("nginx.conf", text)]
    return place.start(on_small_disk(place.spool, small_disk, command) if small_disk else command, port)


def _directives(settings: Settings) -> str:
    """Return nginx's lines; a value that begins with { is a block."""
    lines = [f"{name} {value}" for name, value in settings.items() if value is not None]
    return "\n".join(line if line.endswith("}") else f"{line};" for line in lines)


HAPROXY: dict[str, str | None] = {
    "mode": "http",
    "timeout connect": "5s",
    "timeout client": "120s",
    "timeout http-request": "120s",
    "timeout server": "1h",
    "option httpclose": "",
}
HAPROXY_GLOBAL: dict[str, str | None] = {
    "tune.bufsize": "65536",
    "tune.http.maxhdr": "220",
    "tune.h2.initial-window-size": "4194304",
}


def haproxy(
    place: Place, behind: int, *lines: str, top: Settings | None = None, defaults: Settings | None = None,
    tls: bool | Path = False,
) -> int:  # fmt: skip
    """Start HAProxy; the lines are the frontend's."""
    port = place.port()
    crypt = ""
    if tls:
        crypt = f" ssl crt {tls if isinstance(tls, Path) else tls_of(place, None)} alpn h2,http/1.1"
    parts = [
        "global", *_indented({**HAPROXY_GLOBAL, **(top or {})}),
        "defaults", *_indented({**HAPROXY, **(defaults or {})}),
        "frontend web", f"    bind {HOST}:{port}{crypt}", *(f"    {line}" for line in lines),
        "    default_backend app",
        "backend app", f"    server app {HOST}:{behind}", "",
    ]  # fmt: skip
    return place.start([program("haproxy"), "-db", "-f", place.write("haproxy.cfg", "\n".join(parts))], port)


def _indented(settings: Settings) -> list[str]:
    return [f"    {name} {value}" for name, value in settings.items() if value is not None]


def apache(
    place: Place,
    behind: int,
    *lines: str,
    tls: bool | Path = False,
    proxy: str = "disablereuse=On",
    **settings: str | None,
) -> int:
    """Start Apache as a reverse proxy; the lines come before its ProxyPass."""
    port = place.port()
    names = ["mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic", "reqtimeout"]
    names += ["proxy", "proxy_http", *(["ssl", "http2"] if tls else [])]
    own = {
        **APACHE,
        "WSGIChunkedRequest": None,
        "ProxyTimeout": "3600",
        "ProxyPreserveHost": "On",
        **settings,
    }
    if tls:
        pem = str(tls if isinstance(tls, Path) else tls_of(place, None))
        secure = {
            "SSLEngine": "on",
            "SSLCertificateFile": pem,
            "SSLCertificateKeyFile": pem,
            "Protocols": "h2 http/1.1",
        }
        own = {"H2WindowSize": "4194304", **secure, **own}
    text = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in names]
    text += [f"{name} {value}" for name, value in own.items() if value is not None]
    text += [*lines, f"ProxyPass / http://{HOST}:{behind}/ {proxy}"]
    return place.start(apache_command(place, port, text), port)


def caddy(
    place: Place,
    behind: int,
    *lines: str,
    servers: Sequence[str] = (),
    transport: str = "",
    tls: bool | Path = False,
) -> int:
    """Start Caddy; the lines are the site's, ``servers`` the global block's of that name."""
    port = place.port()
    own = "\n".join(f"    {line}" for line in servers)
    pem = (tls if isinstance(tls, Path) else tls_of(place, None)) if tls else None
    site = f"https://{HOST}:{port}" if tls else f"http://:{port}"
    text = f"""{{
  admin off
  persist_config off
  auto_https off
  servers {{
    protocols h1 h2
{own}
  }}
}}
{site} {{
  bind {HOST}
  {f"tls {pem} {pem}" if pem else ""}
  {chr(10).join(lines)}
  reverse_proxy {HOST}:{behind} {{
    {transport}
  }}
}}
"""
    config = place.write("Caddyfile", text)
    command: list[str | Path] = [program("caddy"), "run", "--adapter", "caddyfile", "--config", config]
    return place.start(
        command, port, {"XDG_DATA_HOME": str(place.folder), "XDG_CONFIG_HOME": str(place.folder)}
    )


def envoy(
    place: Place, behind: int, *, manager: Mapping[str, Any] | None = None,
    filters: Sequence[Mapping[str, Any]] = (), tls: bool | Path = False,
) -> int:  # fmt: skip
    """Start Envoy; ``manager`` are fields of its HttpConnectionManager."""
    port = place.port()
    types = "type.googleapis.com/envoy.extensions"
    to_app = {"match": {"prefix": "/"}, "route": {"cluster": "app", "timeout": "0s"}}
    connection = {
        "@type": f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "web", "max_request_headers_kb": 96, "stream_idle_timeout": "120s", **(manager or {}),
        "http_filters": [*filters, {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{types}.filters.http.router.v3.Router"},
        }],
        "route_config": {"virtual_hosts": [{"name": "app", "domains": ["*"], "routes": [to_app]}]},
    }  # fmt: skip
    chain: dict[str, Any] = {
        "filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": connection}]
    }
    if tls:
        pem = str(tls if isinstance(tls, Path) else tls_of(place, None))
        certificate = {"certificate_chain": {"filename": pem}, "private_key": {"filename": pem}}
        context = {"alpn_protocols": ["h2", "http/1.1"], "tls_certificates": [certificate]}
        own = {
            "@type": f"{types}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": context,
        }
        chain["transport_socket"] = {"name": "tls", "typed_config": own}
    listener = {"address": _address(port), "filter_chains": [chain]}
    to_server = {"lb_endpoints": [{"endpoint": {"address": _address(behind)}}]}
    cluster = {"name": "app", "load_assignment": {"cluster_name": "app", "endpoints": [to_server]}}
    text = json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}})
    options = ["--concurrency", "2", "--disable-hot-restart", "--log-level", "warning"]
    return place.start([program("envoy"), *options, "-c", place.write("envoy.json", text)], port)


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": HOST, "port_value": port}}
