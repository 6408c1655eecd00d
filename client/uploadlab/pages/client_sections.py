"""The part of docs/clients.md that goes on client by client."""

from uploadlab.analysis.client_facts import ClientFacts
from uploadlab.analysis.client_findings import by_ways
from uploadlab.catalogue.clients import CLIENTS
from uploadlab.model.checks import Verdict
from uploadlab.pages.clients import LARGE, MARKS, SMALL, known_clients, rate_of_curl
from uploadlab.pages.part import page_part, untitled
from uploadlab.presenting.client_tables import milliseconds
from uploadlab.presenting.figures import figure, grouped, hundredths, mib
from uploadlab.units import format_size

RECIPE_OF = {
    "requests": "upload.py",
    "httpx": "upload_httpx.py",
    "aiohttp": "upload_aiohttp.py",
    "http-client": "upload_http_client.py",
    "chromium": "upload.html",
}
"""Files of docs/recipes that send as a client does."""
WRONG = (Verdict.LOSS, Verdict.ENDLESS, Verdict.FAIL)
"""What is listed below each client, the worst first."""


@page_part
def each_client() -> str:
    """Return a section for each client: its ways, what it gets wrong, what to use, what it cannot."""
    return "\n".join(map(_section, known_clients().facts))


def _section(facts: ClientFacts) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in facts.versions.items())
    title = CLIENTS[facts.client].title
    parts = [f"### {facts.client}\n", f"{title} {versions}.\n" if versions else f"{title}\n"]
    parts += [_ways_table(facts), *_wrong_lines(facts), *_cannot_lines(facts), *_recipe_lines(facts.client)]
    return "\n".join(parts)


def _ways_table(facts: ClientFacts) -> str:
    header = [
        "way", "what it does", "MB/s (of curl)", "CPU s/GB", f"memory, {format_size(SMALL)}",
        f"memory, {format_size(LARGE)}", "before the first byte",
    ]  # fmt: skip
    described = CLIENTS[facts.client].ways
    rows = [
        [
            f"`{way.way}`", " ".join(described[way.way].split()), rate_of_curl(way),
            figure(way.cpu_seconds_per_gb, hundredths), figure(way.peak_bytes.get(SMALL), mib),
            figure(way.peak_bytes.get(LARGE), mib), figure(way.before_seconds, milliseconds),
        ]
        for way in facts.ways
    ]  # fmt: skip
    return untitled(header, rows)


def _wrong_lines(facts: ClientFacts) -> list[str]:
    if not facts.findings:
        return []
    rows = []
    for verdict in WRONG:
        for case in facts.cases_of(verdict):
            worst_rows = facts.findings[case].worst
            for alike in grouped((row.code, row) for row in worst_rows).values():
                worst = min(alike, key=lambda row: row.stored_bytes or 0)
                text = worst.text.replace("<", "&lt;")
                rows.append([MARKS[verdict], f"`{case}`", by_ways(alike), text])
    if not rows:
        return ["It gets no case wrong.\n"]
    return [untitled(["what it gets wrong", "case", "by", "what happened"], rows)]


def _cannot_lines(facts: ClientFacts) -> list[str]:
    declared = [f"- `{way}`: {why}.\n" for way, why in CLIENTS[facts.client].cannot.items()]
    tried = [f"- {', '.join(f'`{case}`' for case in cases)}: {why}.\n" for why, cases in facts.cannot.items()]
    return ["Not tried:\n", "".join([*declared, *tried])] if declared or tried else []


def _recipe_lines(client: str) -> list[str]:
    recipe = RECIPE_OF.get(client)
    return [f"To copy, with progress and a safe retry: [{recipe}](recipes/{recipe}).\n"] if recipe else []
