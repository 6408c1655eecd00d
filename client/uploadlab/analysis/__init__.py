"""Turns rows into figures and causes. It reads no file and starts nothing."""
