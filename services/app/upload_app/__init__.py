"""The one Flask app that every deployment of the lab runs.

``routes`` speak HTTP, ``receivers`` take a ``body`` off the wire, ``storage`` puts it on disk. ``relay``
passes it on to another deployment instead. ``app`` puts them together.
"""
