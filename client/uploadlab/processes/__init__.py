"""Process groups that all end, the reaper, and JSON lines to a process of our own."""
