"""Audits that several tests look at."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import audit
from skaudit.datasets import make_customers


@pytest.fixture(scope="session")
def customers():
    """A table with a problem of each kind, and the answer."""
    data = make_customers(2500, wrong=0.07, random_state=0)
    names = pd.Index([f"customer {i}" for i in range(2500)])
    for values in (data.frame, data.y, data.y_true):
        values.index = names
    return data


@pytest.fixture(scope="session")
def report(customers):
    """The audit of the customers, "discount" kept from the model."""
    return audit(
        None, customers.frame, customers.y, features=[customers.withheld], n_permutations=19
    )


@pytest.fixture(scope="session")
def linear():
    return make_pipeline(StandardScaler(), LogisticRegression())


@pytest.fixture(scope="session")
def iris_report(linear):
    """An audit of three classes, with labels that are wrong."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = load_iris().target_names[y].astype(object)
    names[np.arange(0, 150, 12)] = "setosa"
    return audit(linear, X, names, n_permutations=19)
