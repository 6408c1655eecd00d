"""Files, statuses and times that the cases of the check share."""

from http import HTTPStatus

from uploadlab.catalogue.attempts import noise

SOME = noise(600_001)
"""More than one block of any reader, and more than Werkzeug keeps in memory."""
LESS = noise(100_001)
"""More than one block of most readers, and no more than slow routes are sent."""
SMALL = noise(10_001)
"""Small enough to be sent before the answer comes. A server that closes with data unread resets the
connection, and a client that still sends may then never read the answer."""
HALF = 300_000
"""About the middle of ``SOME``."""
HALF_OF_LESS = 50_000
TORN = b"8000\r\n" + b"x" * 1000
"""The beginning of a chunk of 32 KiB, whose rest never comes."""
SOON_SECONDS = 8.0
"""How long to wait for the answer to a request whose end a server may not find."""

BAD_REQUEST = HTTPStatus.BAD_REQUEST
NOT_FOUND = HTTPStatus.NOT_FOUND
NO_METHOD = HTTPStatus.METHOD_NOT_ALLOWED
TIMEOUT = HTTPStatus.REQUEST_TIMEOUT
LENGTH_REQUIRED = HTTPStatus.LENGTH_REQUIRED
TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
NO_SUCH_CODING = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
URL_TOO_LONG = HTTPStatus.REQUEST_URI_TOO_LONG
EXPECTATION_FAILED = HTTPStatus.EXPECTATION_FAILED
UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY
HEADERS_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
NOT_IMPLEMENTED = HTTPStatus.NOT_IMPLEMENTED
NO_VERSION = HTTPStatus.HTTP_VERSION_NOT_SUPPORTED
