"""Does an upload arrive at all, over which protocols, and who identifies itself on the way?"""

import ssl
import time

import msgspec

from uploadlab.checking.wire import plain_connection, secured
from uploadlab.doctoring.endpoint import NO_SUCH, Endpoint, below
from uploadlab.doctoring.examination import Ended, Examiner
from uploadlab.doctoring.identity import ELICITING
from uploadlab.doctoring.registry import question
from uploadlab.model.exchanges import Ending, Stop, Wire
from uploadlab.sending.answered import reason
from uploadlab.units import KIB

SMALL = 10_001
"""Bytes of an upload that no limit of size concerns."""
CONNECTS = 3
SHAPES = ((True, "POST", "file"), (False, "PUT", ""))
"""Other ways of uploading, tried where the file alone by POST is refused: form or not, method, field."""
FIELDS = tuple((True, "POST", name) for name in ("file", "upload", "files", "document"))
"""Usual names of a form's field for the file."""
OTHER_SHAPES = (400, 404, 405, 406, 411, 415, 422, 500, 501)
"""Answers to an upload in a shape that the server does not take."""
HTTP_VERSIONS = {"h2": "HTTP/2", "http/1.1": "HTTP/1.1"}


@question("round trip, TLS, versions of HTTP", requests=CONNECTS, size_bytes=0)
def ask_wire(examiner: Examiner) -> None:
    """Connect several times without a request."""
    address = examiner.endpoint.address
    trips: list[float] = []
    try:
        for _ in range(CONNECTS):
            began = time.monotonic()
            with plain_connection(address, 10.0):
                trips.append(time.monotonic() - began)
    except (OSError, UnicodeError) as error:
        raise Ended(Stop.UNUSABLE, f"no connection to {address.netloc}: {reason(error)}") from None
    examiner.seen.wire = msgspec.structs.replace(_tls(examiner), round_trip_seconds=min(trips))


def _tls(examiner: Examiner) -> Wire:
    """Return what TLS shows; raise Ended if the certificate is not trusted."""
    address = examiner.endpoint.address
    if address.scheme != "https":
        return Wire(versions=["HTTP/1.1"])
    try:
        with secured(plain_connection(address, 10.0), address, list(HTTP_VERSIONS)) as connection:
            assert isinstance(connection, ssl.SSLSocket)  # noqa: S101  for the type alone
            chosen = connection.selected_alpn_protocol() or "http/1.1"
            offered = ["HTTP/1.1"] + ([HTTP_VERSIONS["h2"]] if chosen == "h2" else [])
            return Wire(tls=connection.version() or "", versions=offered)
    except ssl.SSLCertVerificationError as error:
        examiner.seen.wire = Wire(certificate=error.verify_message)
        raise Ended(
            Stop.UNUSABLE,
            f"the certificate of {address.netloc} is not trusted: {error.verify_message}; "
            "name its authority by --ca-file FILE, or do not check by --insecure",
        ) from None
    except OSError as error:
        why = f"TLS fails at {address.netloc}: {reason(error)}; is it http:// there?"
        raise Ended(Stop.UNUSABLE, why) from None


@question(
    "a small upload, as you send it, then in other ways if it is refused", requests=5, size_bytes=5 * SMALL
)
def ask_first(examiner: Examiner) -> None:
    """Upload a small file; go on with the shape that the endpoint takes."""
    endpoint = examiner.endpoint
    found = examiner.send(endpoint.upload(SMALL), "as you send it")
    if found.ending is Ending.UNREACHED:
        raise Ended(Stop.UNUSABLE, f"no connection to {endpoint.address.netloc}: {found.error}")
    if found.status in OTHER_SHAPES:
        _other_shapes(examiner, endpoint)
    if examiner.far_end:
        _reach_far_end(examiner, examiner.far_end)
    if not examiner.both:
        raise Ended(Stop.UNUSABLE, "the URL accepted no upload, so there is nothing more to ask")


def _reach_far_end(examiner: Examiner, far_end: Endpoint) -> None:
    """Upload to the far end; go on without it if the app answers there in its place."""
    found = examiner.send(far_end.upload(SMALL), "to the far end")
    # Any other refusal may be that of a hop on the way, which says something of the endpoint, too.
    if found.arrived is None and found.status in (*range(200, 300), 404, 405):
        path = far_end.address.path
        examiner.far_end, examiner.seen.far_end = None, ""
        examiner.skip(
            f"No far end answers at {path} ({found.status}): check that it is mounted, that the server was "
            "restarted, and that token and last day are those in its file"
        )


def _other_shapes(examiner: Examiner, endpoint: Endpoint) -> None:
    """Try other methods and bodies or, for a form that the user has described, other names of its field."""
    spec = endpoint.spec
    for as_form, verb, field in FIELDS if spec.only_forms else () if spec.request_method else SHAPES:
        changed = msgspec.structs.replace(spec, request_method=verb, field=field)
        other = endpoint._replace(spec=changed, as_form=as_form)
        what = f"a form with the field {field!r}" if as_form else "the file alone"
        if examiner.send(other.upload(SMALL), f"{verb}, {what}").is_success:
            examiner.endpoint, examiner.seen.as_form = other, as_form
            return


@question("who answers: malformed requests, and a path that does not exist", requests=6, size_bytes=8 * KIB)
def ask_identity(examiner: Examiner) -> None:
    """Send what a front refuses itself, then what only the app can refuse."""
    endpoint = examiner.endpoint
    place = endpoint.address
    for label, head in ELICITING.items():
        filled = head.format(host=place.netloc, path=place.path or "/").encode("latin-1")
        nothing = endpoint.upload(0, as_form=False).changed(verb="GET", framing=())
        examiner.ask_raw(place, nothing, label, head=filled, patience_seconds=3.0)
    examiner.ask_raw(
        below(endpoint, NO_SUCH), endpoint.upload(KIB, as_form=False), "a path that does not exist"
    )
