"""Planted faults: stacks with one fault each, which the doctor must find: ``./scripts/planted``."""
