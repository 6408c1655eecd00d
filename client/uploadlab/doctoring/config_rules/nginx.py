"""What nginx's configs limit, buffer or lose."""

import re
from collections.abc import Callable, Iterator, Sequence

from uploadlab.declared.config_blocks import Block
from uploadlab.doctoring.config_rules.nginx_tree import UploadBlock, nginx_trees, unread_lines, upload_blocks
from uploadlab.doctoring.config_rules.saying import (
    ConfigFile,
    ReadConfig,
    Said,
    as_note,
    by_default,
    finding_of,
    limit_found,
    said_at,
)
from uploadlab.doctoring.config_rules.values import config_size, time_of
from uploadlab.model.diagnoses import Finding, Weight
from uploadlab.units import KIB, format_size

LIMITS: list[tuple[str, str, dict[str, str], Callable[[str], float | None]]] = [
    ("client_max_body_size", "1m", {"": "client_max_body_size"}, config_size),
    ("client_body_timeout", "60s", {"": "client_body_timeout"}, time_of),
    ("client_header_timeout", "60s", {"": "client_header_timeout"}, time_of),
    ("proxy_read_timeout", "60s", {"proxy": "proxy_read_timeout"}, time_of),
    ("uwsgi_read_timeout", "60s", {"uwsgi": "uwsgi_read_timeout"}, time_of),
    (
        "proxy_send_timeout",
        "60s",
        {"proxy": "proxy_send_timeout", "uwsgi": "uwsgi_send_timeout"},
        time_of,
    ),
]
"""A cause's setting, its default, the statement that sets it by the kind of block, and its reader."""
BUFFERING = {"proxy": "proxy_request_buffering", "uwsgi": "uwsgi_request_buffering"}
INERT = {
    "proxy_request_buffering": "uwsgi_request_buffering",
    "proxy_read_timeout": "uwsgi_read_timeout",
    "proxy_send_timeout": "uwsgi_send_timeout",
}
"""What does nothing under uwsgi_pass, and what does in its place."""
STOCK_HEADER_BYTES, STOCK_WINDOW_BYTES, STOCK_BLOCK_BYTES = 8 * KIB, 64 * KIB, 16 * KIB
DROPPING = re.compile(r"30[123]|permanent|redirect")
UPLOADING = {"POST", "PUT", "PATCH"}


def nginx_reading(files: Sequence[ConfigFile]) -> ReadConfig:
    """Return the findings of nginx's files, read as one where one includes another."""
    trees = nginx_trees(files)
    blocks = [block for tree in trees for block in upload_blocks(tree)]
    findings = [*_limits(trees, blocks), *_refusals(trees, blocks)]
    for block in blocks:
        findings += [*_chunked(block), *_buffering(block), *_window(block), *_early(block)]
    findings += _inert(trees, blocks)
    unread = [line for tree in trees for block in [tree, *tree.walk()] for line in unread_lines(block)]
    return ReadConfig(findings, list(dict.fromkeys(unread)))


def takes_whole_bodies(files: Sequence[ConfigFile]) -> str:
    """Return the file by which nginx takes each body whole before it calls the app; empty if one streams."""
    blocks = [
        block for tree in nginx_trees(files) for block in upload_blocks(tree) if block.kind in BUFFERING
    ]
    streams = any(_value(block, BUFFERING[block.kind]) == "off" for block in blocks)
    return blocks[0].chain[-1].file if blocks and not streams else ""


def proxies_by_http(files: Sequence[ConfigFile]) -> bool:
    """Tell whether every block of these files that passes bodies on does so by proxy_pass."""
    blocks = [block for tree in nginx_trees(files) for block in upload_blocks(tree)]
    return bool(blocks) and all(block.kind == "proxy" for block in blocks)


def _value(block: UploadBlock, option: str) -> str:
    statement = block.setting(option)
    return statement.value if statement else ""


def _said(statement: Block) -> Said:
    return said_at(statement.file, statement.line, " ".join(statement.words))


def _missing(block: UploadBlock, option: str, default: str) -> Said:
    return by_default(block.chain[-1].file, option, default, block.where, block.unread())


