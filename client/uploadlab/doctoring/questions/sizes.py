"""How large may a body, a head, a form's field be, and who refuses more?"""

from http import HTTPStatus

from uploadlab.catalogue.attempts import field
from uploadlab.doctoring.endpoint import NO_SUCH, Endpoint, asking, below
from uploadlab.doctoring.examination import Examiner
from uploadlab.doctoring.registry import question
from uploadlab.model.exchanges import Ending, Exchange
from uploadlab.units import GIB, KIB, MIB, format_size

ANNOUNCED = (64 * KIB, MIB + MIB // 8, 8 * MIB, 17 * MIB, 33 * MIB, 101 * MIB, GIB + MIB, 10 * GIB)
"""Above the limits that are usual: 1 MiB, 16 MiB, 32 MiB, 100 MB, 1 GiB."""
EXACT = 0.02
"""How far apart two sizes may be, in share of the larger, for a limit between them to be known."""
MOST_STEPS = 10
SENT = (MIB + MIB // 8, 5 * MIB, 17 * MIB)
LARGEST = 33 * MIB
SENT_STEPS = 3
AT_FAR_END = 5 * MIB
"""What the far end gets where the endpoint refuses nothing: the rest of the budget is for other questions."""
LONG_SECONDS = 20.0
"""An upload that would take longer is not sent."""
HEADS = (2 * KIB, 4 * KIB, 7 * KIB, 15 * KIB, 31 * KIB)
"""Of one header; 7 KiB is below the 8 KiB that most servers take."""
FIELD_BYTES = 600_000
"""Above the 500 kB that Werkzeug takes of a field by default."""


def is_refused(found: Exchange) -> bool:
    """Return whether the server did not want the body: it refused, or ended the connection."""
    if found.status is not None:
        return found.status >= HTTPStatus.BAD_REQUEST
    return found.ending in (Ending.CLOSED, Ending.RESET, Ending.TLS)


@question("the largest body that may be announced (sends no bytes)", requests=36, size_bytes=0)
def ask_announced(examiner: Examiner) -> None:
    """Announce bodies of growing sizes, and go away before the first byte; then close in on a limit."""
    for place in examiner.both:
        accepted = 0
        for size in ANNOUNCED:
            if not is_refused(_announce(examiner, place, size)):
                accepted = size
                continue
            refused, steps = size, 0
            while refused - accepted > EXACT * refused and steps < MOST_STEPS:
                middle, steps = (accepted + refused) // 2, steps + 1
                if is_refused(_announce(examiner, place, middle)):
                    refused = middle
                else:
                    accepted = middle
            break


def _announce(examiner: Examiner, place: Endpoint, size: int) -> Exchange:
    patience = 0.5 + 4 * (examiner.seen.wire.round_trip_seconds or 0.0)
    upload = place.upload(size, expect=True)
    return examiner.send(upload, f"{format_size(size)} announced", stops_at=0, patience_seconds=patience)


@question("bodies of growing sizes, sent", requests=12, size_bytes=62 * MIB)
def ask_sent(examiner: Examiner) -> None:
    """Upload files of growing sizes until one is refused; then try that size at the far end, too."""
    place = examiner.both[0]
    tried, refused, rate = 0, False, 0.0
    sizes = SENT if examiner.far_end else (*SENT, LARGEST)  # the far end needs its share of the budget
    for size in sizes:
        if not examiner.can_afford(2 * size if examiner.far_end else size, 5.0):
            break
        if rate and size / rate > LONG_SECONDS:
            examiner.skip(f"{format_size(size)} would take {size / rate:.0f} s over this line")
            break
        found = _send(examiner, place, size)
        rate = size / found.seconds if found.seconds else 0.0
        if not found.is_success:
            _close_in(examiner, place, tried, size)
            tried, refused = size, True
            break
        tried = size
    if not refused:
        tried = min(tried, AT_FAR_END)
    if examiner.far_end and place is not examiner.far_end and examiner.can_afford(tried, 5.0):
        _send(examiner, examiner.far_end, tried)


def _close_in(examiner: Examiner, place: Endpoint, accepted: int, refused: int) -> None:
    """Send a few sizes between one that was taken and one that was not."""
    for _ in range(SENT_STEPS):
        middle = (accepted + refused) // 2
        if refused - accepted <= EXACT * refused or not examiner.can_afford(middle, 5.0):
            return
        if _send(examiner, place, middle).is_success:
            accepted = middle
        else:
            refused = middle


def _send(examiner: Examiner, place: Endpoint, size: int) -> Exchange:
    return examiner.send(place.upload(size), f"{format_size(size)} sent")


@question("large headers", requests=len(HEADS), size_bytes=len(HEADS) * KIB)
def ask_heads(examiner: Examiner) -> None:
    """Send small uploads with one header of growing size, until one is refused."""
    for size in HEADS:
        padded = examiner.best.upload(KIB)
        line = "X-Upload-Lab-Pad: " + "a" * size
        upload = padded.changed(headers=(*padded.attempt.headers, line))
        if not examiner.send(upload, f"a header of {format_size(size)}").is_success:
            return


@question("a large field beside the file", requests=1, size_bytes=FIELD_BYTES)
def ask_fields(examiner: Examiner) -> None:
    """Send a form whose text field is larger than some frameworks take."""
    if not (examiner.is_usable and examiner.endpoint.as_form):
        return
    upload = examiner.endpoint.upload(KIB)
    padded = upload.changed(head=field("upload-lab-note", b"a" * FIELD_BYTES) + upload.attempt.head)
    examiner.send(padded, f"a field of {format_size(FIELD_BYTES)}")


@question("an early refusal: seen, or hidden by a reset", requests=2, size_bytes=16 * MIB)
def ask_early(examiner: Examiner) -> None:
    """Send to a path that refuses at once, as most clients do: they look for an answer only at the end."""
    size = 8 * MIB
    if not examiner.can_afford(2 * size, 5.0):
        return
    upload = examiner.endpoint.upload(size, as_form=False)
    examiner.ask_raw(below(examiner.endpoint, NO_SUCH), upload, "a path that does not exist", blind=True)
    if examiner.far_end:
        refused = examiner.far_end.upload(size)
        address = asking(refused.address, {"early": 1})
        examiner.ask_raw(address, refused, "refused unread by the far end", blind=True)
