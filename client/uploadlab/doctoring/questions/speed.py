"""How fast is an upload: over which version of HTTP, in which blocks, and alone or beside others?"""

from typing import Any

from uploadlab.doctoring.examination import Examiner
from uploadlab.doctoring.http2 import ask_over_http2, is_installed
from uploadlab.doctoring.questions.http2 import HTTP2
from uploadlab.doctoring.registry import question
from uploadlab.model.exchanges import Exchange
from uploadlab.units import KIB, MIB, format_size

LARGEST = 3 * MIB
SMALLEST = 256 * KIB
"""Of a smaller body, the time is that of the answer."""
AT_ONCE = 4
LONG_SECONDS = 4.0
"""What an upload should not take much longer than, so that a slow line leaves time for other questions."""
SMALL_BLOCK, LARGE_BLOCK = 16 * KIB, MIB
"""What many clients send at a time, and what is fast for most."""
OVER_HTTP2 = f"over {HTTP2}"
SMALL_BLOCKS, LARGE_BLOCKS = f"blocks of {format_size(SMALL_BLOCK)}", f"blocks of {format_size(LARGE_BLOCK)}"
SIDE_BY_SIDE = f"{AT_ONCE} at once"


@question(
    f"speed: versions of HTTP, sizes of blocks, {AT_ONCE} uploads at once",
    requests=3 + AT_ONCE, size_bytes=5 * LARGEST,
)  # fmt: skip
def ask_speed(examiner: Examiner) -> None:
    """Upload the same bytes in several ways."""
    size = size_to_time(examiner.seen.exchanges)
    if size < SMALLEST:
        examiner.skip("no upload that is large enough to time was accepted")
        return
    _send(examiner, size, LARGE_BLOCKS, block_bytes=LARGE_BLOCK)
    if HTTP2 in examiner.seen.wire.versions and is_installed():
        _send(examiner, size, OVER_HTTP2, over=ask_over_http2)
    _send(examiner, size, SMALL_BLOCKS, block_bytes=SMALL_BLOCK)
    share = max(SMALLEST, size // 2)
    if examiner.can_afford(AT_ONCE * share, LONG_SECONDS):
        uploads = [examiner.best.upload(share) for _ in range(AT_ONCE)]
        examiner.send_at_once(uploads, SIDE_BY_SIDE)


def _send(examiner: Examiner, size: int, label: str, **manners: Any) -> None:
    if examiner.can_afford(size, LONG_SECONDS):
        examiner.send(examiner.best.upload(size), label, **manners)


def size_to_time(exchanges: list[Exchange]) -> int:
    """Return the bytes of an upload that is taken, and lasts some seconds at most; 0: none is known."""
    taken = [found for found in exchanges if found.is_success and found.question in ("sent", "first")]
    largest = max(taken, key=lambda found: found.body_bytes, default=None)
    if largest is None or not largest.seconds:
        return 0
    within = int(largest.body_bytes / largest.seconds * LONG_SECONDS)
    return min(LARGEST, largest.body_bytes, max(within, min(largest.body_bytes, SMALLEST)))
