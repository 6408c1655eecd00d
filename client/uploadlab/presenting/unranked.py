"""The main result of a run whose servers have no rank: only baselines or relays arrived, or nothing did."""

from collections.abc import Sequence

from uploadlab.analysis.cells import Summary, reference_names
from uploadlab.model.runs import Run
from uploadlab.presenting.rates import rate_text


def unranked_title(run: Run, summaries: Sequence[Summary]) -> str:
    """Return what arrived: the fastest of it, and that it went to baselines alone, if so."""
    rated = [summary for summary in summaries if summary.mb_per_second]
    if not rated:
        return "no upload arrived"
    fastest = max(rated, key=lambda summary: summary.mb_per_second or 0.0)
    text = f"{fastest.deployment} takes {rate_text(fastest)} MB/s by {fastest.method}"
    references = reference_names(run)
    if any(summary.deployment not in references for summary in rated):
        return text
    others = [summary for summary in summaries if summary.deployment not in references]
    return "no upload arrived, except at baselines" if others else f"only baselines were measured: {text}"
