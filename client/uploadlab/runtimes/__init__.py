"""Starts deployments, in containers or as processes, and turns them into targets."""
