"""What the user asked for, as one value: stored in the run, handed to the client's container, printed."""

from enum import StrEnum

from msgspec import Struct

from uploadlab.model.comparison import WITHIN
from uploadlab.model.own_apps import OwnApp
from uploadlab.model.targets import TargetSpec


class Kind(StrEnum):
    """What a run is for; also the name of the command that starts one."""

    RUN = "run"
    CHECK = "check"
    COMPARE = "compare"
    ABLATE = "ablate"
    KNOBS = "knobs"


class Order(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the user asked for; None where the plan or the default decides."""

    kind: Kind = Kind.RUN
    configs: list[str] = []
    """Configs and deployments to compare, the base first; of an ablation the base alone."""
    plan: str | None = None
    group: list[str] | None = None
    """Groups of deployments, or ``all``."""
    deployments: list[str] | None = None
    methods: list[str] | None = None
    sizes: list[str] | None = None
    rounds: int | None = None
    seed: int | None = None
    profile: bool = False
    load: bool = False
    users: list[int] | None = None
    cases: list[str] | None = None
    large: bool = False
    """Whether a check also sends files over 2 GiB and slow uploads, and has larger crowds."""
    clients: list[str] | None = None
    """Clients that a check tries, in place of deployments."""
    link: list[str] | None = None
    """Names of links that uploads go over."""
    app: OwnApp | None = None
    """An app of the user's own, in place of the lab's behind every deployment."""
    base_app: OwnApp | None = None
    """The app as it was before the change that a comparison judges."""
    with_packages: list[str] = []
    """Requirements that every deployment, or the client, loads in place of the lock files' packages."""
    versions: str = ""
    """A requirement: each release that fits it makes one more row of every deployment."""
    releases: list[str] = []
    """Those releases when the order was given, the newest first: ``gunicorn==27.0.1``."""
    targets: dict[str, str] = {}
    """URLs of the user's servers, by their names."""
    spec: TargetSpec | None = None
    """What the targets need, and how they answer where they do not have the lab's routes."""
    within: float = WITHIN
    """A comparison ends once its intervals are ± this share of the ratio."""
    minutes: float | None = None
    """The rounds end after this time."""
    fail_above: float | None = None
    """The slowdown, as a share, from which on a comparison fails."""
    only: str | None = None
    """The text that names the chosen knobs."""

    @property
    def plan_name(self) -> str:
        """The plan that was asked for, or the default of the command."""
        if self.kind is Kind.RUN and self.app:
            return self.plan or "own-app"
        if self.kind is Kind.RUN and self.is_foreign:
            return self.plan or "own-server"
        return self.plan or {Kind.RUN: "quick", Kind.ABLATE: "compare"}.get(self.kind, str(self.kind))

    @property
    def is_foreign(self) -> bool:
        """Whether the targets have none of the lab's routes."""
        return bool(self.targets and self.spec and self.spec.is_foreign)
