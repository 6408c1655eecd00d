"""Defines the lab's words as types: a file for each subject."""
