"""Readers of compose.yaml and configs/; the one parser of server configs."""
