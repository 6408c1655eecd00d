"""Turns what was seen into findings: a module for each subject, a pure function for each rule."""
