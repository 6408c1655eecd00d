"""Comparisons of one version with itself: how often the lab sees a difference that is none."""
