"""How long may an upload pause, take, and wait for its answer; and does the body stream to the app?"""

from uploadlab.doctoring.endpoint import NO_SUCH, asking, below
from uploadlab.doctoring.examination import Examiner
from uploadlab.doctoring.registry import question
from uploadlab.units import KIB

PAUSE_SECONDS = 2.0
PAUSED_BYTES = 256 * KIB
SILENT_BYTES = 64 * KIB
SPREAD_BYTES = 256 * KIB
SLACK_SECONDS = 0.6
"""Beyond a rung: a limit of exactly that time must have struck."""


@question("bodies: streamed to the app, or collected first", requests=2, size_bytes=2 * PAUSED_BYTES)
def ask_buffering(examiner: Examiner) -> None:
    """Pause in mid-body: has the app been called by then?"""
    manners = {"pause_at": PAUSED_BYTES // 2, "pause_seconds": PAUSE_SECONDS}
    if examiner.far_end:
        examiner.send(examiner.far_end.upload(PAUSED_BYTES), f"{PAUSE_SECONDS:g} s of silence", **manners)
    upload = examiner.endpoint.upload(PAUSED_BYTES, as_form=False)
    address = below(examiner.endpoint, NO_SUCH)
    examiner.ask_raw(address, upload, "a path that does not exist, paused", **manners)


@question("the longest silence within a body", requests=1, size_bytes=SILENT_BYTES)
def ask_silence(examiner: Examiner) -> None:
    """Send half a body, then nothing for the longest rung: a limit shows itself by its time."""
    seconds = _longest(examiner)
    if seconds:
        upload = examiner.best.upload(SILENT_BYTES)
        manners = {"pause_at": SILENT_BYTES // 2, "pause_seconds": seconds}
        examiner.send(upload, f"{seconds:g} s of silence", **manners)


@question("the longest time for a body that keeps coming", requests=1, size_bytes=SPREAD_BYTES)
def ask_duration(examiner: Examiner) -> None:
    """Send a body slowly but steadily over the longest rung."""
    seconds = _longest(examiner)
    if seconds:
        examiner.send(
            examiner.best.upload(SPREAD_BYTES), f"spread over {seconds:g} s", spread_seconds=seconds
        )


@question("the longest wait for an answer (far end only)", requests=1, size_bytes=KIB)
def ask_waiting(examiner: Examiner) -> None:
    """Have the far end answer late."""
    seconds = _longest(examiner) if examiner.far_end else 0.0
    if not examiner.far_end:
        examiner.skip("only the far end can answer late: add --probe PATH")
    elif seconds:
        upload = examiner.far_end.upload(KIB)
        address = asking(upload.address, {"wait": f"{seconds:g}"})
        late = upload._replace(endpoint=upload.endpoint._replace(url=address.geturl()))
        examiner.send(late, f"answered after {seconds:g} s", patience_seconds=seconds + 10)


def _longest(examiner: Examiner) -> float:
    """Return the longest rung that there is time for, and a little more; 0 if there is none."""
    rungs = [rung + SLACK_SECONDS for rung in sorted(examiner.seen.rungs, reverse=True)]
    fitting = [rung for rung in rungs if rung + 2.0 < examiner.seconds_left]
    if not fitting and rungs:
        examiner.can_afford(0, rungs[-1] + 2.0)
    elif rungs and fitting[0] != rungs[0]:
        examiner.skip(f"{rungs[0]:g} s did not fit into the budget: {fitting[0]:g} s were tried instead")
    return fitting[0] if fitting else 0.0
