"""Sends by the clients that people use: each module is a program, which runs in an environment of its own.

A module imports its library, the standard library and ``frame``, and nothing else of the lab. Each function
with the decorator ``way`` puts a file on the wire as a user of the library would; its docstring says how.
Methods, plans, tables, the check and the docs are derived from these functions.
"""
