"""Writes and reads the folder of a run."""
