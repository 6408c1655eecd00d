"""Options for servers of the user's own, shared by all commands that send to them."""

import re
import ssl
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from uploadlab.commands.lab_command import TargetOption
from uploadlab.commands.options import Command, group, target_help_option, target_option
from uploadlab.commands.own_app_options import OWN_APP, app_of, own_app_options
from uploadlab.errors import UsageError
from uploadlab.model.targets import ANY_SUCCESS, DEFAULT_MOST_BYTES, StatusRange, TargetSpec
from uploadlab.private_urls import OWN_APP as ANY_OWN_APP
from uploadlab.private_urls import Private, keep, masked_template
from uploadlab.sending.digests import DIGESTS
from uploadlab.sending.read_back import SIZE
from uploadlab.units import parse_size

NO_LIMIT = "none"
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name, or a method (RFC 9110, 5.6.2)."""
OURS = ("host", "content-length", "transfer-encoding", "connection", "expect", "cookie")
"""Headers that belong to the request itself, or have an option of their own."""
Pairs = list[tuple[str, str]]


class NamedValues(click.ParamType[tuple[str, str]]):
    """``NAME=VALUE``, whose value may be a secret: no message shows it."""

    def __init__(self, name: str, separator: str, example: str, bare: str = "") -> None:
        """Take what messages say. ``bare`` is the value of a name alone; empty: it needs one of its own."""
        self.name, self._separator, self._example, self._bare = name, separator, example, bare

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return the name and the value; raise UsageError."""
        if isinstance(value, tuple):
            return value
        if self._bare and self._separator not in value and value.isprintable() and value.strip():
            return value, self._bare
        name, separator, text = value.partition(self._separator)
        name, text = name.strip(), text.strip() if self._separator == ":" else text
        option = param.opts[0] if param else "the option"
        if not separator or not name or not value.isprintable():
            raise UsageError(f"{option} is not {self.name}: write {option} {self._example}")
        return name, text


class Statuses(click.ParamType[list[StatusRange]]):
    """HTTP statuses with commas between them."""

    name = "200,2xx"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[StatusRange]:
        """Return the ranges of ``200``, ``2xx`` and ``200-204``; raise UsageError."""
        if isinstance(value, list):
            return value
        return [self._range(text.strip()) for text in value.split(",")]

    def _range(self, text: str) -> StatusRange:
        digits = text.lower()
        first, _, last = (digits.replace("xx", "00") if "xx" in digits else digits).partition("-")
        last = digits.replace("xx", "99") if "xx" in digits else last or first
        if not re.fullmatch(r"[1-5]\d\d-[1-5]\d\d", f"{first}-{last}") or first > last:
            raise UsageError(f"--expect-status {text!r} is not an HTTP status: write 200, 2xx or 200,201")
        return StatusRange(int(first), int(last))


class MostBytes(click.ParamType[int]):
    """A size, or ``none``."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes, 0 for no limit; raise UsageError."""
        return 0 if str(value).lower() == NO_LIMIT else parse_size(str(value))


def _option(name: str, kind: Any, text: str, metavar: str | None = None) -> Callable[[Command], Command]:
    return click.option(name, type=kind, metavar=metavar, help=text, cls=TargetOption)


def _repeatable(name: str, kind: Any, to: str, text: str) -> Callable[[Command], Command]:
    return click.option(name, to, type=kind, multiple=True, help=f"{text} (repeatable).", cls=TargetOption)


