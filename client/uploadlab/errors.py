"""What ends a command: errors that the user can fix, and a stop that the user asked for."""


class LabError(Exception):
    """Something the user can mend: one line that says what, which value, and what to type next."""


class UsageError(LabError):
    """A wrong command line or a wrong plan."""


class Stopped(Exception):
    """The user ended the command; the text says how to go on."""
