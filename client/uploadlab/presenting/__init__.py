"""From figures to tables, to text for the terminal, HTML, Markdown and CSV."""
