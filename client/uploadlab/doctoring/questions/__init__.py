"""Asks an endpoint: a module for each subject, a decorated function for each question."""
