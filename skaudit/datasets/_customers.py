"""A table with one problem of each kind, and the answer."""

import numpy as np
from scipy.special import expit
from sklearn.utils import Bunch, check_random_state

_MESSAGES = {
    1: (
        "please cancel the renewal",
        "the stream keeps stopping at night",
        "refund the double payment now",
        "found a cheaper offer elsewhere",
        "the login fails again and again",
        "tired of waiting for support",
    ),
    0: (
        "how do i change my address",
        "question about the invoice date",
        "where is the export button",
        "can i use it while travelling",
        "what does the family option include",
        "please send a copy of the contract",
    ),
    -1: (
        "love the new player",
        "works great on my tv",
        "thank you for the quick answer",
        "nice catalogue and good sound",
        "my family enjoys it every evening",
        "smooth setup and clear menu",
    ),
}
_OPENINGS = ("", "hello, ", "hi there, ", "good morning, ", "dear team, ")
_ENDINGS = ("", ", thanks", ", many thanks", ", best regards", ", see you")
_PRICES = {"basic": 9.0, "plus": 15.0, "pro": 27.0}
_UNDECIDED = 0.12  # share of the customers whom only the discount decides


def make_customers(n_samples=4000, *, wrong=0.05, spoiled=True, random_state=None):
    """Customers of a video service who left or stayed, with a planted problem of each kind.

    The table has numbers, categories, texts and missing values. A share of the labels is wrong;
    in one region, the plan "plus" sold by the channel "partner", labels are drawn at random; and
    the column "discount" decides about customers whom the other columns leave undecided, so that a
    model without it can be improved.

    Parameters
    ----------
    n_samples : int, default=4000
        Rows.
    wrong : float, default=0.05
        Share of the labels outside of the region that are flipped, in [0, 1); exact, rounded.
    spoiled : bool, default=True
        Whether the labels of the region, about 5 % of the rows, are random.
    random_state : int, RandomState instance or None, default=None
        Seeds everything.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Has the following attributes, n = `n_samples`:

        frame : pandas.DataFrame of shape (n, 9)
            The columns, "discount" the last.
        y, y_true : pandas.Series of n texts
            "left" or "stayed": the labels given, and the right ones.
        flipped : ndarray of shape (n,), bool
            Which labels were flipped.
        region : ndarray of shape (n,), bool
            Which rows are of the region.
        withheld : str
            "discount", the column to be kept from the model.

    Raises
    ------
    ValueError
        Where a parameter is out of range.

    Examples
    --------
    >>> from skaudit.datasets import make_customers
    >>> data = make_customers(2000, random_state=0)
    >>> data.frame.shape, int(data.flipped.sum())
    ((2000, 9), 95)
    >>> sorted(data.frame.columns)[:3]
    ['age', 'channel', 'discount']
    """
    import pandas as pd

    if n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}.")
    if not 0 <= wrong < 1:
        raise ValueError(f"wrong must lie in [0, 1), got {wrong}.")
    rng, n = check_random_state(random_state), n_samples
    shares = [0.55 - _UNDECIDED / 2, 0.45 - _UNDECIDED / 2, _UNDECIDED]
    leaning = rng.choice([-1, 1, 0], n, p=shares)
    plan = rng.choice(list(_PRICES), n, p=[0.5, 0.25, 0.25])
    channel = rng.choice(["web", "partner", "phone", "shop"], n, p=[0.4, 0.2, 0.25, 0.15])
    price = np.array([_PRICES[name] for name in plan])
    age = rng.normal(44, 14, n).clip(18, 90).round()
    discount = rng.uniform(0, 40, n).round()
    tone = np.where(rng.random_sample(n) < 0.75, leaning, rng.choice([-1, 0, 1], n))
    message = np.array([_write(one, rng) for one in tone], dtype=object)
    frame = pd.DataFrame(
        {
            "age": np.where(rng.random_sample(n) < 0.06, np.nan, age),
            "plan": plan,
            "channel": channel,
            "tenure_months": np.exp(3.1 - 1.4 * leaning + rng.normal(0, 0.7, n)).round(1),
            "hours_watched": np.exp(2.6 - 1.0 * leaning + rng.normal(0, 0.6, n)).round(1),
            "monthly_bill": (price * np.exp(0.2 * leaning + rng.normal(0, 0.12, n))).round(2),
            "late_payments": rng.poisson(np.exp(-0.4 + 1.2 * leaning)),
            "last_message": message,
            "discount": discount,
        }
    )
    frame.loc[rng.random_sample(n) < 0.08, "last_message"] = None
    logit = 9.0 * leaning + 2.5 * (20 - discount) / 11.5
    left_truly = expit(logit) > rng.random_sample(n)
    region = (channel == "partner") & (plan == "plus")
    flipped = np.zeros(n, dtype=bool)
    outside = np.flatnonzero(~region)
    flipped[rng.choice(outside, int(wrong * len(outside) + 0.5), replace=False)] = True
    coin = rng.random_sample(n) < 0.5
    left = np.where(region & spoiled, coin, left_truly ^ flipped)
    names = np.array(["stayed", "left"], dtype=object)
    return Bunch(
        frame=frame,
        y=pd.Series(names[left.astype(int)], name="outcome"),
        y_true=pd.Series(names[left_truly.astype(int)], name="outcome"),
        flipped=flipped,
        region=region,
        withheld="discount",
    )


def _write(tone, rng):
    """A message of one or two different phrases."""
    phrases = rng.permutation(_MESSAGES[tone])[: rng.randint(1, 3)]
    opening, ending = (some[rng.randint(len(some))] for some in (_OPENINGS, _ENDINGS))
    return f"{opening}{' and '.join(phrases)}{ending}"
