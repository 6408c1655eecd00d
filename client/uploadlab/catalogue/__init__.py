"""Registries: methods, cases of the check, payloads."""
