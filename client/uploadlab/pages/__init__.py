"""Writes the generated parts of README.md and docs/, where no figure is typed by hand.

``python -m uploadlab.pages`` writes the parts; ``--check`` fails if a page is stale. A part stands between
``<!-- begin: WORDS -->`` and ``<!-- end -->``. The first word names a function with the decorator
``page_part``; the other words are its arguments.
"""
