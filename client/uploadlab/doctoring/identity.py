"""Who wrote an answer, and what identifies itself on the way."""

ELICITING = {"an unknown version of HTTP": "GET {path} HTTP/9.9\r\nHost: {host}\r\nConnection: close\r\n\r\n"}
"""Harmless requests that a front refuses itself, by what is wrong with them."""
