"""One upload by the program of another client, measured by the clock of that program."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from uploadlab.catalogue.clients import KINDS, RESUMABLE_KIND, kind_of
from uploadlab.catalogue.methods import Method, Part
from uploadlab.catalogue.payloads import Payload
from uploadlab.model.measurements import Outcome, Status
from uploadlab.private_urls import private_parts, with_query
from uploadlab.sending.answered import words_of
from uploadlab.sending.clients.frame import HTTP2
from uploadlab.sending.connections import Through, with_headers
from uploadlab.sending.programs import ClientUnavailable, Programs


class ProgramSender:
    """Sends by the programs of other clients, which stay up between uploads."""

    def __init__(self) -> None:
        self._programs = Programs()

    def close(self) -> None:
        """End the programs."""
        self._programs.close()

    def prepare(self, method: Method, url: str, payload: Payload, through: Through = None) -> None:
        """Have a program ready to send there: neither its clock nor the host's watch counts that."""
        job = job_of(method, method.verb, url + method.route, payload, Part(), through)
        with suppress(ClientUnavailable):  # the upload says it
            self._programs.make_ready(method.client, job)

    def send(
        self, method: Method, verb: str, address: str, payload: Payload, part: Part, through: Through = None
    ) -> tuple[Outcome, bytes, str | None]:
        """Send the payload; return the outcome, the answer's content, and its Location.

        Raise ClientUnavailable.
        """
        sent = self._programs.send(method.client, job_of(method, verb, address, payload, part, through), None)
        if sent is None or sent.cannot:
            raise ClientUnavailable(
                f"{method.client} cannot send this: {sent.cannot if sent else 'it ended'}"
            )
        if method.http2 and sent.status and sent.protocol != HTTP2:
            sent.status, sent.error = None, f"sent over {sent.protocol or 'another protocol'}, not {HTTP2}"
        outcome = Outcome(
            status=Status.OK if sent.status else Status.FAILED,
            error=None if sent.status else words_of(sent.error),
            seconds=sent.seconds,
            http_status=sent.status,
            client_cpu_seconds=sent.client_cpu_seconds if sent.status else None,
            client_peak_rss_bytes=sent.client_peak_rss_bytes if sent.status else None,
        )
        return outcome, sent.body, _stored_place(method, sent.location)


def _stored_place(method: Method, location: str | None) -> str | None:
    """Return where an upload is stored; of a resumable one, its client knows only where it was sent."""
    if kind_of(method.way) != RESUMABLE_KIND or location is None:
        return location
    return location.replace(f"{KINDS[RESUMABLE_KIND][0]}/", "/uploads/", 1)


def job_of(
    method: Method, verb: str, address: str, payload: Payload, part: Part, through: Through = None
) -> dict[str, Any]:
    """Return an upload as a program takes it: the fields of ``clients.frame.Upload``.

    A program knows no lines: it gets the address of the line that it is to go ``through``.
    """
    private = private_parts(address)
    is_raw = not method.form and kind_of(method.way) != RESUMABLE_KIND
    own = {"Content-Type": "application/octet-stream"} if is_raw else {}
    return {
        "way": method.way,
        "url": with_query(at_line(address, through), private.query),
        "path": str(Path(payload.path).absolute()),
        "size_bytes": payload.size_bytes,
        "verb": verb,
        "headers": with_headers(own, private, is_form=not is_raw),
        "field": part.field,
        "name": part.name,
        "others": list(part.others),
        "ca_file": private.ca_file,
        "insecure": private.insecure,
    }


def at_line(address: str, through: Through) -> str:
    """Return an address with host and port of where a line begins; without a line, as it is."""
    if through is None:
        return address
    host, port = through
    return urlsplit(address)._replace(netloc=f"{host}:{port}").geturl()
