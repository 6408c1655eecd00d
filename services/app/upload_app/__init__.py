"""Receives uploads: the one Flask app that every deployment of the lab runs.

``routes`` speak HTTP, ``receivers`` take a ``body`` off the wire, and ``storage`` puts the body on disk.
``relay`` passes the body on to another deployment instead. ``app`` puts these modules together.
"""
