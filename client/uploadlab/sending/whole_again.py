"""An upload that begins again from the first byte after each break, as a loop around an upload does."""

from uploadlab.sending.connections import location_of
from uploadlab.sending.several_requests import FileInPieces, LastAnswer

MOST_TRIES = 30
"""Each of them has sent something: the line is there, and never for long enough."""


def send_again(pieces: FileInPieces) -> LastAnswer:
    """Send the file until one request is answered; raise what breaks the last try."""
    tally = pieces.route.tally
    with pieces.opened() as (file, target):
        for _ in range(MOST_TRIES):
            before = tally.sent_bytes
            answer = target.ask(pieces.method.verb, pieces.address, **pieces.piece(file, 0))
            if answer is not None:
                break
            if tally.sent_bytes > before:
                target.progressed()
        else:
            answer = target.once(pieces.method.verb, pieces.address, **pieces.piece(file, 0))
        return LastAnswer(answer, location_of(answer))
