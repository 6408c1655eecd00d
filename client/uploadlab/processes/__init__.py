"""Starts groups of processes, and ends all of them."""
