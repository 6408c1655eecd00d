"""Benchmarks of what handles every byte, without HTTP: ``./scripts/bench``."""
