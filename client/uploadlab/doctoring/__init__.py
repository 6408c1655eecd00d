"""Asks a server that the lab does not know, reads its configs and logs, and says which hop does what."""
