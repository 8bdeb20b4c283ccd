"""The model that stands in: what it takes, what it gives, and whether it knows how sure it is."""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_predict

from skaudit import DataMapClassifier
from skaudit.report._default_model import TextFeatures, make_default_model

WORDS = "the parcel came late and the box was lost again but they did send a new one".split()


def mixed_frame(n, seed):
    """A frame of every usable kind with missing values, and the probability of the class."""
    rng = np.random.default_rng(seed)
    x, city = rng.normal(size=(n, 3)), rng.integers(0, 12, n)
    late = rng.random(n) < 0.4
    texts = [" ".join(rng.choice(WORDS, 6)) + " delay" * int(bad) for bad in late]
    frame = pd.DataFrame(
        {
            "<script>": x[:, 0],
            "nullable": pd.array(x[:, 1].round(1), dtype="Float64"),
            "arrow": pd.array(x[:, 2], dtype=pd.ArrowDtype(pa.float64())),
            "object": pd.Series(rng.integers(0, 9, n), dtype=object),
            "flag": rng.random(n) < 0.5,
            "city": [f"city {i}" for i in city],
            "grade": pd.Categorical(rng.integers(1, 4, n)),
            "mixed": [1 if i % 3 else "one" for i in range(n)],
            "day": pd.date_range("2020-01-01", periods=n, freq="h"),
            "age": pd.to_timedelta(rng.integers(0, 99, n), unit="h"),
            "text": texts,
            "id": [f"u{i}" for i in range(n)],
            "always": 1,
        }
    )
    score = 0.9 * x[:, 0] + np.sin(2 * x[:, 1]) + np.linspace(-1, 1, 12)[city] + late - 0.5
    gaps = frame.columns.drop(["id", "always", "flag", "age"])
    for name, rows in zip(gaps, rng.random((len(gaps), n)) < 0.1, strict=True):
        frame.loc[rows, name] = None
    return frame, expit(score)


def draw(p, seed):
    return (np.random.default_rng(seed).random(len(p)) < p).astype(int)


@pytest.fixture(scope="module")
def fitted():
    frame, p = mixed_frame(400, 0)
    return make_default_model(frame, random_state=0).fit(frame, draw(p, 1)), frame


def test_every_usable_column_is_used(fitted):
    model, _ = fitted
    names = list(model[0].get_feature_names_out())
    assert names[:13] == [
        "categories__flag",
        "categories__city",
        "categories__grade",
        "categories__mixed",
        "numbers__<script>",
        "numbers__nullable",
        "numbers__arrow",
        "numbers__object",
        "dates__day",
        "dates__age",
        "text_1__textfeatures0",
        "text_1__textfeatures1",
        "text_1__textfeatures2",
    ]
    assert model[-1].is_categorical_.tolist() == [name.startswith("cat") for name in names]


