"""Turns figures into text and tables: for the terminal, HTML, Markdown and CSV."""
