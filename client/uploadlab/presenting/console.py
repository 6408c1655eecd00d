"""The one way of text to a terminal: servers, run folders and configs have words in it.

Nothing in such text is markup, an emoji, a link or a character that moves the cursor or hides.
"""

from typing import Any

from rich.console import Console
from rich.progress import Progress, TextColumn
from rich.text import Text

from uploadlab.plain_text import LONGEST, plain, plain_lines


class PlainConsole(Console):
    """A console that prints text as text: each line plain, and not too long."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **settings)

    def render_str(self, text: str, **how: Any) -> Text:
        """Return text as rich prints it, in tables, too."""
        return super().render_str(plain_lines(text, LONGEST), **how)

    def print_line(self, text: str) -> None:
        """Print one line, however wide the terminal is."""
        self.print(plain(text), soft_wrap=True)


class PlainColumn(TextColumn):
    """A column of a progress bar with text as it is."""

    def __init__(self, text_format: str) -> None:
        super().__init__(text_format, markup=False)

    def render(self, task: Any) -> Text:
        """Return the column's text, plain."""
        shown = super().render(task)
        shown.plain = plain(shown.plain)
        return shown


def progress_bar(*columns: Any, **settings: Any) -> Progress:
    """Return a progress bar; a word among the columns is the format of a plain text."""
    plain_columns = [PlainColumn(column) if isinstance(column, str) else column for column in columns]
    return Progress(*plain_columns, transient=True, **settings)
