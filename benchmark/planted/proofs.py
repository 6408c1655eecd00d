"""Proofs that a fault is there: each makes a check that returns why the fault does not show, or nothing."""

import subprocess
import time
from collections.abc import Callable
from tempfile import NamedTemporaryFile

from benchmark.planted.sending import BLOCK, Answer, Request, send
from benchmark.planted.stack import Proof, Subject

KB, MB = 1000, 1000**2
SILENT = ("closed", "reset", "silent")
ENDED_STATUSES = (400, 408, 499, 500, 502, 503, 504)
"""Of hops that end an upload."""


def both(*proofs: Proof) -> Proof:
    """Return the proof that all of these hold."""
    return lambda subject: "; ".join(why for proof in proofs if (why := proof(subject)))


def needs(request: Request, right: Callable[[Answer], bool], what: str) -> Proof:
    """Return the proof that the answer to a request is right."""

    def prove(subject: Subject) -> str:
        answer = send(subject, request._replace(form=request.form or subject.as_form))
        return "" if right(answer) else f"{what}, but: {answer}"

    return prove


def whole(request: Request) -> Proof:
    """Return the proof that an upload arrives."""
    return needs(request, lambda answer: answer.is_whole, "the upload should arrive")


def answered(status: int, request: Request, word: str = "") -> Proof:
    """Return the proof that an upload gets that status, with a word in the answer."""
    return needs(
        request, lambda answer: answer.status == status and word in answer.head + answer.content,
        f"the answer should be {status} {word}".strip(),
    )  # fmt: skip


def limited(bytes_: int, status: int = 413) -> Proof:
    """Return the proof that bodies under the limit arrive, and others get the status; 0: they only fail."""
    over = Request(int(bytes_ * 1.3) + 4000)
    under = whole(Request(int(bytes_ * 0.7)))
    return both(under, answered(status, over) if status else not_whole(over))


def not_whole(request: Request) -> Proof:
    """Return the proof that an upload fails, in whichever way."""
    return needs(request, lambda answer: not 200 <= answer.status < 300, "the upload should fail")


def ends_silence(seconds: float) -> Proof:
    """Return the proof that a pause of twice the limit ends an upload, and one of a third does not."""
    return both(
        whole(Request(pause_seconds=seconds / 3)),
        needs(Request(pause_seconds=seconds * 2 + 1), was_ended, "the pause should end the upload"),
    )


def ends_duration(seconds: float) -> Proof:
    """Return the proof that an upload of twice the limit is ended, and one of a third is not."""
    return both(
        whole(Request(over_seconds=seconds / 3)),
        needs(Request(over_seconds=seconds * 2 + 1), was_ended, "the upload should be ended"),
    )


def was_ended(answer: Answer) -> bool:
    """Return whether a hop ended an upload."""
    return answer.status in ENDED_STATUSES or answer.ending in SILENT


def loses_chunks(subject: Subject) -> str:
    """Prove that a chunked body is empty for the app."""
    raw, form = send(subject, Request(chunked=True)), send(subject, Request(chunked=True, form=True))
    is_lost = raw.status == 201 and raw.said.get("size") == 0
    return (
        "" if is_lost and form.status == 400 else f"a chunked body should be lost, but: {raw}; a form: {form}"
    )


def refuses_chunks(status: int) -> Proof:
    """Return the proof that a chunked body gets that status."""
    return both(whole(Request()), answered(status, Request(chunked=True)))


def reading_seconds(subject: Subject) -> float:
    """Return how long the app read a body that was sent over two seconds."""
    answer = send(subject, Request(over_seconds=2))
    return float(answer.said.get("seconds", -1))


def is_buffered(subject: Subject) -> str:
    """Prove that the app gets a body only when all of it is there."""
    seconds = reading_seconds(subject)
    return "" if 0 <= seconds < 0.7 else f"the app should read the body at once, but it took {seconds:.1f} s"


def is_streamed(subject: Subject) -> str:
    """Prove that the app gets a body while it arrives."""
    seconds = reading_seconds(subject)
    return "" if seconds > 1 else f"the app should read for two seconds, but it took {seconds:.1f} s"


