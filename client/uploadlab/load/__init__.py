"""Many uploads at once, by Locust: planned as steps, driven by its master and workers, summarized from rows.

``steps`` plans, ``stage`` carries out, ``swarm`` starts Locust and gives it steps, ``master`` is its
process. The users themselves are in ``client/locustfile.py``. ``summary`` and ``table`` read files only.
"""
