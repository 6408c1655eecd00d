"""Images with packages in other versions: which there are, what they are built from, who starts in them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from uploadlab.declared.compose import load_services
from uploadlab.declared.variants import renamed
from uploadlab.errors import UsageError
from uploadlab.model.deployments import Deployment
from uploadlab.model.order import Kind, Order
from uploadlab.paths import COMPOSE
from uploadlab.planning.draft import Draft, draft
from uploadlab.runtimes.override import override
from uploadlab.runtimes.package_images import (
    PackageImage,
    package_images,
    reasons,
    unavailable,
    without,
    write_builds,
)
from uploadlab.versions.making import WantedFolder
from uploadlab.versions.sets import REASON, set_name

from .helpers import ALL_DEPLOYMENTS

OLD = ["werkzeug==3.0.1"]
TAG = "${LAB_IMAGE_TAG:-latest}"
DECLARED = load_services(COMPOSE)


def with_old(name: str, copy: str = "") -> Deployment:
    made = ALL_DEPLOYMENTS[name]
    return msgspec.structs.replace(renamed(made, copy) if copy else made, packages=OLD)


def overridden(*deployments: Deployment, image: str = "") -> dict[str, Any]:
    """The services that Compose gets beside those of compose.yaml."""
    text = override(COMPOSE, deployments, Path("/run"), image=image)
    return dict(yaml.safe_load(text)["services"]) if text else {}


def of_run(**order: Any) -> Draft:
    return draft(Order(deployments=["flask"], methods=["request.stream"], sizes=["1MiB"], **order))


def test_a_deployment_of_compose_yaml_gets_another_image_and_nothing_else() -> None:
    services = overridden(with_old("nginx-uwsgi"), ALL_DEPLOYMENTS["flask"])
    own = {"image": f"upload-lab-server-{set_name(OLD)}:{TAG}"}
    assert {name: made for name, made in services.items() if name != "client"} == {"nginx-uwsgi-app": own}
    (locks,) = services["client"]["volumes"]
    assert locks.endswith("/services:/lab/services:ro"), "the client plans by the lock files"


def test_a_copy_with_packages_is_like_its_deployment_but_for_the_image() -> None:
    old = overridden(with_old("granian", "mine"))["mine"]
    new = overridden(renamed(ALL_DEPLOYMENTS["granian"], "mine"))["mine"]
    assert old.pop("image") == f"upload-lab-servers-{set_name(OLD)}:{TAG}"
    assert new.pop("image") == f"upload-lab-servers:{TAG}"
    assert old == new


def test_without_packages_compose_yaml_stands_as_it_is() -> None:
    chosen = [ALL_DEPLOYMENTS["flask"], ALL_DEPLOYMENTS["nginx-tls"]]
    assert overridden(*chosen) == {}
    assert package_images(chosen, of_run(), DECLARED, "client") == []


def test_deployments_of_one_image_share_one_with_the_same_packages() -> None:
    chosen = [with_old(name) for name in ("flask", "nginx-uwsgi", "uwsgi-tuned", "granian")]
    images = package_images(chosen, of_run(), DECLARED, "client")
    assert [image.base for image in images] == [f"upload-lab-server:{TAG}", f"upload-lab-servers:{TAG}"]
    assert {tuple(image.sets) for image in images} == {(set_name(OLD),)}
    assert images[0].name == overridden(chosen[0])["flask"]["image"]


def test_the_client_has_all_sets_of_its_own_and_of_other_clients_in_one_image() -> None:
    order = Order(
        deployments=["flask"], methods=["request.stream", "httpx.stream"], sizes=["1MiB"],
        with_packages=["urllib3==2.2.0", "httpx==0.27.0"],
    )  # fmt: skip
    (image,) = package_images([], draft(order), DECLARED, "clients")
    assert (image.name, image.target) == (f"upload-lab-clients-packages:{TAG}", "client")
    wanted = {want.words: want.environment for want in image.sets.values()}
    assert wanted == {("urllib3==2.2.0",): None, ("httpx==0.27.0",): Path("/opt/clients/httpx")}
    assert overridden(ALL_DEPLOYMENTS["flask"], image=image.name)["client"]["image"] == image.name


def image_of(*words: str) -> PackageImage:
    sets = {set_name(words): WantedFolder(words, ())}
    return PackageImage(f"upload-lab-server-x:{TAG}", f"upload-lab-server:{TAG}", "server", sets)


def test_a_build_has_this_hosts_wheels_and_sources_and_the_code_that_needs_no_package(tmp_path: Path) -> None:
    source, wheel = tmp_path / "my source", tmp_path / "w-1-py3-none-any.whl"
    (source / ".git").mkdir(parents=True)
    (source / "pyproject.toml").write_text("[project]")
    wheel.write_bytes(b"wheel")
    builds = tmp_path / "builds"
    builds.mkdir()
    image = image_of(
        f"a @ {source.as_uri()}", f"w @ {wheel.as_uri()} ; python_version > '3'", "gunicorn==26.1.0"
    )
    made = yaml.safe_load(write_builds([image], DECLARED["raw-sink"]["build"], builds).read_text())
    build = made["services"]["server-x"]["build"]
    assert build["args"] == {"BASE": image.base, "NAME": next(iter(image.sets))}
    assert (build["network"], build["secrets"]) == ("${LAB_BUILD_NETWORK:-default}", ["pip-config"])
    context = Path(build["context"])
    (wanted,) = json.loads((context / "sets.json").read_text()).values()
    seen = f"file:///context/sources/{next(iter(image.sets))}"
    assert wanted["words"] == [
        f"a @ {seen}/0/my%20source",
        f"w @ {seen}/1/{wheel.name} ; python_version > '3'",
        "gunicorn==26.1.0",
    ]
    assert [path.name for path in context.glob("sources/*/0/my source/*")] == ["pyproject.toml"]
    assert [path.read_bytes() for path in context.glob("sources/*/1/*")] == [b"wheel"]
    (context / "sets.json").write_text("{}")
    command = [sys.executable, "-S", "-m", "uploadlab.versions", str(context / "sets.json")]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(context / "code")}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


SAID = f"""
#6 4.434 {REASON} 0a1b: gunicorn==99: there is no such version; the newest are 27.0.1, 27.0.0
------
4.434 {REASON} 0a1b: gunicorn==99: there is no such version; the newest are 27.0.1, 27.0.0
9.1 {REASON} 2c: a @ file:///context/sources/2c/0/a does not build here: no
9.2 {REASON} 3d: a-1 needs Python <3.12, and this is 3.13.5
failed to solve: executor failed running [/bin/sh -c sh /context/make-folders]: exit code: 1
"""


def test_what_a_build_says_of_a_set_is_one_line_without_the_builds_paths() -> None:
    assert reasons(SAID) == {
        "0a1b": "gunicorn==99: there is no such version; the newest are 27.0.1, 27.0.0",
        "2c": "a @ a does not build here: no",
        "3d": "a-1 needs Python <3.12, and this is 3.13.5; in containers it is the Python of PYTHON_IMAGE",
    }
    assert reasons("failed to solve: no space left on device") == {}


def test_a_side_that_cannot_be_made_is_a_row_while_others_are_left() -> None:
    bad = "gunicorn==99"
    planned = draft(Order(kind=Kind.COMPARE, configs=["gunicorn==26.0.0", "gunicorn==26.1.0", bad]))
    failed = {set_name([bad]): "no such version"}
    assert unavailable(planned.deployments, planned, {}) == {}
    (other,) = [made.name for made in planned.deployments if made.packages == [bad]]
    assert unavailable(planned.deployments, planned, failed) == {other: "no such version"}
    base = {set_name(["gunicorn==26.0.0"]): "no such version"}
    with pytest.raises(UsageError, match="no such version"):  # nothing is left to compare with
        unavailable(planned.deployments, planned, base)
    images = package_images(planned.deployments, planned, DECLARED, "client")
    assert [image.sets.keys() for image in images if image not in without(images, failed)] == [failed.keys()]


def test_a_client_or_a_check_without_its_packages_does_not_start() -> None:
    planned = of_run(with_packages=["urllib3==99"])
    with pytest.raises(UsageError, match="no such version"):
        unavailable([], planned, {set_name(["urllib3==99"]): "no such version"})
    check = draft(Order(kind=Kind.CHECK, deployments=["flask"], with_packages=OLD))
    with pytest.raises(UsageError, match="no such version"):
        unavailable(check.deployments, check, {set_name(OLD): "no such version"})
