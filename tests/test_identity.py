"""Who wrote an answer, and who is on the way: every program by what it has really answered.

recorded_ways.json has the answers of each way to the requests of ELICITING and to two more; the way's name
lists its programs, outermost first. Its errors are answers that each program has written to failed uploads.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from uploadlab.doctoring.causes import load_causes
from uploadlab.doctoring.identity import (
    ELICITING,
    KINDS,
    answered_by,
    hops,
    load_fingerprints,
    load_programs,
)
from uploadlab.model.exchanges import Ending, Exchange

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded_ways.json").read_text())
HIDDEN = {
    # Envoy writes its own name over the server's, and refuses all that only the server would refuse.
    **{f"envoy {name}": "envoy" for name in (
        "werkzeug", "waitress", "granian", "hypercorn", "uvicorn", "cheroot", "gevent", "tornado")},
    "envoy haproxy gunicorn": "envoy gunicorn",
    "apache haproxy gunicorn": "apache gunicorn",
    "apache gevent": "apache",
    "nginx tornado": "nginx",
    "nginx werkzeug": "nginx wsgiref",  # one page for all servers on http.server
    "mod_wsgi": "apache",
}  # fmt: skip
"""Ways of which less can be seen."""
FAKE = "<html><body><p>It works!</p></body></html>"


def exchange(number: int, label: str) -> Exchange:
    status, headers, content, ending = RECORDED["answers"][number]
    return Exchange(
        question="identity", label=label, status=status, headers=[tuple(pair) for pair in headers],
        content=content, ending=Ending(ending),
    )  # fmt: skip


def way(name: str) -> list[Exchange]:
    return [
        exchange(number, label)
        for number, label in zip(RECORDED["ways"][name], RECORDED["labels"], strict=True)
    ]


def answer(status: int, content: str = "", **headers: str) -> Exchange:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Exchange(question="sizes", status=status, headers=pairs, content=content)


@pytest.mark.parametrize("name", RECORDED["ways"])
def test_all_that_shows_itself_is_found_outermost_first(name: str) -> None:
    assert [hop.name for hop in hops(way(name))] == [*HIDDEN.get(name, name).split(), "flask"]


@pytest.mark.parametrize("name", RECORDED["ways"])
def test_an_answer_has_no_author_that_is_not_on_its_way(name: str) -> None:
    authors = {hop.name for sent in way(name) if (hop := answered_by(sent))}
    names = {*name.split(), *HIDDEN.get(name, name).split(), "flask"}
    # Of a program in Go and of Envoy, a page alone may show only the wider name.
    wider = {load_programs()[part].is_a for part in names if part in load_programs()}
    assert authors <= names | wider


@pytest.mark.parametrize("item", RECORDED["errors"], ids=lambda item: f"{item[0]}-{item[1]}")
def test_an_error_of_an_upload_shows_its_author(item: list[Any]) -> None:
    author, status, headers, content = item
    sent = Exchange(
        question="sizes", status=status, headers=[tuple(pair) for pair in headers], content=content
    )
    found = answered_by(sent)
    assert (found and found.name, found and found.is_observed) == (author, True)


def test_versions_are_read_where_they_stand() -> None:
    assert [str(hop) for hop in hops(way("nginx gunicorn"))] == ["nginx 1.22.1", "gunicorn", "Flask"]
    assert str(hops(way("haproxy cheroot"))[1]) == "cheroot 11.1.2"


def test_the_author_is_not_who_put_a_name_on_the_answer() -> None:
    found = answered_by(way("nginx gunicorn")[1])
    assert (found and found.name, found and found.evidence[:6]) == ("gunicorn", "<html>")
    assert way("nginx gunicorn")[1].header("server") == "nginx/1.22.1"


def test_the_words_that_were_seen_are_the_evidence() -> None:
    assert [hop.evidence for hop in hops(way("nginx uwsgi"))][:2] == [
        "<hr><center>nginx/1.22.1</center>",
        "a request line of 5,000 bytes was answered 502",
    ]


@pytest.mark.parametrize(
    "sent",
    [
        answer(200, FAKE, server="nginx/1.22.1"),
        answer(200, '{"size": 5}', content_type="application/json", date="x"),
        answer(413, '{"error": "too large"}', content_type="application/json", server="envoy"),
        answer(400, "Bad Request", content_type="text/plain", date="x", server="nginx"),
        answer(502, "", date="x", content_length="0"),
        answer(404, "", server="envoy", x_envoy_upstream_service_time="3"),
        answer(404, "", server="Caddy", via="1.1 Caddy"),
        Exchange(question="sizes", ending=Ending.RESET),
    ],
)
def test_an_answer_that_anyone_can_have_written_has_no_author(sent: Exchange) -> None:
    assert answered_by(sent) is None


NGINX_LIKE = "<html>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>{}</center>\r\n"
DOCUMENTED = {
    "cloudflare": answer(413, NGINX_LIKE.format("cloudflare"), server="cloudflare"),
    "azure": answer(413, NGINX_LIKE.format("Microsoft-Azure-Application-Gateway/v2"), server="x"),
    "cloudfront": answer(403, "<PRE>\nGenerated by cloudfront (CloudFront)\nRequest ID: x==\n</PRE>"),
    "awsapigateway": answer(413, "HTTP content length exceeded 10485760 bytes."),
    "awselb": answer(400, "<center><h1>400 Bad Request</h1></center>", server="awselb/2.0"),
    "google": answer(413, "<title>Error 413 (Request Entity Too Large)!!1</title>"),
    "vercel": answer(413, "Request Entity Too Large\n\nFUNCTION_PAYLOAD_TOO_LARGE\n\nfra1::x-1-2"),
    "akamai": answer(503, "Reference&#32;&#35;11&#46;2e373217".replace("&#46;", ".") + ".1558103133.1dedf6b"),
    "varnish": answer(503, "<h3>Guru Meditation:</h3>\n<p>XID: 7</p>\n<hr>\n<p>Varnish cache server</p>"),
    "squid": answer(400, "<h1>ERROR</h1>", server="squid/3.4.8", x_squid_error="ERR_INVALID_URL 0"),
    "modsecurity": answer(406, "This error was generated by Mod_Security.", server="Apache"),
    "iis": answer(404, "<title>IIS Detailed Error - 404.13 - Not Found</title>"),
    "heroku": answer(502, "<html>", server="Cowboy", cache_control="no-cache, no-store"),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_was_not_tried_here_is_a_match_and_no_proof(name: str) -> None:
    found = answered_by(DOCUMENTED[name])
    assert (found and found.name, found and found.is_observed) == (name, False)


def test_a_platform_stands_before_the_fronts() -> None:
    page = "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>"
    through = answer(404, page, server="nginx/1.26.2", via="1.1 vegur")
    assert [str(hop) for hop in hops([through])] == ["Heroku", "nginx 1.26.2", "Flask"]


def test_a_failing_app_behind_a_front_is_not_taken_for_uwsgi() -> None:
    down = [Exchange(question="identity", label=label, status=502, headers=[("server", "nginx")],
                     content="<hr><center>nginx</center>") for label in RECORDED["labels"]]  # fmt: skip
    assert [hop.name for hop in hops(down)] == ["nginx"]


def test_two_versions_of_a_program_are_two_hops() -> None:
    outer = answer(413, "<hr><center>nginx/1.26.2</center>", server="nginx/1.26.2")
    inner = answer(413, "<hr><center>nginx/1.22.1</center>", server="nginx/1.26.2")
    assert [hop.version for hop in hops([outer, inner])] == ["1.26.2", "1.22.1"]


def test_no_requests_show_nothing() -> None:
    assert hops([]) == []


def test_the_eliciting_requests_are_few_harmless_and_complete() -> None:
    heads = [head.format(host="app.example", path="/up").encode("latin-1") for head in ELICITING.values()]
    assert len(heads) <= 5
    assert [head for head in heads if not (head.startswith(b"GET /up") and head.endswith(b"\r\n\r\n"))] == []
    assert [head for head in heads if b"ontent-Length" in head or b"ransfer-Encoding" in head] == []
    assert set(ELICITING) <= set(RECORDED["labels"])


def test_every_fingerprint_says_where_it_is_from() -> None:
    for mark in load_fingerprints():
        assert mark.program in load_programs()
        assert mark.seen in ("observed", "documented")
        assert mark.proves in ("wrote", "passed")
        assert mark.source.startswith("https://") is (mark.seen == "documented"), mark
        assert any((mark.content, mark.headers, mark.empty, mark.label)), mark
        assert not mark.label or mark.label in ELICITING
    assert {program.kind for program in load_programs().values()} == set(KINDS)


def test_hops_with_causes_have_the_name_that_causes_toml_uses() -> None:
    theirs = {cause.hop for cause in load_causes().values()} - {"app", "link", "tls", "client"}
    assert theirs - set(load_programs()) == set()
