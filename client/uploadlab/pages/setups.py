"""The names of the lab's rows beside the setups that people have."""

from uploadlab.declared.compose import load_deployments
from uploadlab.model.deployments import REFERENCE
from uploadlab.pages.part import page_part, untitled
from uploadlab.paths import COMPOSE
from uploadlab.presenting.figures import NO_FIGURE, grouped

STOCK = "stock"


@page_part
def setups() -> str:
    """Return each setup with its rows: with default settings, and with the lab's."""
    rows = (deployment for deployment in load_deployments(COMPOSE).values() if deployment.tier != REFERENCE)
    by_setup = grouped((deployment.title.partition(",")[0], deployment) for deployment in rows)
    lines = []
    for setup, deployments in by_setup.items():
        stock = [f"`{made.name}`" for made in deployments if made.tier == STOCK]
        ours = [f"`{made.name}`" for made in deployments if made.tier != STOCK]
        lines.append([setup, ", ".join(stock) or NO_FIGURE, ", ".join(ours) or NO_FIGURE])
    return untitled(["you run", "with its defaults", "with our settings"], lines)
