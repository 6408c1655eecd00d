"""What Hypercorn's TOML and Python configs limit."""

from collections.abc import Iterator, Sequence

from uploadlab.doctoring.config_rules.options import Options, flat_options, python_options
from uploadlab.doctoring.config_rules.saying import ConfigFile, ReadConfig, limit_found
from uploadlab.doctoring.config_rules.values import number_of
from uploadlab.model.diagnoses import Confidence, Finding

STOCK = {"wsgi_max_body_size": "16777216", "h11_max_incomplete_size": "16384", "read_timeout": "0"}
"""Bytes, bytes, and seconds."""


def hypercorn_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of Hypercorn's configs, each by itself; raise UsageError."""
    read = [python_options(file) if file.name.endswith(".py") else flat_options(file) for file in files]
    return ReadConfig([finding for options in read for finding in _of(options) if finding])


def _of(options: Options) -> Iterator[Finding | None]:
    for option, stock in STOCK.items():
        value = options.value(option) or stock
        said = options.said((option,), f"of {stock}")
        if option == "wsgi_max_body_size":
            said = said._replace(
                evidence=(*said.evidence, "it counts for WSGI apps alone"),
                confidence=said.confidence if option in options.given else Confidence.POSSIBLE,
            )
        yield limit_found(f"hypercorn.{option}", 0 if value == "None" else number_of(value), value, said)
