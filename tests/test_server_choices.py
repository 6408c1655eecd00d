"""docs/servers.md and docs/links.md: which server to choose, and when each ends a slow upload."""

from typing import Any

import msgspec
import pytest
from uploadlab.analysis.server_facts import ServerFacts, server_facts
from uploadlab.model.checks import Check, Verdict
from uploadlab.pages import server_choices, slow_uploads
from uploadlab.pages.server_choices import SITUATIONS, best_for, first_choice
from uploadlab.units import GIB

from .helpers import ALL_DEPLOYMENTS

BY_TEXT = {situation.text: situation for situation in SITUATIONS}
UNKNOWN = BY_TEXT["clients you do not know"]


def limit(case: str, name: str, seconds: float | None = None, stopped_by: int | None = None) -> Check:
    return Check(
        case=case, deployment=name, route="", label="", started_at="", verdict=Verdict.PASS, text="",
        seconds=seconds, stopped_by=stopped_by,
    )  # fmt: skip


def sound(name: str, cpu: float, silence: float | None = 30.0, **more: Any) -> ServerFacts:
    """A server that passes everything."""
    empty = server_facts(ALL_DEPLOYMENTS[name], {}, [], [], 1.5)
    fields = {
        "chunked": "kept", "cut_noticed": True, "cut_chunks_noticed": True, "refusal_seen": True,
        "malformed_refused": True, "most_bytes": GIB, "body_silence": limit("silent-body", name, silence),
        "duration": limit("slow-body", name), "slow_clients": limit("slow-clients", name),
        "waits": "streamed", "cpu_seconds_per_gb": cpu, "memory_bytes": 1,
    }  # fmt: skip
    return msgspec.structs.replace(empty, **(fields | more))


def known(monkeypatch: pytest.MonkeyPatch, *facts: ServerFacts) -> None:
    pairs = [(made, ALL_DEPLOYMENTS[made.name].group) for made in facts]
    for module in (server_choices, slow_uploads):
        monkeypatch.setattr(module, "known_servers", lambda: pairs)


def names(situation: server_choices.Situation) -> list[str]:
    return [facts.name for facts in best_for(situation)]


def test_the_cheapest_server_that_passes_everything_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    known(
        monkeypatch, sound("flask", 0.1), sound("gunicorn-gthread", 0.6), sound("uwsgi-tuned", 0.5),
        sound("nginx-proxy-streaming", 0.9), sound("haproxy-tls", 1.9), sound("nginx-tls", 2.0),
    )  # fmt: skip
    assert names(UNKNOWN)[:2] == ["uwsgi-tuned", "gunicorn-gthread"]
    assert names(BY_TEXT["large files behind TLS"]) == ["haproxy-tls", "nginx-tls"]
    said = first_choice()
    assert said.startswith("**If in doubt, choose `uwsgi-tuned`.**")
    assert "take `nginx-proxy-streaming`, or `haproxy-tls` for TLS" in said
    assert "as 5 of 6 deployments do" in said


@pytest.mark.parametrize(
    "fault",
    [
        {"chunked": "lost"}, {"cut_noticed": False}, {"cut_chunks_noticed": False}, {"refusal_seen": False},
        {"malformed_refused": False}, {"malformed_refused": None}, {"most_bytes": 1 << 20},
        {"refused_bytes": GIB}, {"chunked": None}, {"cpu_seconds_per_gb": None},
        {"slow_clients": limit("slow-clients", "gunicorn", stopped_by=1)},
        {"body_silence": limit("silent-body", "gunicorn")},
    ],
)  # fmt: skip
def test_a_server_with_a_fault_is_not_chosen(fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, sound("gunicorn", 0.1, **fault), sound("uwsgi-tuned", 0.5))
    assert names(UNKNOWN) == ["uwsgi-tuned"]


def test_a_server_that_stores_malformed_bodies_is_for_clients_that_you_know(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known(
        monkeypatch, sound("uwsgi-tuned", 0.1, malformed_refused=False), sound("gunicorn-gthread", 0.5),
        sound("nginx-proxy-streaming", 0.9, malformed_refused=False), sound("nginx-tls", 2.0),
    )  # fmt: skip
    assert names(UNKNOWN) == ["gunicorn-gthread", "nginx-tls"]
    assert names(BY_TEXT["slow mobile clients"])[0] == "uwsgi-tuned"
    said = first_choice()
    assert said.startswith("**If in doubt, choose `gunicorn-gthread`.**")
    assert "take `nginx-proxy-streaming`, or `nginx-tls` for TLS" in said


def test_a_phone_needs_a_server_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, sound("uwsgi-default", 0.1, silence=4.0), sound("uwsgi-tuned", 0.5))
    assert names(BY_TEXT["slow mobile clients"]) == ["uwsgi-tuned"]
    assert names(UNKNOWN) == ["uwsgi-default", "uwsgi-tuned"]


def test_times_of_one_limit_share_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    known(
        monkeypatch, sound("gunicorn", 1, 31.2), sound("uwsgi-tuned", 1, 30.1), sound("cheroot", 1, 10.0),
        sound("flask", 1, None),
    )  # fmt: skip
    text = slow_uploads.slow_upload_limits()
    assert "| is silent in mid-body | 10 s | `cheroot` |" in text
    assert "|  | 30 to 31 s | `gunicorn`, `uwsgi-tuned` |" in text
    assert "|  | not within 120 s | `flask` |" in text
    assert "| sends a little each second | not within 120 s | all other 4 |" in text
