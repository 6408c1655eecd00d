"""Cases of the check: digests of the body that the client announces (RFC 9530)."""

import base64
import hashlib
from collections.abc import Iterator
from itertools import chain
from typing import Any

from uploadlab.catalogue.attempts import Attempt, both, form, raw
from uploadlab.catalogue.case_values import BAD_REQUEST, LENGTH_REQUIRED, LESS, SMALL, SOME
from uploadlab.catalogue.cases_faults import cut_in_chunks
from uploadlab.catalogue.registry import CaseKind, case


def announced(attempt: Attempt, *algorithms: str, field: str = "Repr-Digest", right: bool = True) -> Attempt:
    """Return the attempt with the digests of its body in a header, or with those of another body."""
    members = [f"{name}=:{body_digest(attempt, name, right)}:" for name in algorithms or ("sha-256",)]
    return attempt._replace(headers=(*attempt.headers, f"{field}: {', '.join(members)}"))


def body_digest(attempt: Attempt, algorithm: str, right: bool = True) -> str:
    """Return a digest of the attempt's whole body in base64."""
    found = hashlib.new(algorithm.replace("-", ""), usedforsecurity=False)
    for block in chain(attempt.body(attempt.file.blocks()), () if right else (b"x",)):
        found.update(block)
    return base64.b64encode(found.digest()).decode()


IN_CHUNKS: dict[str, Any] = {"chunked": True, "refusals": (LENGTH_REQUIRED, BAD_REQUEST)}
"""400 is right, too: of a body that its server loses, the digest is another."""


@case("digest", CaseKind.GOOD, contract=True)
def digest() -> Iterator[Attempt]:
    """A header with the right digest of the body: sha-256 or sha-512, in either header."""
    yield from (announced(attempt) for attempt in both(SOME))
    yield announced(raw(LESS, label="100 kB"))
    yield from (announced(attempt) for attempt in both(SOME, **IN_CHUNKS))
    plain = raw(SMALL, each_route=False)
    yield announced(plain._replace(label="sha-512"), "sha-512")
    yield announced(plain._replace(label="both"), "sha-256", "sha-512")
    yield announced(plain._replace(label="Content-Digest"), field="Content-Digest")
    yield announced(announced(plain._replace(label="both headers"), field="Content-Digest"), "sha-512")
    # Nobody has to know these (RFC 9530, 3). A server that needs a digest may refuse them.
    may = plain._replace(refusals=(BAD_REQUEST,))
    yield may._replace(label="an unknown algorithm alone", headers=("Repr-Digest: x-sum=:AAAA:",))
    yield may._replace(label="a wrong md5 alone", headers=(f"Repr-Digest: md5=:{'A' * 22}==:",))
    yield may._replace(label="nothing", headers=("Repr-Digest:",))


@case("digest-wrong", CaseKind.BAD, contract=True)
def digest_wrong() -> Iterator[Attempt]:
    """A header with the digest of another body."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}
    yield from (announced(attempt, right=False) for attempt in both(SOME, **bad))
    yield announced(raw(LESS, label="100 kB", **bad), right=False)
    yield announced(
        raw(SOME, **bad | {"chunked": True, "refusals": (BAD_REQUEST, LENGTH_REQUIRED)}), right=False
    )
    plain = raw(SMALL, each_route=False, **bad)
    for label, first in {"Content-Digest": plain, "one of two headers": announced(plain)}.items():
        yield announced(first._replace(label=label), field="Content-Digest", right=False)
    yield announced(announced(plain._replace(label="one of two lines")), "sha-512", right=False)


@case("digest-cut", CaseKind.FAULT, contract=True)
def digest_cut() -> Iterator[Attempt]:
    """A header with a digest, then a chunked body that its client cuts: no server may store it."""
    yield from (announced(attempt) for attempt in cut_in_chunks())


MALFORMED = {
    "no base64": "sha-256=:?:",
    "not between colons": "sha-256={digest}",
    "quoted": 'sha-256="{digest}"',
    "one colon": "sha-256=:{digest}",
    "hexadecimal": "sha-256=:{hexadecimal}:",
    "cut": "sha-256=:{short}:",
    "nothing between the colons": "sha-256=::",
    "no value": "sha-256",
    "upper case": "SHA-256=:{digest}:",
    "the notation of the older Digest": "SHA-256={digest}",
    "comma at the end": "sha-256=:{digest}:,",
    "semicolons": "sha-256=:{digest}:; =",
    "space around the sign": "sha-256 = :{digest}:",
    "malformed beside a right one": "sha-256=:{digest}:, x-sum=1",
}


@case("digest-malformed", CaseKind.BAD, contract=True)
def digest_malformed() -> Iterator[Attempt]:
    """A malformed header for the digest: other notations, wrong lengths, missing parts."""
    bad: dict[str, Any] = {"must_refuse": True, "refusals": (BAD_REQUEST,)}
    for label, text in MALFORMED.items():
        every = label == "no base64"
        makers = (raw, form) if every else (raw,)
        for make in makers:
            attempt = make(SMALL, label=label, each_route=every, **bad)
            digest = body_digest(attempt, "sha-256")
            hexadecimal = base64.b64decode(digest).hex()
            value = text.format(digest=digest, short=digest[:40], hexadecimal=hexadecimal)
            yield attempt._replace(headers=(f"Repr-Digest: {value}",))
