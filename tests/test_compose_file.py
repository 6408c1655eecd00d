"""What compose.yaml says of each service, read as Compose reads it. What it does: test_compose_doors.py."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from uploadlab.declared.compose import load_services
from uploadlab.paths import COMPOSE
from uploadlab.runtimes.override import override

from .helpers import ALL_DEPLOYMENTS, DEPLOYMENTS

SERVICES = load_services(COMPOSE)
NETWORKS: dict[str, Any] = yaml.safe_load(COMPOSE.read_text()).get("networks", {})
CLIENTS = ("client", "clients")
PARTED = {name: one for name, one in DEPLOYMENTS.items() if len(one.services) > 1}


def networks_of(service: str) -> list[str]:
    if SERVICES[service].get("network_mode") == "none":
        return []
    return list(SERVICES[service].get("networks", ["default"]))


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_loopback_only(service: str) -> None:
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES[service].get("ports", []))


@pytest.mark.parametrize("service", SERVICES)
def test_only_the_clients_have_a_way_out(service: str) -> None:
    masquerade = "com.docker.network.bridge.enable_ip_masquerade"
    shut = {
        name
        for name, network in NETWORKS.items()
        if network and (network.get("internal") or network.get("driver_opts", {}).get(masquerade) == "false")
    }
    assert (set(networks_of(service)) <= shut) == (service not in CLIENTS)
    if networks_of(service) and service not in CLIENTS:
        assert SERVICES[service]["dns"] == "127.0.0.1", "questions about names get out, too"


@pytest.mark.parametrize("service", SERVICES)
def test_memory_and_processes_are_limited(service: str) -> None:
    assert SERVICES[service]["mem_limit"]
    assert SERVICES[service]["pids_limit"]


PARTS = [part.name for one in ALL_DEPLOYMENTS.values() for part in one.services]


@pytest.mark.parametrize("service", PARTS)
def test_each_part_of_a_deployment_is_contained(service: str) -> None:
    said = SERVICES[service]
    assert (said["read_only"], said["cap_drop"], said.get("cap_add")) == (True, ["ALL"], None)
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert (said["user"], said.get("privileged")) == ("10001:10001", None)
    assert said["tmpfs"] == ["/tmp:size=16m"]


def test_servers_share_no_network_with_pages_and_orders() -> None:
    assert {name for part in PARTS for name in networks_of(part)} == {"servers"}
    assert networks_of("viewer") == ["pages"]
    assert [name for name in SERVICES if "locust" in networks_of(name)] == ["locust", "locust-worker"]
    assert NETWORKS.get("locust") == {"internal": True}


def test_each_deployment_has_a_process_namespace_of_its_own() -> None:
    assert len(PARTED) >= 4
    shared = {name: {SERVICES[part.name].get("pid") for part in one.services} for name, one in PARTED.items()}
    assert shared == {name: {f"service:{name}-processes"} for name in PARTED}
    parts = {part.name for one in PARTED.values() for part in one.services}
    assert {SERVICES[name].get("pid") for name in SERVICES if name not in parts} == {None}


@pytest.mark.parametrize("name", PARTED)
def test_a_copy_of_a_deployment_has_one_of_its_own_too(name: str, tmp_path: Path) -> None:
    base = PARTED[name]
    parts = [msgspec.structs.replace(part, name=part.name.replace(name, "mine")) for part in base.services]
    made = msgspec.structs.replace(base, name="mine", based_on=name, services=parts)
    services = yaml.safe_load(override(COMPOSE, [made], tmp_path))["services"]
    assert {services[part.name]["pid"] for part in parts} == {"service:mine-processes"}
    assert all("mine-processes" in services[part.name]["depends_on"] for part in parts)
    assert services["mine-processes"] == SERVICES[f"{name}-processes"]
