"""An app of the user's own behind the lab's servers: what it costs, and what may be wrong with it."""

import io
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from upload_app.guard import Guard
from uploadlab.commands.own_app_options import app_of
from uploadlab.declared.compose import load_deployments
from uploadlab.model.order import Order
from uploadlab.model.own_apps import Interface, OwnApp
from uploadlab.paths import COMPOSE
from uploadlab.planning.draft import draft
from uploadlab.presenting.target_words import own_app_words

from .helpers import lab, leave_out

APPS = Path(__file__).parent / "own_apps"


def run_app(name: str, attribute: str, tmp_path: Path, *words: str | Path) -> list[dict[str, Any]]:
    (folder := tmp_path / name).mkdir()
    (folder / "app.py").write_text((APPS / name / "app.py").read_text())
    (stored := folder / "uploads").mkdir()
    done = lab(
        "run", "--app", f"{folder / 'app.py'}:{attribute}", "--route", "/upload", "--stored-dir", stored,
        "--clean-up", "--sizes", "1MiB", "--rounds", "1", "--out", tmp_path, *words,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = tmp_path.glob("*-own-app")
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    assert not list(stored.iterdir())
    return [
        row for row in rows if not row.get("warmup") and row["deployment"] not in ("raw-sink", "nginx-dav")
    ]


def test_a_form_is_stored_behind_servers_of_all_kinds_and_each_is_seen_from_outside(tmp_path: Path) -> None:
    names = ["flask", "gunicorn", "waitress"]
    rows = run_app("flask_form", "app", tmp_path, "--form", "file", "--deployments", ",".join(names))
    assert {row["deployment"]: row["status"] for row in rows} == dict.fromkeys(names, "ok")
    assert {row["method"] for row in rows} == {"request.files-streamed"}
    for row in rows:
        assert row["digest_ok"]
        assert row["server_cpu_seconds"] > 0
        assert row["server_peak_rss_bytes"] > 5 << 20


def test_an_app_that_reads_the_stream_is_sent_plain_bodies(tmp_path: Path) -> None:
    rows = run_app("flask_stream", "app", tmp_path, "--deployments", "flask")
    assert {row["method"]: row["status"] for row in rows} == {
        "request.stream": "ok",
        "request.stream-chunked": "ok",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "attribute", "server"),
    [("django_view", "application", "waitress"), ("fastapi_view", "app", "uvicorn")],
)
def test_other_frameworks_run_with_their_requirements(
    tmp_path: Path, name: str, attribute: str, server: str
) -> None:
    needs = APPS / name / "requirements.txt"
    found = subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--dest", tmp_path / "found", "six"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    if found.returncode:
        leave_out("pypi", "no index of packages answers here")
    (row,) = run_app(
        name, attribute, tmp_path, "--form", "file", "--requirements", needs, "--deployments", server
    )
    assert (row["deployment"], row["status"], row["digest_ok"]) == (server, "ok", True)


def drafted_names(interface: Interface, framework: str = "") -> dict[str, str]:
    app = OwnApp(module="app", attribute="app", folder="/x", interface=interface, framework=framework)
    return {target.name: target.unsuited for target in draft(Order(app=app)).targets}


def test_asgi_apps_run_where_a_server_runs_them_by_itself() -> None:
    names = drafted_names(Interface.ASGI)
    assert {"uvicorn", "hypercorn", "granian", "gunicorn-asgi", "pyvoy"} <= {
        name for name, why in names.items() if not why
    }
    assert "uvicorn-a2wsgi" not in names
    assert "WSGI apps alone" in names["waitress"]


def test_wsgi_apps_run_everywhere_but_where_it_makes_no_sense() -> None:
    left_out = {name: why for name, why in drafted_names(Interface.WSGI, "django").items() if why}
    assert set(left_out) == {"flask", "nginx-offload"}
    left_out = {name: why for name, why in drafted_names(Interface.WSGI, "flask").items() if why}
    assert set(left_out) == {"nginx-offload"}
    known = load_deployments(COMPOSE)
    groups = {"core", "servers"}
    assert set(drafted_names(Interface.WSGI)) == {
        name for name, made in known.items() if made.group in groups
    }


BAD = {
    "import nowhere": "No module named 'nowhere' (shop.py, line 1)",
    "1 / 0": "ZeroDivisionError: division by zero (shop.py, line 1)",
    "raise SystemExit(3)": "SystemExit: 3",
    "app = 3": "its type is int",
    "def app(): pass": "if it is a factory, write it with ()",
    "def shop(environ, start_response): pass": "shop has no app; shop has shop",
    "import os; os._exit(3)": "ended the process that imported it",
}


