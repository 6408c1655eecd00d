"""One upload: the client process, the stopwatch, verification, and what it cost."""
