"""What Caddyfiles limit, buffer or lose."""

from collections.abc import Iterator, Sequence

from uploadlab.declared.config_blocks import Block, caddy_blocks
from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    by_default,
    finding_of,
    limit_found,
    said_at,
)
from uploadlab.doctoring.config_rules.values import config_size, time_of
from uploadlab.model.diagnoses import Finding, Weight

KEEPING = ("307", "308")
"""Statuses of redirects that keep method and body."""
SERVES = ("reverse_proxy", "php_fastcgi", "forward_auth")


def caddy_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of Caddyfiles."""
    findings, unread = [], []
    given = {file.name.rpartition("/")[2] for file in files}
    for file in files:
        statements = list(_with_parents(caddy_blocks(file.name, file.text), ()))
        snippets = {block.option for block, _ in statements if block.option.startswith("(")}
        findings += [finding for chain in statements for finding in _of(*chain) if finding]
        findings += _defaults(file.name, [block for block, _ in statements])
        unread += [
            f"{block.place} imports {block.value}"
            for block, _ in statements
            if block.option == "import"
            and f"({block.words[-1]})" not in snippets
            and block.words[-1].rpartition("/")[2] not in given
        ]
    return ReadConfig(findings, unread)


def _with_parents(top: Block, parents: tuple[str, ...]) -> Iterator[tuple[Block, tuple[str, ...]]]:
    """Yield every statement with the names of the blocks around it, the innermost last."""
    waiting = [(block, parents) for block in reversed(top.inner)]
    while waiting:
        block, around = waiting.pop()
        yield block, around
        waiting += [(inner, (*around, block.option)) for inner in reversed(block.inner)]


def _said(block: Block) -> Said:
    return said_at(block.file, block.line, " ".join(block.words))


def _of(block: Block, around: tuple[str, ...]) -> Iterator[Finding | None]:
    inside = around[-1] if around else ""
    value = block.words[1] if len(block.words) > 1 else ""
    if block.option == "max_size" and inside == "request_body":
        yield limit_found(
            "caddy.request_body max_size", config_size(value, decimal=True), value, _said(block)
        )
    elif block.option == "read_body" and inside == "timeouts":
        yield limit_found("caddy.read_timeout", time_of(value), value, _said(block))
    elif block.option == "read_timeout" and inside == "timeouts":
        yield limit_found("caddy.read_timeout", time_of(value), value, _said(block), effect="silence")
    elif block.option == "read_header" and inside == "timeouts":
        yield limit_found("caddy.read_header", time_of(value), value, _said(block))
    elif block.option == "max_header_size":
        yield limit_found("caddy.max_header_size", config_size(value, decimal=True), value, _said(block))
    elif block.option == "response_header_timeout":
        yield limit_found("caddy.response_header_timeout", time_of(value), value, _said(block))
    elif block.option in ("request_buffers", "buffer_requests"):
        symptom = "Caddy reads a body, or its beginning, into memory before it calls the app"
        yield finding_of("caddy.request_buffers", symptom, Weight.NOTE, _said(block))
    elif block.option in ("basic_auth", "basicauth"):
        yield finding_of(
            "caddy.basic_auth", "Caddy answers 401 to an upload without a login", Weight.NOTE, _said(block)
        )
    elif block.option == "redir" and block.words[-1] not in KEEPING:
        symptom = "Caddy answers a redirect after which clients send GET without the body"
        yield finding_of("caddy.redir", symptom, Weight.NOTE, _said(block))


def _defaults(name: str, statements: Sequence[Block]) -> Iterator[Finding]:
    options = {block.option for block in statements}
    if options & set(SERVES) and "read_header" not in options:
        finding = limit_found("caddy.read_header", 60, "1m", by_default(name, "read_header", "1m"))
        if finding:
            yield finding
