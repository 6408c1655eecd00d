"""Reads what a user types: a file for each command. It is the only room that knows click."""
