"""What else the host did during a measurement, and what to do about it."""

from enum import StrEnum

from msgspec import Struct


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
        "stop them, or measure again later",
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
        "the disk was still writing what earlier uploads or other programs had left",
        "wait until the disk is idle, or give --data-dir on another disk",
    )
    MEMORY_SHORT = (
        "memory-short",
        "the host was short of memory",
        "stop programs that use much memory, or choose smaller --sizes",
    )


class HostUse(Struct, kw_only=True):
    """What the host did while something was measured. None where this system does not say."""

    host_seconds: float | None = None
    """Between the two looks at the host, one before and one after."""
    other_cpu_seconds: float | None = None
    """CPU seconds of all programs that are not the lab's. Kernel work for uploads counts in part."""
    other_runnable: int | None = None
    """How many others were ready to run at both looks, when the lab's servers were idle."""
    steal_seconds: float | None = None
    """CPU seconds that the hypervisor gave to others, of all cores."""
    throttles: int | None = None
    """How often a limit of the control group, or heat, slowed the CPU down."""
    dirty_bytes: int | None = None
    """What waited to be written to disk at the first look."""
    swapped_bytes: int | None = None
    """Written to or read from swap."""
    memory_stall_seconds: float | None = None
    """Time in which some program waited for memory."""
    host_warnings: list[HostWarning] = []
    """What disturbed the measurement; empty where nothing did, or nothing of it is known."""

    @property
    def disturbed(self) -> bool:
        """Whether something outside of the lab disturbed the measurement."""
        return bool(self.host_warnings)
