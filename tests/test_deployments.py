from pathlib import Path

import pytest
import yaml
from uploadlab.catalogue.methods import METHODS
from uploadlab.catalogue.resumable import RESUMABLE
from uploadlab.declared.compose import config_texts, load_deployments, load_needs
from uploadlab.declared.knobs import CONFIG, load_knobs
from uploadlab.declared.plans import load_plan, named_deployments
from uploadlab.declared.reports import load_reports
from uploadlab.declared.variants import extended
from uploadlab.errors import LabError
from uploadlab.paths import COMPOSE, KNOBS, PLANS, ROOT
from uploadlab.runtimes.compose import port_variable

from . import helpers
from .helpers import ALL_DEPLOYMENTS, DEPLOYMENTS

MERGED = """
x-one: &one {A: "1"}
x-two: &two {B: "2", C: "3"}
services:
  a:
    x-lab: {title: a, tier: b, why: c, port: 1}
    command: [$$x]
    environment:
      <<: [*one, *two]
      B: mine
"""


def test_nothing_the_local_runtime_reads_needs_compose_to_fill_it_in() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for name in [service.name for one in ALL_DEPLOYMENTS.values() for service in one.services]:
        read = [services[name].get(key) for key in ("command", "environment", "x-lab", "stop_signal")]
        assert "${" not in str(read), name


def test_what_a_deployment_accepts_and_needs_is_known() -> None:
    for one in ALL_DEPLOYMENTS.values():
        assert set(one.accepts) <= {*METHODS, *RESUMABLE}
    for one in DEPLOYMENTS.values():  # what other groups need, `install GROUP` installs
        assert set(one.needs) <= set(load_needs(COMPOSE))


def test_uploads_are_passed_on_to_containers_of_other_deployments() -> None:
    passing = {name: one.next for name, one in DEPLOYMENTS.items() if one.next}
    assert passing
    for name, others in passing.items():
        assert set(others) < set(DEPLOYMENTS) - {name}
        hops = DEPLOYMENTS[name].services[0].environment["NEXT_HOPS"]
        assert hops == " ".join(f"{other}=http://{other}:8000" for other in others)


def test_each_deployment_is_a_container_with_its_own_name_port_and_volume() -> None:
    content = yaml.safe_load(COMPOSE.read_text())
    for name, one in DEPLOYMENTS.items():
        port = f"${{{port_variable(name)}:-{one.port}}}"
        assert content["services"][name]["ports"] == [f"127.0.0.1:{port}:8000"]
        for part in one.services:
            declared = content["services"][part.name]
            assert declared["environment"]["LAB_DEPLOYMENT"] == name
            assert f"{name}:/data" in declared["volumes"]
        assert name in content["volumes"]


def test_ports_are_each_used_once() -> None:
    ports = [one.port for one in ALL_DEPLOYMENTS.values()]
    assert len(set(ports)) == len(ports)


def test_each_deployments_config_is_read_and_no_config_lies_idle() -> None:
    plans = [load_plan(path.stem, PLANS) for path in PLANS.glob("*.toml")]
    named = [name for plan in plans for name in named_deployments(plan)]
    texts = config_texts(ROOT, list(extended(ALL_DEPLOYMENTS, named, ROOT).values()))
    kinds = (
        "uwsgi/*.ini",
        "gunicorn/*.conf.py",
        "nginx/*.conf.template",
        "haproxy/*",
        "caddy/*",
        "apache/*",
        "envoy/*",
    )
    files = {str(path.relative_to(ROOT)) for kind in kinds for path in (ROOT / "configs").glob(kind)}
    reports = [report for found in load_reports().values() for report in found]
    tried = {name for report in reports for word in report.command for name in word.split(",")}
    shown = {name for name in files if (ROOT / name).read_text().startswith("; What not to do")}
    # test_knobs.py shows that they are as bad as that.
    assert {Path(name).stem for name in shown} == {"uwsgi-http-router", "uwsgi-post-buffering-1"}
    knobs = load_knobs(KNOBS, list(ALL_DEPLOYMENTS))
    turned = {value for knob in knobs if knob.option == CONFIG for value in knob.values}
    assert set(texts) <= files
    idle = files - shown - turned - set(texts)
    assert {name for name in idle if Path(name).name.partition(".")[0] not in tried} == set(), (
        "name them in a service, a plan, a knob, or the command of a report"
    )


def test_composes_escape_of_a_dollar_sign_is_undone() -> None:
    assert '"$PORT"' in DEPLOYMENTS["flask"].services[0].command[-1]


@pytest.mark.parametrize(
    "text", ["services: [", "services: {a: {x-lab: {title: a}}}", "", "a: 1", "services: {a: 1}"]
)
def test_a_broken_file_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "compose.yaml").write_text(text)
    with pytest.raises(LabError) as error:
        load_deployments(tmp_path / "compose.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("{titel: a, tier: b, why: c, port: 1}", "service a: Object contains unknown field `titel`"),
        ("{title: a, tier: b, why: c, port: many}", "service a: Expected `int`, got `str` - at `$.port`"),
        ("{title: a, tier: b, why: c, port: 1, parts: [b]}", "service b: Object missing required field"),
        ("", "service a: Expected `object`, got `null`"),
    ],
)
def test_a_mistake_in_a_deployment_names_its_service(tmp_path: Path, block: str, told: str) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n  a: {{command: [x], x-lab: {block}}}\n")
    with pytest.raises(LabError) as error:
        load_deployments(tmp_path / "compose.yaml")
    assert str(error.value).startswith(f"compose.yaml: {told}")


def test_an_environment_may_be_merged_from_others(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(MERGED)
    service = load_deployments(tmp_path / "compose.yaml")["a"].services[0]
    assert service.environment == {"A": "1", "B": "mine", "C": "3"}
    assert (service.command, service.stop_signal) == (["$x"], "SIGTERM")


def test_what_lab_require_names_may_not_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(pytest.skip.Exception):
        helpers.need("no-such-program")
    monkeypatch.setattr(helpers, "REQUIRED", ["no-such-program"])
    with pytest.raises(pytest.fail.Exception, match="LAB_REQUIRE"):
        helpers.need("no-such-program")
