"""Which language a config is in, by its name and by what stands in it."""

import re
from collections.abc import Callable, Sequence

from uploadlab.doctoring.config_rules.apache import apache_reading
from uploadlab.doctoring.config_rules.caddy import caddy_reading
from uploadlab.doctoring.config_rules.commands import commands_reading
from uploadlab.doctoring.config_rules.envoy import envoy_reading
from uploadlab.doctoring.config_rules.gunicorn import gunicorn_reading
from uploadlab.doctoring.config_rules.haproxy import haproxy_reading
from uploadlab.doctoring.config_rules.hypercorn import hypercorn_reading
from uploadlab.doctoring.config_rules.ingress import ingress_reading
from uploadlab.doctoring.config_rules.nginx import nginx_reading
from uploadlab.doctoring.config_rules.saying import ConfigFile, ReadConfig
from uploadlab.doctoring.config_rules.signs import NAMES, SIGNS, ConfigLanguage
from uploadlab.doctoring.config_rules.traefik import traefik_reading
from uploadlab.doctoring.config_rules.uwsgi import uwsgi_reading
from uploadlab.errors import UsageError
from uploadlab.plain_text import plain

READERS: dict[ConfigLanguage, Callable[[Sequence[ConfigFile]], ReadConfig]] = {
    ConfigLanguage.INGRESS: ingress_reading,
    ConfigLanguage.ENVOY: envoy_reading,
    ConfigLanguage.TRAEFIK: traefik_reading,
    ConfigLanguage.HAPROXY: haproxy_reading,
    ConfigLanguage.CADDY: caddy_reading,
    ConfigLanguage.APACHE: apache_reading,
    ConfigLanguage.NGINX: nginx_reading,
    ConfigLanguage.UWSGI: uwsgi_reading,
    ConfigLanguage.GUNICORN: gunicorn_reading,
    ConfigLanguage.HYPERCORN: hypercorn_reading,
    ConfigLanguage.COMMANDS: commands_reading,
}
MOST_SIGNS = 6
"""More of one kind prove no more."""
NAME_WORTH = 3
"""Of signs."""
MOST_LETTERS = 200_000
"""Of a file that are looked at for signs."""


def language_of(name: str, text: str) -> ConfigLanguage:
    """Return the language of a config; raise UsageError if it is none that the doctor reads."""
    worth = {language: _worth(language, name, text[:MOST_LETTERS]) for language in ConfigLanguage}
    best = max(worth, key=lambda language: worth[language])
    if not worth[best]:
        known = "nginx, uWSGI, gunicorn, Hypercorn, Caddy, HAProxy, Apache, Envoy or Traefik"
        raise UsageError(
            f"{plain(name)} is no config of {known}, as far as can be seen: name one of these, for example"
            " upload-lab doctor --config nginx.conf"
        )
    return best


def _worth(language: ConfigLanguage, name: str, text: str) -> int:
    signs = 0
    for _ in re.finditer("|".join(SIGNS[language]), text, re.MULTILINE):
        signs += 1
        if signs == MOST_SIGNS:
            break
    file_name = re.sub(
        r"\.(template|tmpl|j2|erb|in|orig|bak|old|default)$", "", name.lower().rpartition("/")[2]
    )
    return signs + NAME_WORTH * bool(re.search(NAMES[language], file_name))
