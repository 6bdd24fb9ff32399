"""The one kind of error that is meant for people."""


class TillerError(Exception):
    """Something a person can act on; the message is one plain sentence that says how."""
