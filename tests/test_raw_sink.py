"""The reference server is a ceiling only if it pays for none of what it is compared with."""

import os
import subprocess
import sys

from uploadlab.paths import APP, ROOT

REFERENCES = ROOT / "services/references"
CODE = "import sys, raw_sink; print(*{name.partition('.')[0] for name in sys.modules})"


def test_the_reference_server_loads_no_framework() -> None:
    environ = {**os.environ, "PYTHONPATH": f"{REFERENCES}:{APP}"}
    command = [sys.executable, "-c", CODE]
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert {"raw_sink", "upload_app", "xxhash"} <= loaded
    assert loaded.isdisjoint({"flask", "werkzeug", "jinja2", "multipart"})
