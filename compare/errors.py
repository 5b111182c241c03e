"""What a user can mend: printed as one line, exit code 2, no traceback."""


class UsageError(Exception):
    """The command or its input is wrong. The message says what was expected, what came, and what to do."""
