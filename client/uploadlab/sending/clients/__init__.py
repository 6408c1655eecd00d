"""The clients people send with: a module each, which is a program of its own, in an environment of its own.

A module imports its library, the standard library and ``frame``; the rest of the lab it must not know. Each
function that is decorated as a way puts a file on the wire as a user of the library would, and its docstring
says how. Methods, plans, tables, the check and the docs are derived from these functions.
"""
