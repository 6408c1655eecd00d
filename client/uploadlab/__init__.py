"""Upload Lab: measures how large files arrive at a Flask app, behind each server and setting.

The flow goes one way; each step is a module:
``deployments -> runtime -> targets``, ``plan -> schedule -> run -> store -> stats -> table``.
"""
