"""What an endpoint takes over HTTP/2: its windows, and bodies with and without a length."""

import msgspec

from uploadlab.doctoring.examination import Examiner
from uploadlab.doctoring.http2 import NOT_INSTALLED, ask_over_http2, is_installed, offered_windows
from uploadlab.doctoring.questions.bodies import CHUNKED_BYTES
from uploadlab.doctoring.registry import question
from uploadlab.sending.answered import reason

HTTP2 = "HTTP/2"


@question("HTTP/2: its windows, bodies with and without a length", requests=5, size_bytes=4 * CHUNKED_BYTES)
def ask_http2(examiner: Examiner) -> None:
    """Read what the server offers, then upload over HTTP/2, at the endpoint and at the far end."""
    if HTTP2 not in examiner.seen.wire.versions:
        return
    if not is_installed():
        examiner.skip(NOT_INSTALLED)
        return
    try:
        windows = offered_windows(examiner.endpoint.address)
    except (OSError, UnicodeError) as error:
        examiner.skip(f"the server offers HTTP/2, but does not start it: {reason(error)}")
        return
    examiner.seen.wire = msgspec.structs.replace(
        examiner.seen.wire,
        window_bytes=windows.stream_bytes,
        connection_window_bytes=windows.connection_bytes,
    )
    for place in examiner.both:
        for words, chunked in (("with a length", False), ("without a length", True)):
            upload = place.upload(CHUNKED_BYTES, chunked=chunked)
            examiner.send(upload, f"{words}, over {HTTP2}", over=ask_over_http2)
