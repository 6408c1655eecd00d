"""Werkzeug's form parser, with the rules of one_file. Needs no Flask."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import IO, cast

from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Event, Field, File, MultipartDecoder, NeedData, State

from upload_app.form_body import FormBody
from upload_app.one_file import FIELD, FormPart, FormRefused, OneFile

READ_BYTES = 64 << 10
"""What Werkzeug's own parser asks for at a time."""

CUT = "malformed form: it ends before its last boundary"


class OneFileParser(FormDataParser):
    """A parser that keeps the form's file and drops all other parts.

    Werkzeug's own keeps a temporary file for each file part, and leaves them open where the form ends with an
    error: 700 parts are 700 descriptors.
    """

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        """Parse up to the last boundary. Raise FormRefused, RequestEntityTooLarge and what reading raises."""
        boundary = (options or {})["boundary"].encode()
        decoder = MultipartDecoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts)
        opened: list[FileStorage] = []
        if isinstance(stream, FormBody):
            events = _part_by_part(decoder, stream)
        else:
            events = _events(decoder, stream.read)
        try:
            self._keep_file(events, opened, content_length)
        except BaseException:
            for upload in opened:
                with suppress(OSError):  # on a full disk, closing fails again
                    upload.close()
            raise
        return stream, MultiDict(), MultiDict((FIELD, upload) for upload in opened)

    def _keep_file(
        self, events: Iterator[Event], opened: list[FileStorage], content_length: int | None
    ) -> None:
        choice, part, field_bytes = OneFile(), FormPart(is_chosen=False, is_field=True), 0
        for event in events:
            if isinstance(event, Field | File):
                part, field_bytes = choice.examine(event.headers), 0
                if part.is_chosen:
                    kind = event.headers.get("content-type")
                    spool = self.stream_factory(content_length, kind, part.filename, None)
                    opened.append(FileStorage(spool, part.filename, FIELD, headers=event.headers))
            elif isinstance(event, Data) and part.is_chosen:
                opened[0].stream.write(event.data)
            elif isinstance(event, Data) and part.is_field:
                field_bytes += len(event.data)
                if self.max_form_memory_size is not None and field_bytes > self.max_form_memory_size:
                    raise RequestEntityTooLarge
        choice.require()
        opened[0].stream.seek(0)


def _events(decoder: MultipartDecoder, read: Callable[[int], bytes]) -> Iterator[Event]:
    """Yield what the decoder finds up to the last boundary; what follows it stays unread."""
    while decoder.state is not State.EPILOGUE:
        decoder.receive_data(read(READ_BYTES) or None)
        while not isinstance(event := _next_event(decoder), NeedData):
            yield event


def _part_by_part(decoder: MultipartDecoder, form: FormBody) -> Iterator[Event]:
    """Yield the same of a form of which the decoder sees the heads only."""
    while not form.is_over:
        for piece in form.content():
            yield Data(cast(bytes, piece), more_data=True)
        decoder.receive_data(form.head())
        while not isinstance(event := _next_event(decoder), NeedData):
            if isinstance(event, Data) and event.data:
                raise FormRefused("malformed form: a line with its boundary in it does not end with CR LF")
            yield event
    if decoder.state is not State.EPILOGUE:
        raise FormRefused(CUT)


def _next_event(decoder: MultipartDecoder) -> Event:
    try:
        return decoder.next_event()
    except UnicodeDecodeError:
        raise FormRefused("malformed form: a header of a part is not UTF-8; send names in UTF-8") from None
    except ValueError as error:
        if decoder.complete:
            raise FormRefused(CUT) from None
        raise FormRefused(f"malformed form: {error}") from None
