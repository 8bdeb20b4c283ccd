"""``python -m skaudit``: the same as the ``skaudit`` command."""

from .report._cli import main

if __name__ == "__main__":
    raise SystemExit(main())
