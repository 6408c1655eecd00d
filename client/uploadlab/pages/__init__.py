"""What can be derived in README.md and docs/: no figure there is typed by hand.

``python -m uploadlab.pages`` writes it, ``--check`` fails if a page is stale. A part of a page stands between
``<!-- begin: WORDS -->`` and ``<!-- end -->``: the first word names a function that is registered as a part,
the others are what it is given.
"""
