"""Values of the caller's as short texts."""

__all__ = ["one_line"]


def one_line(value, limit=60):
    """A value in one line of at most `limit` characters.

    What cannot be printed becomes a space: newlines, lone surrogates, and control characters, those
    that turn the direction of writing among them.
    """
    text = "".join(c if c.isprintable() else " " for c in str(value)[: 2 * limit])
    return text if len(text) <= limit else text[: limit - 1] + "…"
