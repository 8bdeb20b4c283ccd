"""Fitted objects know the version that made them."""

import warnings

__all__ = ["VersionedStateMixin"]


class VersionedStateMixin:
    """Carries `_skaudit_version` in pickles and warns where another version loads them."""

    def __getstate__(self):
        from .. import __version__

        state: dict = super().__getstate__()  # type: ignore[assignment]
        return {**state, "_skaudit_version": __version__}

    def __setstate__(self, state):
        from .. import __version__

        made_by = state.get("_skaudit_version")
        if made_by != __version__:
            warnings.warn(
                f"This {type(self).__name__} was saved by skaudit {made_by} and is loaded by "
                f"{__version__}; its results may be invalid. Fit it again with this version.",
                UserWarning,
                stacklevel=2,
            )
        super().__setstate__(state)  # type: ignore[misc]