def limits_head(bytes_: int, *statuses: int) -> Proof:
    """Return the proof that a header over the limit gets one of the statuses; 0: no answer."""
    under, over = (
        Request(1000, headers=(f"X-Long: {'x' * count}",)) for count in (bytes_ // 2, bytes_ + 1000)
    )
    return both(
        whole(under), needs(over, lambda answer: answer.status in statuses, f"the head should get {statuses}")
    )


def resets(subject: Subject) -> str:
    """Prove that a client which reads no answer while it sends meets a reset, before it could send all."""
    refused = Request(20 * MB, path="/no-such-page", is_blind=True)
    small = send(subject, refused._replace(size_bytes=100))
    if small.status != 404:
        return f"a small upload should be refused with a reason, but: {small}"
    answer = send(subject, refused)
    return "" if answer.sent_bytes < refused.size_bytes else f"a reset should show, but: {answer}"


def slower(seconds: float, request: Request) -> Proof:
    """Return the proof that an upload arrives, but not within that time."""
    return needs(
        request,
        lambda answer: answer.is_whole and answer.seconds > seconds,
        f"it should take over {seconds} s",
    )


def slow_by_http2(subject: Subject) -> str:
    """Prove that HTTP/2 takes at least twice as long as HTTP/1.1."""
    one, two = curl(subject, "--http1.1", 8 * MB), curl(subject, "--http2", 8 * MB)
    return (
        ""
        if two > 2 * one > 0
        else f"HTTP/2 should be slow, but it took {two:.1f} s, and HTTP/1.1 {one:.1f} s"
    )


def fast_by_http2(subject: Subject) -> str:
    """Prove that an upload arrives by HTTP/2."""
    seconds = curl(subject, "--http2", 20 * MB)
    return "" if seconds > 0 else "an upload by HTTP/2 should arrive"


def curl(subject: Subject, version: str, size_bytes: int) -> float:
    """Return how long curl's upload took; -1 unless it was a success of that version."""
    with NamedTemporaryFile() as file:
        file.write((BLOCK * (size_bytes // len(BLOCK) + 1))[:size_bytes])
        file.flush()
        trust = ["--cacert", str(subject.ca)] if subject.ca else []
        report = "%{http_code} %{http_version} %{time_total}"
        command = [
            "curl",
            "-s",
            "-m",
            "120",
            version,
            *trust,
            "-H",
            "Expect:",
            "-T",
            file.name,
            "-o",
            "/dev/null",
        ]
        done = subprocess.run(
            [*command, "-w", report, subject.url], capture_output=True, text=True, check=False
        )
    status, got, seconds = (done.stdout.split() or ["0", "0", "0"])[:3]
    return float(seconds) if status == "201" and got == version.removeprefix("--http") else -1.0


def distrusted(word: str) -> Proof:
    """Return the proof that a client does not trust the certificate; the word is the reason's."""

    def prove(subject: Subject) -> str:
        answer = send(subject, Request(100))
        return (
            "" if word in answer.ending else f"the certificate should not be trusted ({word}), but: {answer}"
        )

    return prove


def well(subject: Subject) -> str:
    """Prove that 20 MB arrive whole, raw and as a form, with a length and chunked, with pauses and slowly."""
    asked = [
        Request(20 * MB), Request(20 * MB, form=True), Request(5 * MB, chunked=True),
        Request(5 * MB, chunked=True, form=True),
        Request(0), Request(1000, headers=(f"Cookie: {'x' * 12000}",)),
        Request(pause_seconds=6.5), Request(over_seconds=6.5),
    ]  # fmt: skip
    whys = [
        f"{request}: {answer}"[:300] for request in asked if not (answer := send(subject, request)).is_whole
    ]
    whys += (
        []
        if is_refusal_read(refused := send(subject, NO_SUCH))
        else [f"a refusal should arrive, but: {refused}"]
    )
    return "; ".join(whys)


NO_SUCH = Request(20 * MB, path="/no-such-page", is_blind=True)


def is_refusal_read(answer: Answer) -> bool:
    """Return whether a refused client can read the reason, whether or not it could send all of its body."""
    return answer.status == 404


def waits(seconds: float, tries: int = 3) -> Proof:
    """Return the proof that small uploads arrive late, as others are served first."""

    def prove(subject: Subject) -> str:
        time.sleep(2)
        answers = [send(subject, Request(1000)) for _ in range(tries)]
        late = max(answer.seconds for answer in answers)
        return (
            ""
            if late > seconds
            else f"an upload should wait over {seconds} s, but the longest took {late:.1f} s"
        )

    return prove


def keeps_cut(subject: Subject) -> str:
    """Prove that a chunked body whose client has gone is stored as if it were whole."""
    answer = send(subject, Request(2 * MB, chunked=True, stop_bytes=1 * MB))
    is_kept = answer.status == 201 and 0 < answer.said.get("size", 0) < 2 * MB
    return "" if is_kept else f"a part should be kept, but: {answer}"


def refuses_after(count: int, status: int) -> Proof:
    """Return the proof that one upload arrives, and that the status comes after that many more."""

    def prove(subject: Subject) -> str:
        answers = [send(subject, Request(100)) for _ in range(count + 2)]
        is_limited = answers[0].is_whole and answers[-1].status == status
        return "" if is_limited else f"the status {status} should come, but: {answers[0]}, {answers[-1]}"

    return prove