HEADER = NamedValues("'NAME: VALUE'", ":", "'Authorization: Bearer TOKEN'")
PAIR = NamedValues("NAME=VALUE", "=", "NAME=VALUE")
THE_FILE = "\0"
"""In place of a form field's value: the field is that of the file. No command line can have it."""
FORM_FIELD = NamedValues("FIELD or NAME=VALUE", "=", "NAME=VALUE", THE_FILE)
JSON_PATH = NamedValues("PATH=VALUE", "=", "result.ok=true")
KIND_PATH = NamedValues("KIND=PATH", "=", "size=file.size")
request_options = group(
    _repeatable("--header", HEADER, "headers", "Header of each request to the targets"),
    _repeatable("--cookie", PAIR, "cookies", "Cookie of each request to the targets"),
    _repeatable("--form", FORM_FIELD, "form", "FIELD of the form for the file; NAME=VALUE: one beside it"),
    _option("--ca-file", click.Path(dir_okay=False), "Trust the authorities in this PEM file.", "FILE"),
    click.option("--insecure", is_flag=True, help="Do not check certificates.", cls=TargetOption),
)
max_bytes_option = _option(
    "--max-bytes", MostBytes(), "Send no more than this to each target, in all.  [own servers: 1GB]"
)
success_options = group(
    click.option(
        "--expect-status", type=Statuses(),
        help="Status that your server returns on success.",
    ),
    _repeatable("--expect-json", JSON_PATH, "expect_json", "Value that the answer's JSON has on success"),
    _option("--expect-text", str, "Regular expression that the answer matches on success.", "REGEX"),
    _option("--request-method", str, "Method of your server's uploads.  [default: POST]", "NAME"),
    _option("--field", str, "Form field of your server.  [default: file]", "NAME"),
    _option(
        "--stored-url", str, "Read each upload back there: /files/{id}; also {name}, {location}.", "URL"
    ),
    _repeatable(
        "--stored-json", KIND_PATH, "stored_json",
        f"Where the JSON has {SIZE}, {', '.join(list(DIGESTS)[1:])} of the stored file",
    ),
    _option("--stored-dir", click.Path(file_okay=False), "Folder of this host where uploads end up.", "DIR"),
    _option("--cleanup-url", str, "DELETE each upload there; placeholders as in --stored-url.", "URL"),
    click.option(
        "--clean-up", is_flag=True, help="Remove each upload where it was read back.", cls=TargetOption
    ),
)  # fmt: skip
REQUEST = ("headers", "cookies", "form", "ca_file", "insecure", "max_bytes")
RULES = ("expect_status", "expect_json", "expect_text")
SUCCESS = (
    "expect_status", "expect_json", "expect_text", "request_method", "field", "stored_url", "stored_json",
    "stored_dir", "cleanup_url", "clean_up",
)  # fmt: skip


class GivenRequest(NamedTuple):
    """What requests to the targets have, and the values of it that are secret."""

    spec: TargetSpec
    private: Private

    def keep_for(self, urls: Iterable[str]) -> None:
        """Keep the secrets for these targets, in this command and the processes that it starts."""
        for url in urls:
            keep(url, self.private)


def target_options(command: Command) -> Command:
    """Add all options for servers and apps of the user's own.

    The command gets ``targets``, ``app`` and ``spec``.
    """

    @wraps(command)
    def gathered(targets: dict[str, str], **more: Any) -> Any:
        app = app_of({name: more.pop(name) for name in OWN_APP})
        if app and targets:
            raise UsageError("--app starts servers, --target names one that runs: leave out one of them")
        asked = {name: more.pop(name) for name in (*REQUEST, *SUCCESS)}
        given = _given_for_app(asked) if app else _given(asked, targets)
        if given:
            given.keep_for([ANY_OWN_APP] if app else targets.values())
        return command(targets=targets, app=app, spec=given.spec if given else None, **more)

    return group(
        target_option, own_app_options, success_options, request_options, max_bytes_option, target_help_option
    )(gathered)


def app_options(command: Command) -> Command:
    """Add all options for an app of the user's own; the command gets ``app`` and ``spec``."""

    @wraps(command)
    def gathered(**more: Any) -> Any:
        app = app_of({name: more.pop(name) for name in OWN_APP})
        asked = {name: more.pop(name, None) for name in (*REQUEST, *SUCCESS)}
        given = _given_for_app(asked) if app else None
        if (named := _named(asked)) and given is None:
            raise UsageError(f"{_option_of(named[0])} is for an app of your own: add --app MODULE:NAME")
        if given:
            given.keep_for([ANY_OWN_APP])
        return command(app=app, spec=given.spec if given else None, **more)

    return group(own_app_options, success_options, request_options, target_help_option)(gathered)


