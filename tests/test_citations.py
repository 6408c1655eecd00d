"""What counts as a citation, and that each is declared with what it says; statements that were corrected."""

import re
from pathlib import Path

import pytest
from uploadlab.pages import citations
from uploadlab.paths import ROOT

TEXT = """
A thread (unbit/uwsgi#1428), its address https://github.com/psf/requests/pull/6568, CVE-2023-46136 and
GHSA-hrfv-mqp8-q5rw; RFC 9112, 2.2, 3 and 3.2.2, RFC 9112, section 9.6), RFC 2231's; no thread: the anchors
docs/troubleshooting.md#413-above-1-mb and (checks.md#1).
<!-- begin: recipe x.py -->
RFC 1, 1: a generated part
<!-- end -->
[pallets/flask#1](https://github.com/pallets/flask/issues/1)
"""
FOUND = [
    (2, "unbit/uwsgi#1428"),
    (2, "psf/requests#6568"),
    (2, "CVE-2023-46136"),
    (3, "GHSA-hrfv-mqp8-q5rw"),
    *[(3, f"RFC 9112, {section}") for section in ("2.2", "3", "3.2.2", "9.6")],
    (3, "RFC 2231"),
    (8, "pallets/flask#1"),
]


def test_threads_advisories_and_sections_are_citations() -> None:
    assert list(citations.cited(TEXT)) == FOUND


def test_each_citation_says_what_is_there_and_where_it_was_seen() -> None:
    declared = citations.load_citations()
    assert set(declared) == set(citations.places())
    threads = [citation for what, citation in declared.items() if not what.startswith("RFC")]
    assert [citation.what for citation in threads if not (citation.says and citation.seen)] == []


def test_what_is_not_declared_fails_the_check_with_its_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = citations.places()
    gone = next(iter(known))
    rest = {what: where for what, where in known.items() if what != gone}
    monkeypatch.setattr(citations, "places", lambda: {**rest, "a/b#1": ["docs/x.md:7"]})
    with pytest.raises(SystemExit) as end:
        citations.main()
    assert "docs/x.md:7 cites a/b#1: read it, and add to configs/citations.toml" in str(end.value)
    assert f"configs/citations.toml has {gone}, which nothing cites" in str(end.value)
    assert "a/b#1: docs/x.md:7\n" in capsys.readouterr().out


def test_the_check_lists_them() -> None:
    assert "python -m uploadlab.pages.citations\n" in (ROOT / "scripts/check").read_text()


WRONG = {
    r"\b16k by default|16 KiB at a time \(`client_body": "client_body_buffer_size is two pages, 8k on x86-64",
    r"takes no answer from a broken connection": "urllib3 2.2 reads an answer that arrived",
    r"body of CRs took": "it is one line after a CR or LF",
    r"in 1, 3, 7 s|1, 3 or 7 seconds": "since Linux 6.5: 1, 2, 3, 4, 5, 7, 11 s",
    r"a 500 for chunked": "the router drops chunked bodies",
    r"uwsgi_proto: timeout": "no version of uWSGI says that",
    r"from the first byte of the request": "harakiri counts from the end of the head",
    r"no file of an empty body": "one with a length or chunks has a file",
    r"on by default: a socket in the home": "control_socket_disable is off by default",
    r"whose size is no number ends|what is no number for the last": "only a size that begins with a letter",
    r"uWSGI,? (which|and uWSGI) never answers|uWSGI never answers": "its router can",
    r"unless one of the two variables": "any of four settings of malloc",
    r"form's field that is no file may have 500,000": "each of a multipart form; 1,000 parts since 2.2.3",
    r"with threads, later requests hang": "up to gunicorn 23",
    r"Flask's own server does, others": "only while bytes keep coming",
    r"often lost this way": "only an answer that did not arrive is lost",
    r"`nginx -T` shows `client_body_temp_path`,": "only where a config sets it",
    r"nginx writes every body to a file": "only one that is larger than its buffer",
    r"permission denied\" \(\[nginx-proxy/nginx-proxy#1208": "that one has no space left",
}
"""Statements that were wrong, and why."""


def statements() -> list[Path]:
    """The files that say something of servers and clients, records of runs left out."""
    tops = ("README.md", "compose.yaml", "client", "configs", "docs", "services")
    files = [path for top in tops for path in [ROOT / top, *(ROOT / top).rglob("*")] if path.is_file()]
    return [path for path in files if path.suffix in citations.SUFFIXES]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_corrected_statement_stays_corrected(wrong: str) -> None:
    found = [path for path in statements() if re.search(wrong, " ".join(path.read_text().split()))]
    assert found == [], WRONG[wrong]
