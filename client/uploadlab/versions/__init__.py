"""Installs Python packages in other versions than the lock files, for servers and clients to load."""