def test_probabilities_are_some(fitted):
    model, frame = fitted
    p = model.predict_proba(frame)
    assert p.shape == (400, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_what_is_new_after_the_fit_is_no_error(fitted):
    model, frame = fitted
    frame = frame.head(3).copy()
    frame["city"] = ["elsewhere", None, "😀"]
    frame["grade"] = pd.Categorical([7, 8, None])
    frame["mixed"] = ["two", 2, None]
    frame["text"] = ["unknown vocabulary", "", None]
    frame["day"] = pd.Timestamp("2100-01-01")
    assert np.isfinite(model.predict_proba(frame)).all()


def test_other_types_of_the_same_values_give_the_same(fitted):
    model, frame = fitted
    other = frame.assign(
        nullable=frame["nullable"].astype(object),
        arrow=frame["arrow"].to_numpy(np.float64, na_value=np.nan),
        object=frame["object"].astype("Float64"),
        city=frame["city"].astype(pd.ArrowDtype(pa.string())),
        grade=frame["grade"].astype("Float64").astype(object),
        text=frame["text"].astype("category"),
        flag=frame["flag"].astype("boolean"),
    )
    np.testing.assert_array_equal(model.predict_proba(other), model.predict_proba(frame))


def test_columns_are_found_by_name(fitted):
    model, frame = fitted
    shuffled = frame[frame.columns[::-1]].assign(more=1)
    np.testing.assert_array_equal(model.predict_proba(shuffled), model.predict_proba(frame))


@pytest.mark.parametrize("only_text", [False, True])
@pytest.mark.parametrize(
    "travel",
    [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy, "joblib"],
    ids=["pickle", "copy", "joblib"],
)
def test_copies_predict_the_same(tmp_path, travel, only_text):
    frame, p = mixed_frame(100, 0)
    frame = frame[["text"]] if only_text else frame
    model = make_default_model(frame, random_state=0).fit(frame, draw(p, 1))
    if travel == "joblib":
        joblib.dump(model, tmp_path / "m")
        copied = joblib.load(tmp_path / "m")
    else:
        copied = travel(model)
    np.testing.assert_array_equal(copied.predict_proba(frame), model.predict_proba(frame))


@pytest.mark.parametrize("names", [["text"], ["text", "<script>"]])
def test_a_seed_repeats_itself_and_a_clone_is_not_fitted(names):
    frame, p = mixed_frame(100, 0)
    frame, y = frame[names], draw(p, 1)
    model = make_default_model(frame, random_state=3)
    first = model.fit(frame, y).predict_proba(frame)
    again = clone(model)
    with pytest.raises(NotFittedError):
        again.predict_proba(frame)
    np.testing.assert_array_equal(again.fit(frame, y).predict_proba(frame), first)


def test_missing_values_that_come_late_are_no_error():
    frame, p = mixed_frame(100, 0)
    whole = frame.dropna().reset_index(drop=True)
    y = np.arange(len(whole)) % 2
    model = make_default_model(whole).fit(whole, y)
    assert np.isfinite(model.predict_proba(frame)).all()


@pytest.mark.parametrize("n_categories", [249, 250, 251, 2000])
def test_any_number_of_categories(n_categories):
    frame = pd.DataFrame({"c": [f"k{i}" for i in range(n_categories)] * 2})
    frame.loc[0, "c"] = None
    y = np.arange(len(frame)) % 2
    p = make_default_model(frame, random_state=0).fit(frame, y).predict_proba(frame)
    assert np.isfinite(p).all()


def test_names_that_are_no_strings_go_by_position():
    frame = pd.DataFrame({0: [0.0, 1] * 20, 1: ["a b c", "d e f"] * 20, 5: range(40)})
    y = [0, 1] * 20
    model = make_default_model(frame, {0: "number", 1: "text", 5: "other"}, 0).fit(frame, y)
    assert model.score(frame, y) == 1


def test_strings_as_labels_and_three_classes():
    frame, _ = mixed_frame(120, 0)
    y = np.array(["low", "mid", "high"])[np.arange(120) % 3]
    p = make_default_model(frame, random_state=0).fit(frame, y).predict_proba(frame)
    assert p.shape == (120, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_no_column_to_learn_from_says_what_there_is():
    frame = pd.DataFrame(
        {"c": 1, "id": [f"u{i}" for i in range(40)], "o": [[i] for i in range(40)]}
    )
    with pytest.raises(ValueError, match="constant: 'c'; identifier: 'id'; other: 'o'. Add a col"):
        make_default_model(frame)
    with pytest.raises(ValueError, match="the table has no columns"):
        make_default_model(pd.DataFrame(index=[1, 2]))


# Texts


def texts_frame(texts):
    return pd.DataFrame({"t": texts}), {"t": "text"}


def test_texts_alone_get_a_linear_model_that_trains_by_epochs():
    frame, p = mixed_frame(200, 0)
    frame = frame[["text", "id"]]
    model = make_default_model(frame, random_state=0)
    assert isinstance(model[-1], SGDClassifier)
    model = DataMapClassifier(model, n_epochs=3, cv=3, random_state=0).fit(frame, draw(p, 1))
    assert len(model.epoch_log_) == 3


def test_anything_else_gets_trees_that_train_by_stages():
    frame, p = mixed_frame(200, 0)
    model = make_default_model(frame[["text", "<script>"]], random_state=0)
    assert isinstance(model[-1], HistGradientBoostingClassifier)
    model = DataMapClassifier(model, n_epochs=3, cv=3, random_state=0).fit(frame, draw(p, 1))
    assert len(model.epoch_log_) == 3


@pytest.mark.parametrize("beside", [{}, {"x": [0.0, 1, 2, 3, 4, 5]}])
@pytest.mark.parametrize(
    "texts",
    [
        ["? ! ."] * 6,
        ["one word here"] * 6,
        [None] * 6,
        ["", "a", "the one", None, "😀 😀", "نص عربي"],
        ["all of these", "differ from one", "another so that", "no word is", "seen twice", "yes"],
    ],
)
def test_poor_texts_are_no_error(texts, beside):
    frame, kinds = texts_frame(texts)
    frame = frame.assign(**beside)
    kinds |= dict.fromkeys(beside, "number")
    model = make_default_model(frame, kinds, random_state=0).fit(frame, [0, 1, 0, 1, 0, 1])
    assert np.isfinite(model.predict_proba(frame)).all()


def test_words_of_one_row_are_kept_where_there_are_no_others():
    texts = pd.Series([f"word{i}" for i in range(30)])
    assert TextFeatures().fit_transform(texts).shape == (30, 30)


@pytest.mark.parametrize(("n_components", "expected"), [(None, 4), (2, 2), (20, 4)])
def test_text_features_transform_as_they_fit(n_components, expected):
    texts = pd.Series(["red", "blue", "green", "black"] * 10 + ["unique"])
    features = TextFeatures(n_components, random_state=0)
    first = features.fit_transform(texts)
    again = features.fit(texts).transform(texts)
    assert first.shape == again.shape == (41, expected)
    difference = first - again
    assert abs(difference).max() < 1e-9
    assert len(features.get_feature_names_out()) == expected


# How sure it is


def calibration_slope(y, p):
    """1 where the log-odds of p are right, less where they claim too much."""
    score = logit(np.clip(p, 1e-9, 1 - 1e-9))[:, None]
    return LogisticRegression(C=1e9).fit(score, y).coef_[0, 0]


def held_out(model, frame, y):
    return cross_val_predict(model, frame, y, cv=5, method="predict_proba")[:, 1]


# 300 rows with 30 features, most of them noise, leave little: not even the rate of the class is
# beaten there for every seed.
@pytest.mark.parametrize(("n", "margin", "slope"), [(300, 0.03, 0.3), (1500, 0, 0.6)])
def test_it_beats_the_defaults_of_its_trees(n, margin, slope, global_random_seed):
    frame, p = mixed_frame(n, global_random_seed)
    y = draw(p, global_random_seed + 1)
    model = make_default_model(frame, random_state=0)
    given = model[-1].categorical_features
    plain = clone(model).set_params(
        classifier=HistGradientBoostingClassifier(categorical_features=given, random_state=0)
    )
    ours, theirs = held_out(model, frame, y), held_out(plain, frame, y)
    assert log_loss(y, ours) < log_loss(y, theirs)
    assert log_loss(y, ours) < log_loss(y, np.full(n, y.mean())) + margin
    assert slope < calibration_slope(y, ours) < 1.5
    assert abs(np.log(calibration_slope(y, ours))) < abs(np.log(calibration_slope(y, theirs)))


@pytest.mark.parametrize("n", [500, 2000])
def test_the_linear_model_of_texts_knows_how_sure_it_is(n, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    effect = np.concatenate([np.linspace(-4, 4, 20), np.zeros(180)])
    counts = rng.random((n, 200)) < 0.06
    frame, kinds = texts_frame(
        [" ".join(f"word{j}" for j in np.flatnonzero(row)) for row in counts]
    )
    y = draw(expit(counts @ effect), global_random_seed + 1)
    model = make_default_model(frame, kinds, random_state=0)
    p = held_out(model, frame, y)
    assert log_loss(y, p) < np.log(2)
    assert calibration_slope(y, p) == pytest.approx(1, abs=0.6)
