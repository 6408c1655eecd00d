"""Turns a run and its targets into rows, stage by stage."""