def _limits(trees: Sequence[Block], blocks: Sequence[UploadBlock]) -> Iterator[Finding]:
    for setting, default, options, read in LIMITS:
        found_here = []
        for block in blocks:
            option = options.get(block.kind) or options.get("")
            statement = block.setting(option) if option else None
            if option and (statement or setting != "proxy_send_timeout"):
                value = statement.value if statement else default
                said = _said(statement) if statement else _missing(block, option, default)
                found_here.append(limit_found(f"nginx.{setting}", read(value), value, said))
        for statement in (inner for tree in trees for inner in tree.walk() if not blocks):
            if statement.option in options.values():  # where the blocks are in files that were not given
                value = statement.value
                found_here.append(limit_found(f"nginx.{setting}", read(value), value, _said(statement)))
        yield from _once(found_here)


def _once(findings: Sequence[Finding | None]) -> Iterator[Finding]:
    """Yield one finding for each place; a small limit beside a larger one is a note."""
    is_generous = any(finding is None or finding.weight is Weight.NOTE for finding in findings)
    by_place = {finding.place: finding for finding in reversed(findings) if finding}
    for finding in reversed(by_place.values()):
        if is_generous and finding.weight is Weight.PROBLEM and len(findings) > 1:
            yield as_note(finding, "another block has a larger limit, or none")
        else:
            yield finding


def _chunked(block: UploadBlock) -> Iterator[Finding]:
    """Find blocks that pass the header of a chunked body on, without the chunks."""
    if block.kind != "uwsgi" or _value(block, "uwsgi_pass_request_headers") == "off":
        return
    for around in reversed(block.chain):
        params = [
            inner.words[1] for inner in around.inner if inner.option == "uwsgi_param" and len(inner.words) > 1
        ]
        if params or any(
            inner.option == "include" and "uwsgi_params" in inner.value for inner in around.inner
        ):  # an inner block with parameters inherits none
            if "HTTP_TRANSFER_ENCODING" in params:
                return
            break
    setting = 'uwsgi_param HTTP_TRANSFER_ENCODING ""'
    sent = next(inner for inner in block.chain[-1].inner if inner.option == "uwsgi_pass")
    said = by_default(
        block.chain[-1].file, setting, "of passing the client's header on", block.where, block.unread()
    )
    yield finding_of(
        "nginx.uwsgi_param HTTP_TRANSFER_ENCODING",
        "Flask stores an empty file for each chunked body and answers with success",
        Weight.LOSS,
        Said(sent.place, (*_said(sent).evidence, *said.evidence), said.confidence),
    )


def _buffering(block: UploadBlock) -> Iterator[Finding]:
    option = BUFFERING.get(block.kind)
    statement = block.setting(option) if option else None
    if option and (not statement or statement.value != "off"):
        yield finding_of(
            f"nginx.{option}",
            "nginx takes the whole body, to disk if it is large, before it calls the app",
            Weight.NOTE,
            _said(statement) if statement else _missing(block, option, "on"),
        )
    elif block.kind == "proxy" and statement and _value(block, "proxy_http_version") in ("", "1.0"):
        version = block.setting("proxy_http_version")
        yield finding_of(
            "nginx.proxy_http_version",
            "nginx still buffers chunked bodies, although proxy_request_buffering is off",
            Weight.NOTE,
            _said(version) if version else _missing(block, "proxy_http_version", "1.0 (1.1 since 1.29.7)"),
        )
    to_file = block.setting("client_body_in_file_only")
    if to_file and to_file.value != "off":
        kept = ", and never removes the file" if to_file.value == "on" else ""
        yield finding_of(
            "nginx.client_body_in_file_only",
            f"nginx writes each body to a file before it calls the app{kept}",
            Weight.NOTE,
            _said(to_file),
        )
    yield from _small_pieces(block)


def _small_pieces(block: UploadBlock) -> Iterator[Finding]:
    statement = block.setting("client_body_buffer_size")
    size_bytes = config_size(statement.value) if statement else STOCK_BLOCK_BYTES
    if size_bytes is not None and size_bytes <= STOCK_BLOCK_BYTES:
        yield finding_of(
            "nginx.client_body_buffer_size",
            "nginx reads and spools each body in small pieces, at about half the speed",
            Weight.NOTE,
            _said(statement)
            if statement
            else _missing(block, "client_body_buffer_size", "of two memory pages, 8k or 16k,"),
        )


