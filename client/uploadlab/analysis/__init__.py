"""From rows to figures. Pure: reads no file, starts nothing."""
