"""The generated parts of README.md and docs/: no figure there is typed by hand.

``python -m uploadlab.pages`` writes them, ``--check`` fails if a page is stale. A part of a page stands
between ``<!-- begin: WORDS -->`` and ``<!-- end -->``: the first word names a function that is registered as
a part, the others are its arguments.
"""
