"""What Locust loads: the users of the lab. `./scripts/locust.sh` names it."""

import gc

from uploadlab.load.users import FullSpeed, Paced, WithRequests

gc.freeze()  # as in uploadlab.__main__
__all__ = ["FullSpeed", "Paced", "WithRequests"]
