"""From what the doctor saw to the cause that it names first: rules are pure."""

from typing import Any

import pytest
from uploadlab.doctoring.diagnose import diagnose_endpoint, joined
from uploadlab.doctoring.identity import MALFORMED
from uploadlab.model.diagnoses import Confidence, Weight
from uploadlab.model.exchanges import Arrived, Ending, Examination, Exchange, Framing, Stop, Stored, Wire

MB = 1_000_000
FAR = "/upload-lab-probe"


def page(words: str, server: str = "nginx/1.22.1") -> dict[str, Any]:
    return {
        "content": f"<html><h1>{words}</h1><hr><center>{server}</center></html>",
        "headers": [("server", server)],
    }


NGINX = page("413 Request Entity Too Large")
FLASK = {
    "content": "<!doctype html>\n<html lang=en>\n<title>413 Request Entity Too Large</title>\n<h1>R</h1>"
}
GUNICORN = {"headers": [("server", "gunicorn")]}
OF_GUNICORN = (
    "<html>\n  <head>\n    <title>Request Header Fields Too Large</title>\n  </head>\n  <body>\n"
    "    <h1><p>Request Header Fields Too Large</p></h1>"
)
JSON = {"content": '{"error": "no"}'}


def ex(question: str, status: Any = 201, label: Any = "", **more: Any) -> Exchange:
    """One request; a success by default."""
    ending = more.pop("ending", Ending.ANSWERED if status else Ending.CLOSED)
    known = {"sent_seconds": 0.01, "seconds": 0.02, "body_bytes": 10_001, "path": "/up", **more}
    known.setdefault("sent_bytes", known["body_bytes"])
    success = known.pop("is_success", status is not None and status < 300)
    return Exchange(question=question, label=label, status=status, ending=ending, is_success=success, **known)


def far(question: str, status: Any = 200, size: Any = 10_001, **more: Any) -> Exchange:
    """One request to the far end; what arrived is whole by default."""
    arrived = Arrived(size_bytes=size, digest="", began=0.0, interface="wsgi", **more.pop("arrived", {}))
    whole = status == 200
    more = {"stored": Stored.WHOLE if whole else Stored.UNKNOWN, **more}
    return ex(question, status, path=FAR, arrived=arrived if whole else None, **more)


def examined(*exchanges: Exchange, **more: Any) -> Examination:
    far_end = FAR if any(exchange.path == FAR for exchange in exchanges) else ""
    wire = more.pop("wire", Wire(round_trip_seconds=0.001, versions=["HTTP/1.1"]))
    return Examination(
        url="http://127.0.0.1/up",
        started_at="",
        version="",
        far_end=far_end,
        wire=wire,
        exchanges=list(exchanges),
        rungs=[6.0],
        **more,
    )