def _window(block: UploadBlock) -> Iterator[Finding]:
    """Find servers that speak HTTP/2 with a window of 64 KiB."""
    listens = [inner for around in block.chain for inner in around.inner if inner.option == "listen"]
    speaks = next((inner for inner in listens if "http2" in inner.words), None) or block.setting("http2")
    if not speaks or speaks.value == "off":
        return
    sizes = [
        config_size(_value(block, option))
        for option in ("http2_body_preread_size", "client_body_buffer_size")
    ]
    if max([size for size in sizes if size], default=0) <= STOCK_WINDOW_BYTES:
        said = _missing(block, "http2_body_preread_size", "64k")
        yield finding_of(
            "nginx.http2_body_preread_size",
            "uploads over HTTP/2 from far away are slow: 64 KiB for each round trip",
            Weight.NOTE,
            Said(said.place, (*said.evidence, *_said(speaks).evidence), said.confidence),
        )


def _early(block: UploadBlock) -> Iterator[Finding]:
    lingering = block.setting("lingering_close")
    if lingering and lingering.value == "off":
        yield finding_of(
            "nginx.lingering_close",
            "a client that still sends sees a reset in place of a refusal",
            Weight.NOTE,
            _said(lingering),
        )
    headers = block.setting("large_client_header_buffers")
    size_bytes = config_size(headers.words[-1]) if headers else STOCK_HEADER_BYTES
    if size_bytes is None or size_bytes <= STOCK_HEADER_BYTES:
        said = _said(headers) if headers else _missing(block, "large_client_header_buffers", "4 8k")
        shown = format_size(size_bytes) if size_bytes else headers.words[-1] if headers else ""
        yield finding_of(
            "nginx.large_client_header_buffers",
            f"nginx refuses a header or URL over {shown}",
            Weight.NOTE,
            said,
        )


def _refusals(trees: Sequence[Block], blocks: Sequence[UploadBlock]) -> Iterator[Finding]:
    """Find lines that answer in place of the app: a login, limits for requests, redirects, methods."""
    for option, symptom in (
        ("auth_basic", "nginx answers 401 to an upload without a login"),
        ("limit_req", "nginx refuses or delays uploads that come faster than its rate"),
        ("limit_conn", "nginx refuses more uploads at once than its limit"),
    ):
        statements = {_said(line): line for block in blocks if (line := block.setting(option))}
        for said, line in statements.items():
            if line.value != "off":
                yield finding_of(f"nginx.{option}", symptom, Weight.NOTE, said)
    for statement in (inner for tree in trees for inner in tree.walk()):
        is_address = statement.option == "return" and re.match(r"https?:|\$scheme", statement.value)
        codes = statement.words[1:2] if statement.option == "return" else statement.words[-1:]
        if statement.option in ("return", "rewrite") and (is_address or any(map(DROPPING.fullmatch, codes))):
            yield finding_of(
                "nginx.return",
                "nginx answers a redirect after which clients send GET without the body",
                Weight.NOTE,
                _said(statement),
            )
    yield from _methods(trees, blocks)


def _methods(trees: Sequence[Block], blocks: Sequence[UploadBlock]) -> Iterator[Finding]:
    for statement in (inner for tree in trees for inner in tree.walk()):
        is_denied = any(inner.words == ("deny", "all") for inner in statement.inner)
        if statement.option == "limit_except" and is_denied and not UPLOADING & set(statement.words):
            weight = Weight.PROBLEM if len(blocks) == 1 else Weight.NOTE
            yield finding_of(
                "nginx.limit_except", "nginx answers 403 to POST and PUT", weight, _said(statement)
            )


def _inert(trees: Sequence[Block], blocks: Sequence[UploadBlock]) -> Iterator[Finding]:
    """Find settings of proxy_pass where only uwsgi_pass could use them."""
    for around in (inner for tree in trees for inner in [tree, *tree.walk()]):
        kinds = {block.kind for block in blocks if around in block.chain}
        for statement in around.inner:
            other = INERT.get(statement.option)
            if other and kinds == {"uwsgi"}:
                cause = "nginx.proxy_send_timeout" if other == "uwsgi_send_timeout" else f"nginx.{other}"
                yield finding_of(
                    cause,
                    f"{statement.option} does nothing under uwsgi_pass, where it is called {other}",
                    Weight.NOTE,
                    _said(statement),
                    fix=f"{other} {statement.value};",
                )
