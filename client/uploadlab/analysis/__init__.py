"""From rows to figures. Pure: reads no file, starts nothing."""

from uploadlab.analysis import client_causes  # noqa: F401  registers its rules beside those of diagnosis
