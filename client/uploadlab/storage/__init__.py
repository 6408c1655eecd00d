"""The run folder, and its one reader."""
