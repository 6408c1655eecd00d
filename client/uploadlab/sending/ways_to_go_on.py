"""The ways to send a file in several requests, by what a method declares."""

from collections.abc import Callable

from uploadlab.catalogue.methods import GoesOnBy
from uploadlab.sending.by_parts import send_by_parts
from uploadlab.sending.from_offset import send_from_offset
from uploadlab.sending.several_requests import FileInPieces, LastAnswer
from uploadlab.sending.whole_again import send_again

WAYS: dict[GoesOnBy, Callable[[FileInPieces], LastAnswer]] = {
    GoesOnBy.AGAIN: send_again,
    GoesOnBy.OFFSET: send_from_offset,
    GoesOnBy.PARTS: send_by_parts,
}


def send_in_pieces(pieces: FileInPieces) -> LastAnswer:
    """Send the file in the method's way; return the last answer, or raise what breaks the last try."""
    return WAYS[pieces.goes_on.by](pieces)
