"""How the app refuses: logged once, by its limits, with the rest of the body read; and what fsync does."""

import io
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from upload_app import linger

from .test_app import BODY, FORM_ROUTES, client, refused, send_form


@pytest.mark.parametrize("route", ["/request-stream", *FORM_ROUTES])
def test_a_refusal_is_logged_once_and_a_clients_text_cannot_forge_a_line(
    tmp_path: Path, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = client(tmp_path)
    caplog.clear()
    answer = app.post(f"{route}?budget=x%0aERROR", data=BODY)
    assert 400 <= answer.status_code < 500
    app.post("/no%0asuch", data=BODY)
    first, second = caplog.records
    assert (first.levelname, "\n" in first.getMessage()) == ("WARNING", False)
    assert f"'POST' '{route.partition('?')[0]}' refused: {answer.status_code}, " in first.getMessage()
    assert "'/no\\nsuch' refused: 404" in second.getMessage()


def test_a_defect_of_the_app_is_logged_with_its_cause_and_tells_the_client_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret")

    monkeypatch.setattr("upload_app.receivers.receive_blocks", fail)
    app = client(tmp_path)
    app.application.config["PROPAGATE_EXCEPTIONS"] = False
    caplog.clear()
    refused(app.post("/request-stream", data=BODY), 500, "internal error", tmp_path)
    (record,) = caplog.records
    assert record.exc_info and "a secret" in str(record.exc_info[1])


def test_a_client_may_lower_the_limit_but_not_raise_it(tmp_path: Path) -> None:
    app = client(tmp_path, MAX_CONTENT_LENGTH="1000")
    for limit, status in (
        ("999", 413),
        ("1000", 201),
        ("100000", 201),
        ("x", 400),
        ("-1", 400),
        ("9" * 5000, 400),
    ):
        assert app.post(f"/request-stream?limit={limit}", data=b"x" * 1000).status_code == status
    assert app.post("/request-stream?limit=100000", data=b"x" * 1001).status_code == 413


def test_an_upload_is_on_the_disk_before_it_is_answered_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name.partition(".")[2])

    monkeypatch.setattr("os.fsync", fsync)
    app = client(tmp_path)
    app.post("/request-stream?fsync=0", data=BODY)
    assert synced == []
    app.post("/request-stream?fsync=1", data=BODY)
    assert synced == ["part", ""]  # the file under its temporary name, then the folder
    send_form(client(tmp_path, FSYNC="1"), "/request-files")
    assert len(synced) == 4
    refused(client(tmp_path / "x").post("/request-stream?fsync=soon"), 400, "'soon'", tmp_path / "x")


class Trickle(io.RawIOBase):
    """A body that is there in pieces, and remembers how much of it was read."""

    def __init__(self, pieces: int) -> None:
        self.left = pieces

    def read(self, size: int = -1) -> bytes:
        self.left -= self.left > 0
        return b"x" * 1000 if self.left else b""


@pytest.mark.parametrize(("seconds", "left"), [("0", 50), ("30", 0)])
def test_after_a_refusal_the_rest_is_read_only_where_lingering_is_switched_on(
    tmp_path: Path, seconds: str, left: int
) -> None:
    app = client(tmp_path, LINGER_SECONDS=seconds)
    body = Trickle(50)
    environ = {"wsgi.input": body, "CONTENT_LENGTH": "49000"}
    answer = app.post("/request-stream?limit=7", environ_overrides=environ, buffered=True)
    assert answer.status_code == 413
    answer.close()
    assert body.left == left


def test_lingering_ends_with_its_time_or_with_the_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = client(tmp_path, LINGER_SECONDS="5")
    body = Trickle(10**9)
    ticks = count()
    monkeypatch.setattr(linger, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    app.post("/request-stream?limit=7", environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "8"}).close()
    assert body.left == 10**9 - 4, "one read for each look at a clock that has not passed the fifth second"