def _given_for_app(asked: dict[str, Any]) -> GivenRequest | None:
    """Return what an app of the user's own needs: by default any success is one. Raise UsageError."""
    rule = any(asked[name] for name in RULES)
    asked = {**asked, **({} if rule else {"expect_status": [ANY_SUCCESS]})}
    given = _given(asked, {"app": ANY_OWN_APP})
    if given is None:
        return None
    spec = msgspec.structs.replace(
        given.spec, max_bytes=asked["max_bytes"] or 0, only_plain=not given.spec.only_forms
    )
    return given._replace(spec=spec)


def _named(asked: dict[str, Any]) -> list[str]:
    """Return the options that the user has given."""
    return [name for name, value in asked.items() if value not in (None, False, (), "")]


def endpoint_options(command: Command) -> Command:
    """Add all options for one server of the user's own; the command gets ``described``, called with its URL.

    That returns the server's spec: without a rule for success, any status of 2xx is one. It keeps the
    secrets, and raises UsageError.
    """

    @wraps(command)
    def gathered(**more: Any) -> Any:
        asked = {name: more.pop(name, None) for name in (*REQUEST, *SUCCESS)}

        def described(url: str) -> TargetSpec:
            rule = any(asked[name] for name in RULES)
            given = _given({**asked, **({} if rule else {"expect_status": [ANY_SUCCESS]})}, {"doctor": url})
            assert given  # noqa: S101  a rule for success is named
            given.keep_for([url])
            return given.spec

        return command(described=described, **more)

    return group(success_options, request_options, target_help_option)(gathered)


def again_options(command: Command) -> Command:
    """Add the options whose values no run stores; the command gets ``targets`` and ``given``."""

    @wraps(command)
    def gathered(**more: Any) -> Any:
        asked = _with_field({name: more.pop(name) for name in REQUEST})
        return command(given=_request(asked), **more)

    return group(target_option, request_options, max_bytes_option, target_help_option)(gathered)


def _given(asked: dict[str, Any], targets: dict[str, str]) -> GivenRequest | None:
    """Return what the targets need; None where the user named nothing. Raise UsageError."""
    named = _named(asked)
    if not named:
        return None
    asked, option = _with_field(asked), _option_of(named[0])
    if not targets:
        raise UsageError(f"{option} is for servers of your own: add --target NAME=URL")
    request = _request(asked)
    spec = _with_success(request.spec, asked)
    if spec.is_foreign and asked["max_bytes"] is None:
        spec = msgspec.structs.replace(spec, max_bytes=DEFAULT_MOST_BYTES)
    foreign_only = [name for name in named if name in (*SUCCESS, "form")]
    if foreign_only and not spec.is_foreign:
        option = _option_of(foreign_only[0])
        raise UsageError(f"{option} is for a server without the lab's routes: add --expect-status 200")
    if (spec.insecure or spec.ca_file) and not any(url.startswith("https://") for url in targets.values()):
        raise UsageError(f"{_option_of('insecure' if spec.insecure else 'ca_file')} needs an https:// target")
    shown = {name: masked_template(getattr(spec, name)) for name in ("stored_url", "cleanup_url")}
    urls = {text: getattr(spec, name) for name, text in shown.items() if text != getattr(spec, name)}
    return GivenRequest(msgspec.structs.replace(spec, **shown), request.private._replace(urls=urls))


