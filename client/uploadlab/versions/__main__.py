"""Makes folders of packages in an image: ``python -m uploadlab.versions SETS``, in a build of a container.

SETS is a file that ``runtimes/package_images.py`` writes: for each set its requirements and lock files.
"""

import json
import shutil
import sys
from pathlib import Path

from uploadlab.errors import FAILED, LabError
from uploadlab.processes.groups import Processes
from uploadlab.versions.folders import make_package_folder
from uploadlab.versions.sets import IN_IMAGES, REASON


def main(file: Path) -> int:
    """Make the folder of each set, and print why one could not be made; return the exit code."""
    failed = False
    with Processes() as processes:
        for name, wanted in json.loads(file.read_text()).items():
            locks = [file.parent / lock for lock in wanted["locks"]]
            environment = Path(wanted["environment"]) if wanted["environment"] else None
            try:
                made = make_package_folder(wanted["words"], locks, processes, environment)
            except LabError as error:
                failed = True
                print(f"{REASON} {name}: {error}", flush=True)
            else:
                IN_IMAGES.mkdir(parents=True, exist_ok=True)
                shutil.move(made.path, IN_IMAGES / name)
    return FAILED if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
