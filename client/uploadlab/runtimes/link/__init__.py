"""Runs links: a program of ours between client and target passes bytes on later and more slowly."""