FIRST = ex("first")
FIRST_FAR = far("first")
CUT_AT_3 = {"sent_seconds": None, "seconds": 3.0, "body_bytes": 65536}
PAUSED = {"paused": [(0.0, 3.0)], **CUT_AT_3}
UWSGI = ex("identity", None, "a request line of 5,000 bytes", body_bytes=0)
CHUNKED = {"framing": Framing.CHUNKED, "body_bytes": 200_001}
WHOLE = ex("chunked", content='{"size": 200001}', body_bytes=200_001)
OVER = {"body_bytes": 5 * MB, "sent_seconds": None}
CASES = {
    "nginx refuses what is announced": (
        [
            FIRST,
            ex("announced", None, body_bytes=MB, ending=Ending.LEFT),
            ex("announced", 413, **OVER, **NGINX),
        ],
        "nginx.client_max_body_size",
        Confidence.PROVEN,
    ),
    "the app refuses by a page of Flask": (
        [FIRST, ex("announced", 413, **OVER, **FLASK)],
        "app.MAX_CONTENT_LENGTH",
        Confidence.LIKELY,
    ),
    "only the app refuses, the far end takes as much": (
        [FIRST, ex("sent", 413, **OVER, **JSON), far("sent", size=5 * MB, body_bytes=5 * MB)],
        "app.MAX_CONTENT_LENGTH",
        Confidence.PROVEN,
    ),
    "the server closes on a large body": (
        [FIRST, UWSGI, ex("announced", None, **OVER)],
        "uwsgi.limit-post",
        Confidence.LIKELY,
    ),
    "a form is refused, though its length is not": (
        [
            ex("first", is_form=True),
            ex("announced", None, body_bytes=9 * MB, ending=Ending.LEFT),
            ex("sent", 413, is_form=True, body_bytes=MB, **FLASK),
        ],
        "app.MAX_FORM_MEMORY_SIZE",
        Confidence.LIKELY,
    ),
    "large bodies end with 500 at nginx": (
        [FIRST, ex("sent", 500, body_bytes=5 * MB, **page("500 Internal Server Error"))],
        "nginx.client_body_temp_path",
        Confidence.LIKELY,
    ),
    "the app's disk is full": (
        [FIRST, ex("sent", 507, body_bytes=5 * MB, **JSON)],
        "app.disk",
        Confidence.PROVEN,
    ),
    "a chunked body is lost at uWSGI": (
        [FIRST, UWSGI, WHOLE, ex("chunked", content='{"size": 0}', **CHUNKED)],
        "uwsgi.chunked-input",
        Confidence.LIKELY,
    ),
    "the far end proves that nginx hides the chunks from uWSGI": (
        [
            FIRST,
            ex("identity", 400, MALFORMED, **page("400 Bad Request")),
            far("chunked", size=200_001, body_bytes=200_001),
            far(
                "chunked",
                size=200_001,
                arrived={"transfer_encoding": "chunked", "content_length": "200001", "server": "uwsgi"},
                **CHUNKED,
            ),
        ],
        "nginx.uwsgi_param HTTP_TRANSFER_ENCODING",
        Confidence.PROVEN,
    ),
    "a part is kept, as read back": (
        [FIRST, ex("sent", body_bytes=5 * MB, stored=Stored.PART)],
        "app.reads-a-part",
        Confidence.LIKELY,
    ),
    "silence is ended by nginx with 408": (
        [FIRST, ex("silence", 408, **PAUSED, **page("408 Request Time-out")), ex("duration", seconds=6.0)],
        "nginx.client_body_timeout",
        Confidence.PROVEN,
    ),
    "silence is ended by the server, a slow upload is not": (
        [FIRST, UWSGI, ex("silence", 500, **PAUSED, **FLASK), ex("duration", seconds=6.0)],
        "uwsgi.socket-timeout",
        Confidence.LIKELY,
    ),
    "silence ends at nginx's default, though uWSGI is behind it": (
        [
            ex("first", headers=[("server", "nginx/1.22.1")]),
            ex("silence", None, paused=[(0.0, 60.1)], sent_seconds=None, seconds=60.1),
            ex("duration", seconds=61.0),
        ],
        "nginx.client_body_timeout",
        Confidence.LIKELY,
    ),
    "silent or not, the worker is killed": (
        [ex("first", **GUNICORN), ex("silence", None, **PAUSED), ex("duration", None, **CUT_AT_3)],
        "gunicorn.timeout",
        Confidence.LIKELY,
    ),
    "behind nginx, a killed worker is a 502": (
        [
            ex("first", headers=[("server", "nginx/1.22.1")]),
            ex("duration", 502, **CUT_AT_3, **page("502 Bad Gateway")),
        ],
        "uwsgi.harakiri",
        Confidence.LIKELY,
    ),
    "a late answer is given up by nginx": (
        [FIRST, FIRST_FAR, far("waiting", 504, seconds=3.0, **page("504 Gateway Time-out"))],
        "nginx.proxy_read_timeout",
        Confidence.PROVEN,
    ),
    "a front gives up on an app that works on a large upload": (
        [
            ex("first", headers=[("server", "nginx/1.22.1")]),
            ex("sent", 504, body_bytes=5 * MB, seconds=2.1, **page("504 Gateway Time-out")),
            ex("duration", seconds=6.6),
        ],
        "nginx.uwsgi_read_timeout",
        Confidence.LIKELY,
    ),
    "the line cuts what the server would take": (
        [
            ex("first", **GUNICORN),
            ex("announced", None, body_bytes=9 * MB, ending=Ending.LEFT),
            ex("sent", body_bytes=MB),
            ex("sent", None, body_bytes=5 * MB, ending=Ending.RESET, sent_seconds=None),
        ],
        "link.loss",
        Confidence.LIKELY,
    ),
    "endpoint and far end both wait: all workers are busy": (
        [
            *(ex(question, seconds=2.0, **GUNICORN) for question in ("first", "chunked", "empty")),
            *(far(question, seconds=2.0) for question in ("first", "chunked", "empty")),
        ],
        "gunicorn.workers",
        Confidence.POSSIBLE,
    ),
    "the body is collected in front, as the far end shows": (
        [
            FIRST,
            ex("identity", 400, MALFORMED, **page("400 Bad Request")),
            FIRST_FAR,
            far(
                "buffering",
                paused=[(0.1, 2.1)],
                seconds=2.2,
                arrived={"first_seconds": 0.001, "last_seconds": 0.002, "server": "gunicorn"},
            ),
        ],
        "nginx.proxy_request_buffering",
        Confidence.PROVEN,
    ),
    "long headers are refused by gunicorn": (
        [
            FIRST,
            ex("heads", head_bytes=2000),
            ex(
                "heads",
                431,
                head_bytes=4000,
                content=OF_GUNICORN,
            ),
        ],
        "gunicorn.limit_request_field_size",
        Confidence.PROVEN,
    ),
    "nginx wants a password": (
        [
            ex(
                "first",
                401,
                headers=[("www-authenticate", "Basic realm=x")],
                content=page("401 Authorization Required")["content"],
            )
        ],
        "nginx.auth_basic",
        Confidence.PROVEN,
    ),
    "the app redirects to its login": (
        [ex("first", 302, headers=[("location", "/login")], **JSON)],
        "app.login",
        Confidence.PROVEN,
    ),
    "another method arrives": (
        [ex("first", 405, **JSON), ex("first", label="PUT")],
        "app.method",
        Confidence.PROVEN,
    ),
    "another field arrives": (
        [ex("first", 400, is_form=True, content='{"error": "no file"}'), ex("first", is_form=True)],
        "app.field",
        Confidence.PROVEN,
    ),
    "a refusal breaks the connection": (
        [
            ex("first", **GUNICORN),
            ex("early", None, ending=Ending.RESET, error="Broken pipe", sent_seconds=None),
        ],
        "gunicorn.early-close",
        Confidence.LIKELY,
    ),
    "the app answers late, the far end at once": (
        [
            ex("first", seconds=4.0),
            ex("expect", seconds=4.0),
            far("first"),
            far("chunked", body_bytes=200_001),
        ],
        "app.slow-answer",
        Confidence.PROVEN,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_cause_that_is_named_first(case: str) -> None:
    exchanges, cause, confidence = CASES[case]
    said = diagnose_endpoint(examined(*exchanges))
    assert said.findings, case
    assert (said.findings[0].cause, said.findings[0].confidence) == (cause, confidence), said.findings
    assert all(other.test and other.cause != cause for other in said.findings[0].others)
    assert said.findings[0].evidence


def test_what_arrives_has_no_finding_above_a_note() -> None:
    healthy = [
        FIRST,
        ex("announced", None, body_bytes=10**10, ending=Ending.LEFT),
        ex("sent", body_bytes=33 * MB),
        WHOLE,
        ex("chunked", content='{"size": 200001}', **CHUNKED),
        ex("heads", head_bytes=7000),
        ex("heads", 431, head_bytes=15000),
        ex("silence", seconds=6.6),
        ex("duration", seconds=6.6),
    ]
    said = diagnose_endpoint(examined(*healthy))
    assert {found.weight for found in said.findings} <= {Weight.NOTE}
    assert any("MiB" in fact for fact in said.facts)


def test_bytes_that_are_lost_come_before_all_else() -> None:
    lost = ex("chunked", content='{"size": 0}', **CHUNKED)
    said = diagnose_endpoint(examined(FIRST, UWSGI, WHOLE, lost, ex("announced", 413, **OVER, **NGINX)))
    assert [found.weight for found in said.findings] == [Weight.LOSS, Weight.PROBLEM]


def test_a_cause_is_named_once_with_all_its_evidence() -> None:
    cut = [ex("silence", None, **PAUSED), ex("duration", None, **CUT_AT_3), far("waiting", None, seconds=3.0)]
    said = diagnose_endpoint(examined(ex("first", **GUNICORN), FIRST_FAR, *cut))
    assert [found.cause for found in said.findings].count("gunicorn.timeout") == 1


def test_an_untrusted_certificate_and_a_429_are_findings() -> None:
    wire = Wire(certificate="self-signed certificate", round_trip_seconds=0.001)
    untrusted = diagnose_endpoint(examined(wire=wire, stop=Stop.UNUSABLE, why="it is not trusted"))
    assert [found.cause for found in untrusted.findings] == ["tls.certificate"]
    limited = diagnose_endpoint(examined(FIRST, ex("first", 429), stop=Stop.LIMITED, why="429"))
    assert [found.cause for found in limited.findings] == ["app.rate-limit"]


def test_what_was_not_asked_is_said() -> None:
    said = diagnose_endpoint(
        examined(ex("first", is_form=True), as_form=True, skipped={"early": "the budget is over"})
    )
    assert said.unasked == ["early: the budget is over"]
    both = joined([said, said])
    assert len(both.unasked) == 2
