"""Checks servers and clients: sends good, bad and broken uploads, and judges what arrived."""
