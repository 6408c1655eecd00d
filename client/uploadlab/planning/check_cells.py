"""Which cases of the check apply to which routes of a target."""

from uploadlab.catalogue.attempts import PAUSES, Attempt
from uploadlab.catalogue.cases import CASES
from uploadlab.catalogue.methods import METHODS, methods_at
from uploadlab.model.deployments import Target
from uploadlab.units import MIB


def applies(target: Target, case: str) -> bool:
    """Return whether any attempt of the case makes sense at the target."""
    return any(routes(target, attempt) for attempt in CASES[case].attempts())


def routes(target: Target, attempt: Attempt) -> list[str]:
    """Return the routes that take the attempt's kind of body; slow routes only if it ends soon."""
    methods = [METHODS[name] for name in methods_at(target) if METHODS[name].form == attempt.form]
    soon = attempt.file.size_bytes <= MIB and attempt.then not in PAUSES
    found = list(dict.fromkeys(method.route for method in methods if soon or not method.slow))
    return found if attempt.each_route else found[:1]
