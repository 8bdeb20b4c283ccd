"""Metadata for the parts of an estimator: its base, the splitter, a transformer."""

from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from ..utils._sklearn_compat import routing_enabled
from ._score_column import ScoreColumn

__all__ = ["base_routes", "route_fit", "without_routing"]

# What metadata may be routed to.
_PARTS = ("estimator", "splitter", "transformer")


def base_routes(owner):
    """The MetadataRouter of an estimator with the parameters `estimator` and `cv`.

    The estimator itself asks for `sample_weight`; its base and its splitter for what they like.
    """
    router = MetadataRouter(owner=type(owner).__name__).add_self_request(owner)
    fit = MethodMapping().add(caller="fit", callee="fit")
    if _is_trained(owner.estimator):
        router.add(estimator=owner.estimator, method_mapping=fit)
    splitter = owner.cv if hasattr(owner.cv, "split") else StratifiedKFold()
    split = MethodMapping().add(caller="fit", callee="split")
    return router.add(splitter=splitter, method_mapping=split)


def route_fit(owner, sample_weight, params):
    """The metadata of a fit by where they go: a Bunch with `estimator.fit` and `splitter.split`.

    With metadata routing the base gets `sample_weight` where it asks for it; without, `fit_score`
    passes the checked weights on, and only `groups` is taken besides.
    """
    if not routing_enabled():
        return without_routing(owner, params)
    if sample_weight is not None:
        params = params | {"sample_weight": sample_weight}
    # Without parameters scikit-learn answers for any name, and `in` would never end.
    routed = process_routing(owner, "fit", **params) if params else Bunch()
    empty = Bunch(fit={}, split={}, fit_transform={})
    return Bunch(**{name: routed.get(name, empty) for name in _PARTS})


def without_routing(owner, params):
    unknown = set(params) - {"groups"}
    if unknown:
        raise TypeError(
            f"fit got unexpected arguments {sorted(unknown)}; groups is allowed. Others need "
            "sklearn.set_config(enable_metadata_routing=True)."
        )
    if params and not _is_trained(owner.estimator):
        raise ValueError("groups would be used by cv only, and nothing is cross-fitted here.")
    empty = Bunch(fit={}, split=dict(params), fit_transform={})
    return Bunch(**dict.fromkeys(_PARTS, empty))


def _is_trained(estimator):
    """Whether a fit trains the base."""
    return estimator is not None and not isinstance(estimator, (ScoreColumn, FrozenEstimator))
