"""What encodings of a category gain held out, beside a score: in nats a row.

`SegmentOffsetEncoder` against weight of evidence (category_encoders) and TargetEncoder (sklearn)
on a category of many rare values that says nothing given the score, or something. Each encodes
training rows as a user would (cross-fitted where it can), a logistic regression of the logit
and the encoded column is trained on them, and its log loss on new rows is compared with that of the
logit alone. "offset" adds the shrunk offset to the logit as it is, without training anything.
"""

import argparse

import numpy as np
import pandas as pd
from category_encoders import WOEEncoder
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import TargetEncoder

from skaudit import ScoreColumn, SegmentOffsetEncoder

from ..tables import print_table, silence

N_CATEGORIES = 200


def make_rows(rng, n_rows, effects):
    """A frame of a score and a category, and labels."""
    group = rng.integers(N_CATEGORIES, size=n_rows)
    z = rng.normal(size=n_rows) - 0.5
    y = (rng.random(n_rows) < expit(z + effects[group])).astype(int)
    return pd.DataFrame({"score": expit(z), "group": group.astype(str)}), y


def encoded(name, X, y, X_test):
    """The encoded column of the training rows and of the test rows."""
    if name == "skaudit":
        encoder = SegmentOffsetEncoder(ScoreColumn("score"), max_categories=N_CATEGORIES)
        return encoder.fit_transform(X, y), encoder.transform(X_test)
    if name == "target mean":
        encoder = TargetEncoder(random_state=0)
        return encoder.fit_transform(X[["group"]], y), encoder.transform(X_test[["group"]])
    encoder = WOEEncoder()
    train = encoder.fit_transform(X[["group"]], y).to_numpy()
    return train, encoder.transform(X_test[["group"]]).to_numpy()


def gains(seed, n_rows, spread):
    """Held-out gain of each encoding over the recalibrated score, in thousandths of a nat."""
    rng = np.random.default_rng(seed)
    effects = spread * rng.normal(size=N_CATEGORIES)
    (X, y), (X_test, y_test) = (make_rows(rng, n, effects) for n in (n_rows, 20_000))
    z, z_test = logit(X[["score"]].to_numpy()), logit(X_test[["score"]].to_numpy())

    def trained_loss(train, test):
        model = LogisticRegression(C=np.inf).fit(train, y)
        return log_loss(y_test, model.predict_proba(test))

    base = trained_loss(z, z_test)
    found = {}
    for name in ("skaudit", "target mean", "weight of evidence"):
        train, test = encoded(name, X, y, X_test)
        found[name] = base - trained_loss(np.hstack([z, train]), np.hstack([z_test, test]))
        if name == "skaudit":
            added = log_loss(y_test, expit(z_test + test)[:, 0])
            found["skaudit, offset"] = log_loss(y_test, expit(z_test)[:, 0]) - added
    return {name: 1e3 * gain for name, gain in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    silence()
    rows = []
    for spread in (0.0, 0.5, 1.0):
        for n_rows in (1_000, 3_000, 10_000):
            each = pd.DataFrame([gains(seed, n_rows, spread) for seed in range(args.seeds)])
            for name in each:
                rows.append(
                    {
                        "spread": spread,
                        "rows": n_rows,
                        "encoding": name,
                        "gain, mnat": float(each[name].mean()),
                        "worst": float(each[name].min()),
                    }
                )
    print_table(rows, f"{N_CATEGORIES} categories")


if __name__ == "__main__":
    main()
