"""What else the host did during a measurement, and what to do about it."""

from enum import StrEnum


class HostWarning(StrEnum):
    """A disturbance that a measurement met, judged from the host alone."""

    what: str
    """A sentence on what happened, without its full stop."""
    advice: str
    """A sentence on what to do, also without its full stop."""

    def __new__(cls, value: str, what: str, advice: str) -> "HostWarning":
        """Make a member of its name in files, what happened, and the advice."""
        member = str.__new__(cls, value)
        member._value_, member.what, member.advice = value, what, advice
        return member

    OTHER_RUN = (
        "other-run",
        "another run of the lab was measuring on this host",
        "let one run end before you start the next",
    )
    OTHER_PROCESSES = (
        "other-processes",
        "other programs used the CPU",
        "stop these programs, or measure again later",
    )
    CPU_STEAL = (
        "cpu-steal",
        "the hypervisor gave this host's CPU to other machines",
        "measure on a host with cores of its own, or again later",
    )
    THROTTLED = (
        "throttled",
        "the CPU was throttled",
        "raise the CPU limit of the container, or let the host cool down",
    )
    DISK_BUSY = (
        "disk-busy",
        "the disk was writing what other programs had left",
        "wait until the disk is idle, or give --data-dir on another disk",
    )
    MEMORY_SHORT = (
        "memory-short",
        "the host was short of memory and swapped",
        "stop programs that use much memory, or choose smaller --sizes",
    )
