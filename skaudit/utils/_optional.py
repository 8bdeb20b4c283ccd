"""Imports of packages that only an extra brings."""

import importlib
from types import ModuleType


def import_optional(name: str, extra: str) -> ModuleType:
    """Return the module `name`, or raise an ImportError that says how to install the `extra`."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # An installed package that lacks one of its own needs: our hint would hide which.
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ImportError(
            f"{name!r} is needed here and is not installed. Install it with: "
            f'pip install "skaudit[{extra}]"',
            name=error.name,
        ) from error