def _with_field(asked: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the file's field that ``--form FIELD`` names; raise UsageError."""
    fields = [name for name, value in asked["form"] or () if value == THE_FILE]
    if not fields:
        return asked
    names = dict.fromkeys([*fields, *([asked["field"]] if asked.get("field") else [])])
    if len(names) > 1:
        raise UsageError(f"the file has one form field, not {' and '.join(names)}: name one")
    form = tuple(pair for pair in asked["form"] if pair[1] != THE_FILE)
    return {**asked, "form": form, "field": fields[0]}


def _option_of(name: str) -> str:
    singular = {"headers": "header", "cookies": "cookie"}
    return f"--{singular.get(name, name).replace('_', '-')}"


def _request(asked: dict[str, Any]) -> GivenRequest:
    """Return what each request has; raise UsageError."""
    headers: Pairs = list(asked["headers"])
    names = [name.lower() for name, _ in headers]
    for name in names:
        if not TOKEN.fullmatch(name) or name in OURS:
            use = "write --cookie NAME=VALUE" if name == "cookie" else "name another header"
            raise UsageError(f"--header {name}: the lab sets it itself, or it is no name; {use}")
        if names.count(name) > 1:
            raise UsageError(f"--header {name} is given twice: join its values with a comma")
    if asked["insecure"] and asked["ca_file"]:
        raise UsageError("--insecure checks no certificate: leave out --ca-file, or --insecure")
    ca_file = _certificates(asked["ca_file"]) if asked["ca_file"] else ""
    cookies, form = dict(asked["cookies"]), list(asked["form"])
    sent = dict(headers) | ({"Cookie": "; ".join(map("=".join, cookies.items()))} if cookies else {})
    spec = TargetSpec(
        headers=[name for name, _ in headers], cookies=list(cookies), form=[name for name, _ in form],
        ca_file=ca_file, insecure=asked["insecure"], max_bytes=asked["max_bytes"] or 0,
    )  # fmt: skip
    return GivenRequest(spec, Private(headers=sent, fields=form, ca_file=ca_file, insecure=asked["insecure"]))


def _certificates(path: str) -> str:
    """Return the whole path of a file of certificates; raise UsageError if it is none."""
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        why = error.strerror if isinstance(error, FileNotFoundError | PermissionError) else "no PEM in it"
        raise UsageError(f"--ca-file {path}: {why}; name a file that begins with BEGIN CERTIFICATE") from None
    return str(Path(path).resolve())


def _with_success(spec: TargetSpec, asked: dict[str, Any]) -> TargetSpec:
    """Return the spec with how the targets answer, and where they store; raise UsageError."""
    try:
        re.compile(asked["expect_text"] or "")
    except re.error as error:
        raise UsageError(f"--expect-text {asked['expect_text']!r} is no regex: {error}") from None
    method = (asked["request_method"] or "").upper()
    if method and not TOKEN.fullmatch(method):
        raise UsageError(f"--request-method {method!r} is no method: write POST, PUT or PATCH")
    if asked["field"] and not asked["field"].isprintable():
        raise UsageError(f"--field {asked['field']!r} is not a name: write file")
    for name in ("stored_url", "cleanup_url"):
        _require_template(_option_of(name), asked[name] or "")
    paths = dict(asked["stored_json"])
    if unknown := [kind for kind in paths if kind not in (SIZE, *DIGESTS)]:
        raise UsageError(f"--stored-json {unknown[0]}=...: write {SIZE}=PATH, or {', '.join(DIGESTS)}")
    folder = asked["stored_dir"]
    if folder and not Path(folder).is_dir():
        raise UsageError(f"--stored-dir {folder} is no folder: name the one that your server stores in")
    if folder and (asked["stored_url"] or paths):
        raise UsageError("--stored-dir already shows what is stored: leave out --stored-url, --stored-json")
    if asked["clean_up"] and not (folder or asked["stored_url"] or asked["cleanup_url"]):
        raise UsageError("--clean-up needs to know where an upload is: add --cleanup-url URL or --stored-dir")
    return msgspec.structs.replace(
        spec,
        expect_status=asked["expect_status"] or [], expect_json=dict(asked["expect_json"]),
        expect_text=asked["expect_text"] or "", request_method=method, field=asked["field"] or "",
        stored_url=asked["stored_url"] or "", stored_json=paths,
        stored_dir=str(Path(folder).resolve()) if folder else "",
        cleanup_url=asked["cleanup_url"] or "", clean_up=asked["clean_up"],
    )  # fmt: skip


def _require_template(option: str, template: str) -> None:
    """Raise UsageError unless a template of a URL can be one; a login in it is neither shown nor stored."""
    address = template.partition("?")[0]
    if "@" in address:
        raise UsageError(f"{option} has a login, which is not stored: put it into --target or --header")
    if template and not (template.startswith(("http://", "https://", "/", "{")) and template.isprintable()):
        raise UsageError(f"{option} {address!r} is no URL: write https://HOST/files/{{id}}, or {{location}}")
