"""Parts of docs/doctor.md: how often the doctor names the planted cause first."""

from collections.abc import Iterable, Sequence

from uploadlab.pages.part import page_part, untitled
from uploadlab.pages.planted import (
    FAR_END_GOAL,
    GOAL,
    HEALTHY,
    PlantedAnswer,
    load_planted_families,
    read_planted,
    share_right,
)
from uploadlab.presenting.figures import NO_FIGURE, counted, percent

NOT_RUN = "No run with planted faults is kept yet.\n"


@page_part
def planted_run() -> str:
    """Return what the kept run consisted of: stacks, days, versions."""
    if not (answers := read_planted()):
        return NOT_RUN
    days = sorted({answer.day for answer in answers})
    stacks = {answer.stack: answer for answer in answers}.values()
    healthy = sum(answer.family == HEALTHY for answer in stacks)
    held_out = sum(answer.held_out for answer in stacks)
    versions = ", ".join(sorted({answer.version for answer in answers}))
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        f"{counted(len(stacks) - healthy, 'stack')} with a planted fault, {held_out} of them held out, and "
        f"{counted(healthy, 'healthy stack')}; upload-lab {versions}, {when}.\n"
    )


@page_part
def planted_goals() -> str:
    """Return the shares of stacks whose planted cause came first, beside the goals; held-out stacks apart."""
    return goals_table(answers) if (answers := read_planted()) else NOT_RUN


def goals_table(answers: Sequence[PlantedAnswer]) -> str:
    """Return the totals of a run."""
    faulty = [answer for answer in answers if answer.family != HEALTHY]
    groups = {
        "all with a fault": faulty,
        "of these, held out": [answer for answer in faulty if answer.held_out],
        "of these, not held out": [answer for answer in faulty if not answer.held_out],
        "healthy: nothing above a note": [answer for answer in answers if answer.family == HEALTHY],
    }
    rows = [[name, _share(group, False), _share(group, True)] for name, group in groups.items()]
    rows.append(["goal for those with a fault", percent(GOAL), percent(FAR_END_GOAL)])
    return untitled(["stacks", "without the far end", "with the far end"], rows)


@page_part
def planted_families() -> str:
    """Return, for each family, how many stacks' cause came first, and what the doctor said in its place."""
    return families_table(answers) if (answers := read_planted()) else NOT_RUN


def families_table(answers: Sequence[PlantedAnswer]) -> str:
    """Return the confusion table of a run; empty if no stack of it has a fault."""
    rows = []
    for family in load_planted_families().values():
        mine = [answer for answer in answers if answer.family == family.name]
        if mine:
            name = f"{family.name} (held out)" if family.held_out else family.name
            stacks = len({answer.stack for answer in mine})
            rows.append([name, str(stacks), _share(mine, False), _share(mine, True), _instead(mine)])
    header = ["family", "stacks", "first cause right without the far end", "with it", "named instead"]
    return untitled(header, rows) if rows else ""


@page_part
def planted_misses() -> str:
    """Return each stack whose planted cause did not come first, and each healthy one with more than notes."""
    return misses_table(answers) if (answers := read_planted()) else NOT_RUN


def misses_table(answers: Sequence[PlantedAnswer]) -> str:
    """Return what the doctor said wrongly in a run."""
    rows = [
        [f"`{answer.stack}`", answer.says, _far_end(answer), _ids(answer.expected) or "nothing above a note",
         _said(answer)]
        for answer in answers
        if not answer.is_right
    ]  # fmt: skip
    if not rows:
        return "None: the planted cause came first at every stack.\n"
    return untitled(["stack", "what is planted", "far end", "right", "the doctor's first"], rows)


def _share(answers: Iterable[PlantedAnswer], far_end: bool) -> str:
    right, count = share_right(answer for answer in answers if answer.far_end == far_end)
    return f"{right} of {count}, {percent(right / count)}" if count else NO_FIGURE


def _instead(answers: Iterable[PlantedAnswer]) -> str:
    said = dict.fromkeys(_said(answer) for answer in answers if not answer.is_right)
    return ", ".join(said) or NO_FIGURE


def _said(answer: PlantedAnswer) -> str:
    return answer.said if answer.error or answer.said == "nothing" else f"`{answer.said}`"


def _ids(names: Iterable[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _far_end(answer: PlantedAnswer) -> str:
    return "yes" if answer.far_end else "no"
