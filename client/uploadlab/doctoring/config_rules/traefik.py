"""What Traefik's static configuration limits."""

from collections.abc import Iterator, Sequence

from uploadlab.doctoring.config_rules.saying import ConfigFile, ReadConfig, by_default, limit_found, said_at
from uploadlab.doctoring.config_rules.values import time_of
from uploadlab.doctoring.config_rules.yaml_nodes import Entry, yaml_entries
from uploadlab.model.diagnoses import Finding

POINTS = "entryPoints"
STOCK_SECONDS = 60


def traefik_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of Traefik's YAML; raise UsageError for what is none."""
    findings: list[Finding | None] = []
    for file in files:
        entries = yaml_entries(file.name, file.text)
        for point in (entry for entry in entries if entry.path == (POINTS,)):
            findings += _of_point(file.name, point, entries)
    return ReadConfig([finding for finding in findings if finding])


def _of_point(file: str, point: Entry, entries: Sequence[Entry]) -> Iterator[Finding | None]:
    path = (POINTS, point.key, "transport", "respondingTimeouts")
    given = next((entry for entry in entries if (entry.path, entry.key) == (path, "readTimeout")), None)
    if given:
        said = said_at(file, given.line, f"readTimeout: {given.text}")
        yield limit_found("traefik.readTimeout", time_of(given.text), given.text, said)
    else:
        said = by_default(file, "readTimeout", "of 60 s (since 2.11.2)", f"the entry point {point.key}")
        yield limit_found("traefik.readTimeout", STOCK_SECONDS, "", said)
