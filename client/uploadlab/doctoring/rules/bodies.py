"""Bodies that are lost, cut, or refused for their framing."""

import re
from collections.abc import Iterator
from http import HTTPStatus

from uploadlab.doctoring.rules.view import View, ended, fact, finding_rule, made
from uploadlab.model.diagnoses import Confidence, Finding, Weight
from uploadlab.model.exchanges import Exchange, Framing, Stored

LOST = (Stored.NOTHING, Stored.PART, Stored.OTHER)
HIDES_CHUNKS = "nginx.uwsgi_param HTTP_TRANSFER_ENCODING"
LENGTH_REQUIRED = HTTPStatus.LENGTH_REQUIRED


def echoes(found: Exchange) -> bool:
    """Return whether an answer names the number of bytes that were sent: many apps say what they stored."""
    return bool(re.search(rf"(?<!\d){found.body_bytes}(?!\d)", found.content))


def reads_elsewhere(view: View) -> bool:
    """Return whether what is read back is no upload: of an empty file, there are bytes in it."""
    empty = [found for found in view.own("empty") if found.is_success]
    return any(found.stored in (Stored.PART, Stored.OTHER) for found in empty)


def is_lost(view: View, found: Exchange, whole: Exchange | None) -> bool:
    """Return whether a success has lost bytes: as read back, or as the answer's own words betray it."""
    if not found.is_success:
        return False
    if found.stored is not Stored.UNKNOWN and not reads_elsewhere(view):
        return found.stored in LOST
    return whole is not None and whole.is_success and echoes(whole) and not echoes(found)


@finding_rule
def chunked_lost(view: View) -> Iterator[Finding]:
    """Find chunked bodies that are lost with a success."""
    for place in (view.far("chunked"), view.own("chunked")):
        whole = next((found for found in place if found.framing is Framing.LENGTH), None)
        found = next((item for item in place if item.framing is Framing.CHUNKED), None)
        if found is None or whole is None or not whole.is_success:
            continue
        hidden = _both_headers(found)
        if not (hidden or _without_end(found) or is_lost(view, found, whole)):
            continue
        suspects = view.suspects("chunked", view.likely_server)
        suspects = [name for name in suspects if not name.startswith("app.") and "limit" not in name]
        if (hidden or view.likely_server == "uwsgi") and view.front == "nginx":
            suspects = list(dict.fromkeys([HIDES_CHUNKS, *suspects]))
        proven = found.arrived is not None or found.stored is not Stored.UNKNOWN
        yield from made(
            "A chunked upload is answered with success, and its body is lost", Weight.LOSS, suspects,
            [fact(found), *_arrival(found), *([] if proven else [_betrayal(found)])],
            Confidence.PROVEN if proven and view.server else Confidence.LIKELY,
        )  # fmt: skip
        return


def _both_headers(found: Exchange) -> bool:
    """Return whether Flask would read nothing of what reached the far end."""
    return bool(found.arrived and found.arrived.looks_empty)


def _without_end(found: Exchange) -> bool:
    """Return whether the far end could not know where the chunked body ends: Flask reads nothing then."""
    return bool(found.arrived and found.arrived.error and found.arrived.size_bytes == 0)


def _arrival(found: Exchange) -> Iterator[str]:
    arrived = found.arrived
    if arrived:
        seen = [f"{arrived.size_bytes} of {found.body_bytes} bytes"]
        seen += [f"Transfer-Encoding: {arrived.transfer_encoding}"] if arrived.transfer_encoding else []
        seen += [f"Content-Length: {arrived.content_length}"] if arrived.content_length else []
        ends = "is set" if arrived.input_terminated else "is not set"
        yield f"At the far end: {', '.join(seen)}; wsgi.input_terminated {ends}"
    elif found.stored is not Stored.UNKNOWN:
        yield f"Read back: {found.stored} of it was stored"


def _betrayal(found: Exchange) -> str:
    return f"The answer to the same body with a length names {found.body_bytes} bytes; this answer does not"


@finding_rule
def chunked_refused(view: View) -> Iterator[Finding]:
    """Find chunked bodies that are refused."""
    own = view.own("chunked") or view.far("chunked")
    whole = next((found for found in own if found.framing is Framing.LENGTH), None)
    found = next((item for item in own if item.framing is Framing.CHUNKED), None)
    if found is None or found.is_success or whole is None or not whole.is_success:
        return
    arrives = any(item.is_success and item.framing is Framing.CHUNKED for item in view.far("chunked"))
    written = view.by(found)
    if found.status == LENGTH_REQUIRED and (
        written == "app" or (not view.causes(written, "chunked") and arrives)
    ):
        suspects = ["app.length-required", *view.suspects("chunked", view.server)]
    else:
        suspects = view.suspects("chunked", written or view.likely_server)
    if found.is_form and found.status == HTTPStatus.BAD_REQUEST:
        suspects = [name for name in suspects if name != "app.length-required"]
    yield from made(
        f"Chunked uploads are refused: {ended(found)}", Weight.PROBLEM, list(dict.fromkeys(suspects)),
        [fact(found)],
        Confidence.LIKELY if written or found.status == LENGTH_REQUIRED else Confidence.POSSIBLE,
    )  # fmt: skip


@finding_rule
def part_kept(view: View) -> Iterator[Finding]:
    """Find uploads with a length of which only a part is kept, with a success."""
    for found in [*view.own("sent"), *view.own("first"), *view.own("chunked")]:
        if found.framing is not Framing.LENGTH or not found.is_success:
            continue
        small = next((item for item in view.own("first") if item.is_success), None)
        if is_lost(view, found, small) and found is not small:
            arrives = any(item.stored is Stored.WHOLE for item in view.far("sent"))
            stored = (
                f"Read back: {found.stored} of it was stored" if found.stored is not Stored.UNKNOWN else ""
            )
            yield from made(
                f"An upload of {found.body_bytes} bytes is answered with success, and a part of it is lost",
                Weight.LOSS, ["app.reads-a-part"], [fact(found), *filter(None, [stored])],
                Confidence.PROVEN if arrives and stored else Confidence.LIKELY,
            )  # fmt: skip
            return


@finding_rule
def cut_kept(view: View) -> Iterator[Finding]:
    """Find bodies that their client cut, and that were taken as whole."""
    chunked = [found for found in view.seen.of("cut") if found.framing is Framing.CHUNKED]
    for found in chunked:
        if found.is_success and (found.arrived is None or found.arrived.whole):
            suspects = [*view.causes(view.server, "framing"), "app.reads-a-part"]
            yield from made(
                "A chunked upload that its client cut is answered with success, as if it were whole",
                Weight.PROBLEM, suspects, [fact(found), *_arrival(found)],
                Confidence.PROVEN if found.arrived else Confidence.LIKELY,
            )  # fmt: skip
            return
    for found in view.own("cut"):
        if found.is_success:
            yield from made(
                "An upload that its client cut is answered with success: the app keeps the part",
                Weight.PROBLEM, ["app.reads-a-part", *view.causes(view.server, "framing")], [fact(found)],
            )  # fmt: skip
            return
