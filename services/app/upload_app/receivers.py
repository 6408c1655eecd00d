"""The ways to take an upload off the wire. None of them needs Flask.

A receiver reads ``body`` and writes the file's bytes to ``file``. All raise BudgetSpent once the deadline
has passed.
"""

import math
from typing import BinaryIO, cast

from multipart import MultipartSegment, ParserLimitReached, PushMultipartParser

from upload_app.body import Body
from upload_app.one_file import OneFile
from upload_app.unfinished import UnfinishedUpload, UploadRefused

LEAST_BLOCK_BYTES = 64 << 10
"""What is read at a time of a slow upload that may go on later."""


class BodyTooLong(UploadRefused):
    """A body that goes on behind the end of its upload or part."""


def receive_blocks(body: Body, file: BinaryIO, block_size: int) -> None:
    """Write a raw body in blocks of ``block_size`` bytes: the recommended way."""
    for block in body.blocks(block_size):
        file.write(block)


def receive_lines(body: Body, file: BinaryIO, block_size: int) -> None:
    """Write a raw body by ``writelines``, as the original write-up proposed.

    A line of more than ``block_size`` bytes is written in pieces.
    """
    file.writelines(body.lines(block_size))


def receive_pushed_form(
    body: Body,
    file: BinaryIO,
    block_size: int,
    boundary: str,
    most_field_bytes: int | None = None,
    most_parts: int | None = None,
) -> None:
    """Write the file of a multipart body through a push parser, straight to its destination.

    ``most_field_bytes`` limits each field that is not a file, and what may be read in vain for the first
    boundary; None: no limit. Raise FormRefused for a form
    without exactly one file, ``multipart.MultipartError`` for a malformed body,
    ``multipart.ParserLimitReached`` over a limit.
    """
    choice = OneFile()
    most, parts = (math.inf if limit is None else limit for limit in (most_field_bytes, most_parts))
    parser = PushMultipartParser(boundary, max_header_size=most, max_segment_count=parts)
    begun, read_bytes = False, 0

    def read(size: int) -> bytes:
        nonlocal read_bytes
        if not begun and read_bytes > most:
            raise ParserLimitReached(f"no boundary in the first {read_bytes} bytes")
        block = body.read(size)
        read_bytes += len(block)
        return block

    for event in parser.parse_blocking(read, block_size):
        begun = True
        if isinstance(event, MultipartSegment):
            segment, part = event, choice.examine(event.headerlist)
        elif event and part.is_chosen:
            file.write(cast(bytes, event))
        elif event and part.is_field and segment.bytes_received > most:
            raise ParserLimitReached(f"the field {segment.name!r} has over {most} bytes")
    choice.require()


def receive_range(body: Body, upload: UnfinishedUpload, at: int, end: int, block_size: int) -> int:
    """Write a raw body to an upload from ``at`` on; return where it ends. Raise BodyTooLong behind ``end``.

    What was written before an error stays.
    """
    for block in body.paced_blocks(min(LEAST_BLOCK_BYTES, block_size), block_size):
        if at + len(block) > end:
            raise BodyTooLong(413, f"the body goes on behind byte {end}, where it should end")
        at += upload.write(block, at)
    body.finish()
    return at
