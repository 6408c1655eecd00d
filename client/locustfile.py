"""What Locust loads: the users of the lab. `./scripts/locust.sh` names it."""

from uploadlab.load.users import FullSpeed, Paced, WithRequests

__all__ = ["FullSpeed", "Paced", "WithRequests"]