@pytest.mark.parametrize("text", BAD)
def test_an_app_that_cannot_run_is_one_line_with_its_own_reason(text: str, tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(text)
    done = lab("run", "--app", f"{tmp_path / 'shop.py'}:app", "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert BAD[text] in done.stderr
    assert not (tmp_path / "runs").exists()


def test_the_command_to_repeat_names_the_app_wherever_it_is_typed(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "__init__.py").write_text("def app(environ, start_response): pass")
    app = OwnApp(module="shop", attribute="app", folder=str(tmp_path))
    option, word = own_app_words(app)
    assert option == "--app"
    asked = {"app": word, "route": None, "requirements": None, "environment": (), "guard": False}
    assert app_of(asked) == app


def test_the_guard_is_refused_for_an_asgi_app_which_it_would_break(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("async def app(scope, receive, send): pass")
    done = lab("run", "--app", f"{tmp_path / 'shop.py'}:app", "--guard", "--out", tmp_path / "runs")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--guard wraps WSGI apps, and shop:app is an ASGI app" in done.stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--route", "/x"], "add --app MODULE:NAME"),
        (["--app", "shop"], "is not MODULE:NAME"),
        (["--app", "none.py:app"], "is no file"),
        (["--app", "shop:app", "--route", "x"], "is no path"),
        (["--app", "shop:app", "--requirements", "none.txt"], "is no file"),
        (["--app", "shop:app", "--env", "NOT_SET_HERE"], "is not set here"),
        (["--app", "shop:app", "--env", "PATH"], "the lab sets it"),
        (["--app", "shop:app", "--target", "a=http://127.0.0.1:1"], "leave out one of them"),
        (["--app", "shop:app", "--form", "a", "--field", "b"], "name one"),
    ],
)
def test_options_that_make_no_sense_say_so(words: list[str], reason: str) -> None:
    done = lab("run", *words)
    assert done.returncode == 2
    assert reason in done.stderr


def test_a_wrong_route_names_the_right_ones_and_a_secret_stays_out_of_the_run(tmp_path: Path) -> None:
    done = lab(
        "run", "--app", f"{APPS / 'flask_stream' / 'app.py'}:app", "--route", "/uplaod",
        "--env", "SHOP_SECRET", "--deployments", "flask", "--sizes", "1MiB", "--rounds", "1",
        "--out", tmp_path,
        SHOP_SECRET="not-to-be-stored",
    )  # fmt: skip
    said = " ".join((done.stdout + done.stderr).split())
    assert "answered 404 at /uplaod behind every server; its routes: /upload" in said
    (run,) = tmp_path.glob("*-own-app")
    text = (run / "run.json").read_text()
    assert "SHOP_SECRET" in text
    assert "not-to-be-stored" not in text
    assert "--env SHOP_SECRET" in (run / "report.html").read_text()
    again = lab("resume", run)
    assert again.returncode == 2
    assert "--env SHOP_SECRET is not set here" in again.stderr


def guarded(body: bytes, **environ: str) -> tuple[str, list[bytes]]:
    """Return the status that a guarded app answers, and what it has read in all."""
    read: list[bytes] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        while block := environ["wsgi.input"].read(1000):
            read.append(block)
        start_response("201 Created", [])
        return [b"stored"]

    statuses: list[str] = []
    request = {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(body), **environ}
    assert b"".join(Guard(app)(request, lambda status, *_: statuses.append(status)))
    return statuses[-1], read


DIGEST = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:"  # of hello


def test_the_guard_lets_only_whole_bodies_with_their_digest_through() -> None:
    whole = guarded(b"hello", CONTENT_LENGTH="5", HTTP_REPR_DIGEST=DIGEST)
    assert whole == ("201 Created", [b"hello"])
    assert guarded(b"hell", CONTENT_LENGTH="5")[0].startswith("400")
    status, read = guarded(b"jello", CONTENT_LENGTH="5", HTTP_REPR_DIGEST=DIGEST)
    assert (status[:3], b"".join(read)) == ("400", b"")
    assert guarded(b"hello", HTTP_TRANSFER_ENCODING="chunked")[0].startswith("411")
    assert guarded(b"hello")[0].startswith("411")
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": "1"}
    assert guarded(b"hello", **chunked, HTTP_REPR_DIGEST=DIGEST)[0].startswith("201")
    assert guarded(b"jello", **chunked, HTTP_REPR_DIGEST=DIGEST)[0].startswith("400")
