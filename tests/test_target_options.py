"""The options for servers of one's own: what they mean together, and how a mistake is reported."""

import json
import shlex
from pathlib import Path

import pytest
from uploadlab.model.targets import ANY_SUCCESS, StatusRange, TargetSpec
from uploadlab.storage.files import RUN_FILE
from uploadlab.storage.run_folder import RunFolder

from .helpers import RUN, lab
from .test_read_back import spec_of

URL = "http://192.0.2.7:8000/up"
OWN = f"--target mine={URL} --expect-status 200"
MISTAKES = {
    "--expect-status 200": "--expect-status is for servers of your own: add --target NAME=URL",
    f"--target mine={URL} --field a": "--field is for a server without the lab's routes: add --expect-status",
    f"--target mine={URL} --form a=b": "--form is for a server without the lab's routes",
    f"--target mine={URL} --stored-url /x": "--stored-url is for a server without the lab's routes",
    f"{OWN},2x": "--expect-status '2x' is not an HTTP status: write 200, 2xx or 200,201",
    f"{OWN}-100": "is not an HTTP status",
    f"{OWN} --header secret-word": "--header is not 'NAME: VALUE': write --header 'Authorization:",
    f"{OWN} --header 'Host: a'": "--header host: the lab sets it itself",
    f"{OWN} --header 'Cookie: a=b'": "write --cookie NAME=VALUE",
    f"{OWN} --header 'X-A: 1' --header 'x-a: 2'": "--header x-a is given twice",
    f"{OWN} --cookie secret-word": "--cookie is not NAME=VALUE: write --cookie NAME=VALUE",
    f"{OWN} --expect-json ok": "--expect-json is not PATH=VALUE: write --expect-json result.ok=true",
    f"{OWN} --expect-text '('": "--expect-text '(' is no regex",
    f"{OWN} --insecure": "--insecure needs an https:// target",
    f"{OWN} --ca-file /nowhere.pem": "--ca-file /nowhere.pem: No such file or directory",
    f"{OWN} --stored-dir /nowhere": "--stored-dir /nowhere is no folder",
    f"{OWN} --stored-dir / --stored-url /x": "leave out --stored-url",
    f"{OWN} --stored-json crc=a": "--stored-json crc=...: write size=PATH",
    f"{OWN} --stored-url http://me:secret-word@h/": "--stored-url has a login, which is not stored",
    f"{OWN} --cleanup-url files/1": "--cleanup-url 'files/1' is no URL",
    f"{OWN} --clean-up": "--clean-up needs to know where an upload is",
    f"{OWN} --max-bytes many": "size 'many' is not a number of bytes",
    f"{OWN} --request-method 'A B'": "--request-method 'A B' is no method",
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_a_line_that_says_what_to_type(tmp_path: Path, words: str, message: str) -> None:
    done = lab("run", *shlex.split(words), "--out", tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message.upper() in done.stderr.upper()
    assert "secret-word" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_statuses_are_ranges() -> None:
    spec = spec_of(URL, "--expect-status", "200,2xx, 301-303")
    assert spec.expect_status == [StatusRange(200, 200), StatusRange(200, 299), StatusRange(301, 303)]
    assert list(map(str, spec.expect_status)) == ["200", "2xx", "301-303"]
    assert spec_of(URL, "--expect-json", "ok=true").statuses == [ANY_SUCCESS]


def test_a_server_without_the_labs_routes_has_a_limit_by_default() -> None:
    assert spec_of(URL, "--expect-status", "200").max_bytes == 10**9
    assert spec_of(URL, "--expect-status", "200", "--max-bytes", "none").max_bytes == 0
    assert spec_of(URL, "--header", "X-A: 1").max_bytes == 0


def test_a_run_that_an_older_version_stored_is_read(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "r")
    folder.write_run(RUN)
    stored = json.loads((folder.path / RUN_FILE).read_text())
    foreign = {"expect_status": 201, "field": "document"}
    stored["targets"][0] |= {"tier": "target", "foreign": foreign}
    stored["order"] = {"targets": {"mine": URL}, "foreign": {"expect_status": 200, "field": "file"}}
    (folder.path / RUN_FILE).write_text(json.dumps(stored))
    run = folder.read_run()
    assert run.targets[0].foreign == TargetSpec(expect_status=[StatusRange(201, 201)], field="document")
    assert run.order
    assert run.order.spec == TargetSpec(expect_status=[StatusRange(200, 200)])
