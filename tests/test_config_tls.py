"""Configs that make a deployment by themselves: whether its front speaks TLS is read from the config."""

from pathlib import Path
from shutil import copytree

import pytest
import yaml
from uploadlab.declared import variants
from uploadlab.errors import UsageError
from uploadlab.model.deployments import Deployment
from uploadlab.paths import COMPOSE, ROOT
from uploadlab.runtimes.override import override

from .helpers import ALL_DEPLOYMENTS

FRONTS = {name: made for name, made in ALL_DEPLOYMENTS.items() if made.group == "fronts"}


def config_of(name: str) -> str:
    return FRONTS[name].services[0].command[2]


def with_own(root: Path, like: str, text: str) -> Deployment:
    """What a config of that text is, dropped into a checkout beside the config at this path."""
    copytree(ROOT / "configs", root / "configs")
    own = variants.beside(like, "my-own")
    (root / own).write_text(text)
    return variants.of_config(own, ALL_DEPLOYMENTS, root)


@pytest.mark.parametrize("name", [name for name, made in FRONTS.items() if made.tls])
def test_a_config_without_a_certificate_speaks_none(name: str, tmp_path: Path) -> None:
    text = (ROOT / config_of(name)).read_text().replace(variants.CERTIFICATE, "other.pem")
    made = with_own(tmp_path, config_of(name), text)
    assert (made.scheme, "trustme" in made.needs) == ("http", False)
    assert not ALL_DEPLOYMENTS[made.based_on].tls  # there is one in the same folder


@pytest.mark.parametrize("name", [name for name, made in FRONTS.items() if not made.tls])
def test_a_config_with_a_certificate_gets_one_in_both_runtimes(name: str, tmp_path: Path) -> None:
    text = (ROOT / config_of(name)).read_text()
    made = with_own(tmp_path, config_of(name), f"{text}\n# ${{RUN_DIR}}/tls.pem\n")
    assert (made.scheme, made.front, made.group) == ("https", FRONTS[name].front, "fronts")
    assert set(made.needs) == {*FRONTS[name].needs, "trustme"}
    service = yaml.safe_load(override(COMPOSE, [made], tmp_path))["services"]["my-own"]
    assert service["volumes"].count("certificates:/certificates") == 1
    assert service["healthcheck"] == {"disable": True}


def test_tls_is_refused_where_nothing_makes_a_certificate(tmp_path: Path) -> None:
    text = "listen ${BIND} ssl; ssl_certificate ${RUN_DIR}/tls.pem;"
    with pytest.raises(UsageError, match="speak no TLS, and so must this one"):
        with_own(tmp_path, "configs/nginx/nginx-uwsgi.conf.template", text)
