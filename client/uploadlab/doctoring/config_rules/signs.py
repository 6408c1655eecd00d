"""How configs are recognised: by the names of their files, and by what stands in them."""

from enum import StrEnum


class ConfigLanguage(StrEnum):
    """A language of configs, outermost hop first."""

    INGRESS = "nginx Ingress"
    ENVOY = "Envoy"
    TRAEFIK = "Traefik"
    HAPROXY = "HAProxy"
    CADDY = "Caddy"
    APACHE = "Apache"
    NGINX = "nginx"
    UWSGI = "uWSGI"
    GUNICORN = "gunicorn"
    HYPERCORN = "Hypercorn"
    COMMANDS = "a command line"


NAMES = {
    ConfigLanguage.CADDY: r"caddyfile",
    ConfigLanguage.HAPROXY: r"haproxy|\.cfg$",
    ConfigLanguage.APACHE: r"httpd|apache|\.htaccess$",
    ConfigLanguage.NGINX: r"nginx",
    ConfigLanguage.UWSGI: r"\.ini$",
    ConfigLanguage.GUNICORN: r"gunicorn.*\.py$|\.conf\.py$",
    ConfigLanguage.HYPERCORN: r"hypercorn.*\.(toml|py)$",
    ConfigLanguage.ENVOY: r"envoy",
    ConfigLanguage.TRAEFIK: r"traefik.*\.ya?ml$",
    ConfigLanguage.INGRESS: r"ingress.*\.ya?ml$",
    ConfigLanguage.COMMANDS: r"procfile|(docker|container)file|\.service$|\.sh$|compose.*\.ya?ml$|supervisor",
}
"""Of files, in small letters, without .template and the like."""

NGINX_BLOCKS = r"server|http|events|stream|types|upstream|location|map|if"
SIGNS = {
    ConfigLanguage.NGINX: (
        r"^[ \t]*(?:server|http|events|stream|types|(?:upstream|location|map|if)\b[^\n{]*)[ \t]*\{",
        r"^[ \t]*(?:proxy|uwsgi|fastcgi|client|listen|include|server_name|root|user|worker)\w*[ \t][^\n]*;",
    ),
    ConfigLanguage.APACHE: (
        r"^[ \t]*<(?:VirtualHost|Directory|Location|IfModule|Proxy|Files|If)\b",
        r"^[ \t]*(?:LoadModule|Proxy[A-Z]|WSGI[A-Z]|LimitRequest|RequestReadTimeout)\w*[ \t]+[^\s;]",
        r"^[ \t]*(?:DocumentRoot|ServerRoot|SSL[A-Z]|Listen|Timeout)\w*[ \t]+[^\s;]",
        r"^[ \t]*(?:Rewrite|ServerName|ErrorLog)\w*[ \t]+[^\s;]",
        r"^[ \t]*(?:CustomLog|IncludeOptional|Include|KeepAlive)\w*[ \t]+[^\s;]",
    ),
    ConfigLanguage.HAPROXY: (
        r"^(?:global|defaults|(?:frontend|backend|listen)[ \t]+\S+)[ \t]*$",
        r"^[ \t]+timeout (?:client|server|connect|http-request|queue)\b",
        r"^[ \t]+(?:bind \S|mode (?:http|tcp)\b|default_backend \S)",
    ),
    ConfigLanguage.CADDY: (
        r"^[ \t]*(?:reverse_proxy|request_body|php_fastcgi|file_server|encode|handle|handle_path)\b[^;\n]*$",
        r"^[ \t]*(?:respond|basic_auth|import)\b[^;\n]*$",
        rf"^(?!(?:{NGINX_BLOCKS})\b)(?:[^\s{{}};#\"'<][^\n{{}};\"']*)?\{{[ \t]*$",
    ),
    ConfigLanguage.UWSGI: (
        r"^[ \t]*\[uwsgi\]",
        r"^[ \t]*(?:http-socket|http|socket|module|wsgi-file|harakiri|processes|master)[ \t]*=",
        r"^[ \t]*(?:socket-timeout|buffer-size|limit-post|post-buffering)[ \t]*=",
    ),
    ConfigLanguage.GUNICORN: (
        r"^(?:bind|workers|worker_class|timeout|threads|wsgi_app|keepalive|accesslog|errorlog|loglevel)\b",
        r"^(?:preload_app|max_requests|graceful_timeout)\b",
        r"^def (?:on_starting|post_fork|post_worker_init|when_ready)\b",
    ),
    ConfigLanguage.HYPERCORN: (
        r"^(?:bind|workers|worker_class|accesslog|errorlog|keep_alive_timeout|read_timeout)\b",
        r"^(?:wsgi_max_body_size|h11_max_incomplete_size|h2_\w+)\b",
    ),
    ConfigLanguage.ENVOY: (
        r"static_resources\W|http_connection_manager|filter_chains\W|HttpConnectionManager",
    ),
    ConfigLanguage.TRAEFIK: (r"^entryPoints:", r"^[ \t]*respondingTimeouts:", r"^[ \t]*readTimeout:"),
    ConfigLanguage.INGRESS: (
        r"nginx\.ingress\.kubernetes\.io/",
        r"^kind:[ \t]*Ingress\b",
        r"^[ \t]*proxy-body-size:",
    ),
    ConfigLanguage.COMMANDS: (
        r"^(?:ExecStart=|CMD\b|ENTRYPOINT\b|exec |web:|\[Service\]|\[program:|command[ \t]*=|services:)",
    ),
}
"""What stands in a config of each language. No sign spans lines, so that a long file is searched once."""
