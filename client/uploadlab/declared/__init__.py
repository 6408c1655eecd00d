"""Reads compose.yaml and configs/. It has the one parser of server configs."""
