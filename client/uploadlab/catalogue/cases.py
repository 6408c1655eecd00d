"""The cases of the check, rows of its grid. Each is a decorated function in one of the modules ``cases_*``.

Its decorator names the case and its kind, its docstring describes it, and the attempts that it yields go to
every route that takes their kind of body. Command line, grid and tests are derived from this registry.
"""

from uploadlab.catalogue import (  # noqa: F401  each registers its cases when it is imported
    cases_bodies,
    cases_chunks,
    cases_connections,
    cases_digests,
    cases_faults,
    cases_forms,
    cases_framing,
    cases_heads,
    cases_limits,
)
from uploadlab.catalogue.registry import REGISTERED, Case, CaseKind

CASES: dict[str, Case] = {
    name: known for kind in CaseKind for name, known in REGISTERED.items() if known.kind is kind
}
LIMITS = [name for name, known in CASES.items() if known.kind is CaseKind.LIMIT]
"""What is measured, not judged, so that a plan may measure it beside uploads."""
