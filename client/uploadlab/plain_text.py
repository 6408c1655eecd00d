"""Makes text of others safe to print: no character moves the cursor, hides, or reorders what is read.

Servers, run folders and other machines write names and reasons. Whatever shows them calls this module.
"""

import re
import unicodedata

LONGEST = 2000
"""Letters of a line; the rest is cut off."""
OF_A_SERVER = 300
"""Letters that are kept of a server's reason or name."""
UNLIMITED = 1 << 62
INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]"
)
"""Letters and marks that Python calls printable, but that take no room or leave a blank."""


def plain(text: str, most: int = LONGEST) -> str:
    """Return the text on one line of at most that many letters, with escapes for what is not printable.

    Not printable are controls (C0, C1), formats (bidirectional, zero width) and surrogates.
    """
    if not text.isprintable() or INVISIBLE.search(text):
        text = "".join(map(_shown, text[: most + 1]))
    return text if len(text) <= most else f"{text[: most - 3]}..."


def plain_lines(text: str, most: int = UNLIMITED) -> str:
    """Return the text with every line plain, and of at most that many letters."""
    return "\n".join(plain(line, most) for line in text.split("\n"))


def _shown(letter: str) -> str:
    if letter in "\t\n" or unicodedata.category(letter) == "Zs":
        return " "
    if letter.isprintable() and not INVISIBLE.match(letter):
        return letter
    return letter.encode("unicode_escape").decode()
