"""Sends one upload: the client's process, the stopwatch, the verification, and what the upload cost."""
