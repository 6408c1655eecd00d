"""Starts deployments and turns them into targets."""
