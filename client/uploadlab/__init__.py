"""Upload Lab: measures how large files arrive at a Flask app, behind each server and setting.

The packages are the floors of a house; each imports only from itself and from those below it, in the order
that pyproject.toml gives import-linter: from ``commands``, what a user types, down to ``model``, the words.
A run flows one way: ``order -> draft -> targets -> rows in the run's folder -> figures -> text``.
"""

__version__ = "0.1.0"
