"""Files of the command line: they have to be there, and what is wrong is told in one line."""

from pathlib import Path

__all__ = ["existing_file", "shown"]


def existing_file(path):
    """The path of a regular file that holds something."""
    path = Path(path)
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; name a file in it.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}; check its name and folder.")
    if not path.is_file():
        raise ValueError(
            f"{str(path)!r} is no regular file, and it is read more than once; copy it."
        )
    if not path.stat().st_size:
        raise ValueError(f"{path.name!r} is empty: it has 0 bytes.")
    return path


def shown(error):
    """The type and text of an exception on one line, a long text cut."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 200 else text[:197] + "..."
    return f"{type(error).__name__}: {text}".rstrip(". ")
