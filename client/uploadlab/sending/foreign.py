"""Uploads to a server of the user's own: how they are named, and whether an answer is a success."""

import re
import secrets
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from uploadlab.catalogue.methods import FIELD, Part
from uploadlab.model.targets import TargetSpec
from uploadlab.private_urls import masked, origin, private_parts
from uploadlab.sending.answered import json_of, refusal, words_of

PLACEHOLDER = re.compile(r"\{([\w.-]+)\}")


class Answered(NamedTuple):
    """What a server answered to one upload."""

    url: str
    """The target's, without private parts."""
    name: str
    """The name that the file was sent under."""
    content: bytes = b""
    location: str | None = None


def file_name() -> str:
    """Return a name that no other upload has: many servers keep a file by the name that it was sent under."""
    return f"upload-lab-{secrets.token_hex(6)}.bin"


def named(url: str, name: str) -> str:
    """Return a target's URL with the file's name in place of ``{name}``."""
    return url.replace("{name}", name)


def part_for(spec: TargetSpec, url: str, name: str) -> Part:
    """Return what names a file in a form for that server."""
    fields = private_parts(url).fields
    return Part(spec.field or FIELD, name, [(field, value) for field, value in fields])


def unmet(spec: TargetSpec, http_status: int, content: bytes, location: str | None = None) -> str:
    """Return why an answer is no success; empty if it is one."""
    answer = json_of(content)
    if not any(first <= http_status <= last for first, last in spec.statuses):
        return refusal(http_status, " or ".join(map(str, spec.statuses)), answer, location)
    for path, wanted in spec.expect_json.items():
        found = value_at(answer, path)
        if wanted not in (found, as_json(found)):
            instead = f"has {words_of(as_json(found))}" if found is not None else "has no such value"
            return f"answered {http_status}, expected {path}={wanted} in its JSON, which {instead}"
    if spec.expect_text and not re.search(spec.expect_text, content.decode(errors="replace")):
        return f"answered {http_status}, but its text does not match {spec.expect_text!r}"
    return ""


def value_at(answer: Any, path: str) -> Any:
    """Return the value at a path of JSON, ``files.0.size``; None if there is none."""
    for name in path.split("."):
        if isinstance(answer, dict):
            answer = answer.get(name)
        elif isinstance(answer, list) and name.isdecimal() and int(name) < len(answer):
            answer = answer[int(name)]
        else:
            return None
    return answer


def as_json(value: Any) -> str:
    """Return a value as JSON writes it: ``true``, ``3``, ``"done"``."""
    return msgspec.json.encode(value).decode(errors="replace")


def place(template: str, answered: Answered) -> str:
    """Return a template of a URL, filled in from an upload's answer; raise ValueError if a value is missing.

    No server leads the client to another host: the host is the target's, or stands in the template.
    """
    template = private_parts(answered.url).urls.get(template, template)
    answer = json_of(answered.content)

    def value(found: re.Match[str]) -> str:
        path = found[1]
        known = {"name": answered.name, "location": answered.location}
        text = known[path] if path in known else value_at(answer, path)
        if text is None or text == "" or isinstance(text, dict | list):
            what = "Location" if path == "location" else f"{path} in its JSON"
            raise ValueError(f"the answer has no {what}, which {masked(template)} needs")
        if ".." in str(text).split("/"):
            raise ValueError(f"the answer's {path} has '..' in it, which leads out of {masked(template)}")
        return str(text) if found.start() == 0 else quote(str(text), safe="/")

    target = named(answered.url, answered.name)
    address = urljoin(target, PLACEHOLDER.sub(value, template))
    literal = template if template.startswith(("http://", "https://")) else target
    if origin(address) != origin(literal):
        raise ValueError(f"the answer points to another host, {words_of(urlsplit(address).netloc)}")
    return address
