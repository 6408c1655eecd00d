"""Which cases of the check apply to which routes of a target."""

from uploadlab.catalogue.attempts import PAUSES, Attempt, Then
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS, methods_at
from uploadlab.model.deployments import Target
from uploadlab.units import MIB


def applies(target: Target, case: str) -> bool:
    """Whether any attempt of the case makes sense there."""
    return any(routes(target, attempt) for attempt in CASES[case].attempts())


def routes(target: Target, attempt: Attempt) -> list[str]:
    """Where the attempt makes sense: its kind of body; and slow routes only where it is soon over.

    Whether a server bears with a slow body shows at one route as well as at all.
    """
    methods = [METHODS[name] for name in methods_at(target) if METHODS[name].form == attempt.form]
    soon = attempt.file.size_bytes <= MIB and attempt.then not in PAUSES
    found = list(dict.fromkeys(one.route for one in methods if soon or not one.slow))
    return found[:1] if attempt.then is Then.TRICKLE else found
