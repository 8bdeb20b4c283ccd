"""Findings: what they are worth, in which order, and which of them are told."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import entr, expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from skaudit import audit
from skaudit.datasets import make_noisy_labels
from skaudit.dynamics._label_issues import find_noise
from skaudit.report._calibration import find_miscalibration, recalibrated
from skaudit.report._detectable import detectable_gain, detectable_noise
from skaudit.report._features import rows_of_segments, unused_columns
from skaudit.report._findings import (
    Candidate,
    _expected_gain,
    choose,
    name_region,
    segment_name,
)
from skaudit.report._regions import same_region
from skaudit.report._text import gain_texts


def candidate(p_value, severity, **settings):
    rows = np.arange(3)
    return Candidate("feature", "x", severity, 0.1, rows, 1.0, p_value, "", str, **settings)


# Order and significance


def test_q_values_are_those_of_all_tests():
    found = [candidate(0.001, 0.1), candidate(0.02, 0.3)]
    assert len(choose(found, 2, 0.05)) == 2
    assert [one.q_value for one in found] == [0.002, 0.02]
    assert [one.severity for one in choose(found, 2, 0.05)] == [0.3, 0.1]
    assert len(choose(found, 10, 0.05)) == 1
    assert choose(found, 1000, 0.05) == []


def test_unknown_severities_come_last_and_idle_candidates_are_left_out():
    found = [candidate(0.001, np.nan), candidate(0.001, 0.1), candidate(0, 9, worth_telling=False)]
    assert [one.severity for one in choose(found, 3, 0.05)][0] == 0.1
    assert len(choose(found, 3, 0.05)) == 2


# Severity


def test_the_expected_gain_is_what_new_rows_gain(global_random_seed):
    """A logistic fit of 3 parameters: the loss it saves on new rows, over many draws."""
    rng = np.random.default_rng(global_random_seed)
    n, df, effect = 400, 3, 0.25
    told, real = [], []
    for _ in range(60):
        X = rng.normal(size=(n + 4000, df))
        y = rng.random(len(X)) < expit(effect * X[:, 0])
        model = LogisticRegression(C=1e9, fit_intercept=False).fit(X[:n], y[:n])
        statistic = 2 * n * (np.log(2) - log_loss(y[:n], model.predict_proba(X[:n])))
        told.append((statistic - 2 * df) / (2 * n))  # without the cut at 0, which has a bias
        real.append(np.log(2) - log_loss(y[n:], model.predict_proba(X[n:])))
        gain, error = _expected_gain(statistic, df, n)
        assert gain == max(told[-1], 0)
        assert error > 0
    assert np.mean(told) == pytest.approx(np.mean(real), abs=3 * np.std(told) / np.sqrt(60))


def test_what_is_detectable_is_detected_that_often(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    n, df, level = 500, 4, 0.01
    gain = detectable_gain(df, level, n)
    # By Wilks: twice the loss saved is non-central chi-squared with 2 n gain.
    draws = rng.noncentral_chisquare(df, 2 * n * gain, size=20_000)
    limit = np.quantile(rng.chisquare(df, size=200_000), 1 - level)
    assert (draws > limit).mean() == pytest.approx(0.8, abs=0.02)
    assert detectable_gain(df, level, 2 * n) == pytest.approx(gain / 2)


def test_severity_of_labels_is_what_right_labels_save(report, customers):
    """The loss that falls where the suggested labels are put, each with its probability."""
    number = report.findings_.index[report.findings_["kind"] == "label_issues"][0]
    rows = report.rows(number)
    proba = recalibrated(report.proba_.to_numpy(), report.calibration_)[rows]
    issues = report.label_issues_.loc[customers.frame.index[rows]]
    place = report.proba_.columns.get_indexer(issues["suggested_label"])
    own = proba[np.arange(len(rows)), report.proba_.columns.get_indexer(issues["label"])]
    saved = np.log(proba[np.arange(len(rows)), place]) - np.log(own)
    codes = report.proba_.columns.get_indexer(customers.y)
    everyone = recalibrated(report.proba_.to_numpy(), report.calibration_)
    chance = find_noise(codes, everyone, np.ones(len(codes)))["posterior"][rows]
    expected = (saved * chance).sum() / len(codes)
    assert report.findings_.loc[number, "severity"] == pytest.approx(expected)
    # What right labels save in truth: no less than half, no more than a little more.
    truly = np.where((customers.y != customers.y_true).to_numpy()[rows], saved, 0).sum()
    assert 0.5 < truly / len(customers.y) / expected < 1.3


def test_severity_of_a_region_is_the_loss_that_the_model_does_not_expect(report):
    proba = recalibrated(report.proba_.to_numpy(), report.calibration_)
    expected = entr(proba).sum(axis=1)
    table = report.spotlights_.query("finding >= 0 and embedding == 'the table'")
    assert len(table)
    for row in table.itertuples():
        inside = np.isin(np.arange(len(proba)), report.rows(row.finding))
        surprise = row.held_out_lift * report.losses_.mean() - expected[inside].mean()
        surprise -= (report.losses_.to_numpy() - expected)[~inside].mean()
        assert report.findings_.loc[row.finding, "severity"] == pytest.approx(
            inside.mean() * surprise
        )


# Labels


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.15])
def test_even_noise_is_measured(rate, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    z = rng.normal(scale=4, size=4000)
    proba = np.stack([expit(-z), expit(z)], axis=1)
    y = (rng.random(4000) < expit(z)).astype(int)
    y, _ = make_noisy_labels(y, rate=rate, random_state=global_random_seed)
    found = find_noise(y, proba, np.ones(len(y)))
    assert found["rate"] == pytest.approx(rate, abs=0.02)
    assert (found["p_value"] < 1e-6) == (rate > 0)


def learned(z, rate):
    """Probabilities of a regularised model that has learned how often labels are wrong."""
    p = rate / 2 + (1 - rate) * expit(np.sign(z) * np.abs(z) ** 0.5)
    return np.stack([1 - p, p], axis=1)


def test_a_model_that_has_learned_the_noise_is_seen_through(global_random_seed):
    """It is never surer than the noise allows; labels disagree all the same where it is surest."""
    rng = np.random.default_rng(global_random_seed)
    z = rng.normal(scale=5, size=4000)
    right = (rng.random(4000) < expit(z)).astype(int)
    y, _ = make_noisy_labels(right, rate=0.06, random_state=global_random_seed)
    found = find_noise(y, learned(z, 0.12), np.ones(len(y)))
    assert found["p_value"] < 1e-3
    assert found["rate"] == pytest.approx(0.06, abs=0.025)
    assert find_noise(right, learned(z, 0.12), np.ones(len(y)))["p_value"] > 1e-3


def test_chance_of_one_size_is_not_told_as_noise():
    """Nothing tells 6 % of wrong labels from outcomes of a probability of .94."""
    rng = np.random.default_rng(0)
    proba = np.where(np.eye(2)[rng.integers(0, 2, 4000)] == 1, 0.94, 0.06)
    y = (rng.random(4000) < proba[:, 1]).astype(int)
    found = find_noise(y, proba, np.ones(len(y)))
    assert found["n_sure"] == 400
    assert found["p_value"] > 0.01


@pytest.mark.parametrize("shape", [1.0, 0.85, 1.5])
def test_p_values_of_clean_labels_are_not_small(shape, global_random_seed):
    """Whatever the model's sureness is to the right one, as a power."""
    rng = np.random.default_rng(global_random_seed)
    p_values = []
    for scale, n_rows in [(0.5, 600), (1.0, 600), (1.5, 6000), (3.0, 600)] * 20:
        z = rng.normal(scale=scale, size=n_rows)
        y = (rng.random(n_rows) < expit(np.sign(z) * np.abs(z) ** shape)).astype(int)
        p_values.append(
            find_noise(y, np.stack([expit(-z), expit(z)], axis=1), np.ones(len(y)))["p_value"]
        )
    assert np.mean(np.array(p_values) <= 0.05) < 0.125


@pytest.mark.parametrize("n_classes", [2, 4])
def test_detectable_noise_is_detected_that_often(n_classes, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    proba = softmax(rng.normal(scale=3, size=(2000, n_classes)), axis=1)
    level = 0.01
    rate, found = detectable_noise(proba, level), []
    for _ in range(60):
        y = (rng.random((2000, 1)) > proba.cumsum(axis=1)).sum(axis=1)
        wrong = np.flatnonzero(rng.random(2000) < rate)
        y[wrong] = (y[wrong] + rng.integers(1, n_classes, len(wrong))) % n_classes
        learned = recalibrated(proba, find_miscalibration(y, proba, np.ones(len(y))))
        found.append(find_noise(y, learned, np.ones(len(y)))["p_value"] <= level)
    assert 0.6 < np.mean(found) < 0.97


def test_detectable_noise_falls_with_the_rows(global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    z = rng.normal(scale=3, size=4000)
    proba = np.stack([expit(-z), expit(z)], axis=1)
    few, many = detectable_noise(proba[:2000], 0.01), detectable_noise(proba, 0.01)
    assert 0 < many < few < 0.2
    assert np.isnan(detectable_noise(np.full((100, 2), 0.5), 0.01))


# Regions and segments in words and rows


def test_regions_are_the_same_where_they_share_rows():
    assert same_region(np.arange(10), np.arange(5, 100))
    assert not same_region(np.arange(10), np.arange(8, 100))


def test_a_region_has_the_name_of_what_sets_it_apart():
    rows = [
        ("category", "town", "Bonn", 0.9, 0.1, 2.0),
        ("category", "town", "Ulm", 0.0, 0.5, -1.5),
        ("numeric", "age", None, 70.0, 40.0, 1.0),
        ("word", "note", "late", 0.5, 0.1, 0.6),
        ("numeric", "height", None, 1.8, 1.79, 0.1),
        ("nearest", None, "x", 1.0, np.nan, np.nan),
    ]
    columns = ["kind", "feature", "value", "inside", "outside", "contrast"]
    contrasts = pd.DataFrame(rows, columns=columns)
    name = name_region(contrasts)
    assert name == "town is Bonn, age is high (mean 70, elsewhere 40)"
    assert name_region(contrasts.iloc[2:]).endswith("note says “late”")
    assert name_region(contrasts.iloc[4:]) == ""
    assert name_region(None) == ""


@pytest.mark.parametrize("kind", ["number", "ties", "category", "missing"])
def test_rows_of_segments_are_those_counted(kind, global_random_seed):
    from skaudit import IncrementalFeatureAnalyzer, ScoreColumn

    rng = np.random.default_rng(global_random_seed)
    values = {
        "number": rng.normal(size=500),
        "ties": rng.poisson(1.0, size=500).astype(float),
        "category": rng.choice([f"c{i}" for i in range(30)], 500).astype(object),
        "missing": np.where(rng.random(500) < 0.2, np.nan, rng.integers(0, 40, 500)),
    }[kind]
    frame = pd.DataFrame({"x": values, "s": expit(rng.normal(size=500))})
    y = rng.random(500) < 0.4
    segments = IncrementalFeatureAnalyzer(ScoreColumn("s")).fit(frame, y).segment_table_
    total = np.zeros(500, dtype=int)
    for number in range(len(segments)):
        inside = rows_of_segments(frame["x"], segments, np.arange(len(segments)) == number)
        assert inside.sum() == segments["n"].iloc[number]
        total += inside
    assert (total == 1).all()


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (2020.31, 2020.42, "2020.3 to 2020.4"),
        (123456.0, 123489.0, "123456 to 123489"),
        (-np.inf, 0.12345678, "below 0.1235"),
        (1e-9, np.inf, "1e-09 and more"),
        (0.5, 0.5, "0.5"),
    ],
)
def test_bounds_of_a_segment_differ_in_words_as_they_do(low, high, text):
    assert segment_name({"kind": "numeric", "lower": low, "upper": high}) == text


@pytest.mark.parametrize(
    ("severity", "error", "texts"),
    [
        (0.124, 0.002, ("0.124", "0.002")),
        (1.7e-4, 5e-5, ("0.00017", "0.00005")),
        (0.0, 0.001, ("0.000", "0.001")),
        (1e-9, 1e-9, ("0.000000", "0.000000")),
    ],
)
def test_a_gain_is_told_with_the_decimals_that_show_it(severity, error, texts):
    assert gain_texts(severity, error) == texts


# Columns


@pytest.mark.parametrize("container", ["frame", "array"])
def test_a_rare_value_that_the_model_uses_is_noticed(container):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=4000), "flag": (np.arange(4000) % 500 == 0) * 1.0})
    X["idle"] = X["x"].round()
    y = rng.random(4000) < expit(X["x"] + 3 * X["flag"])
    X = X.to_numpy() if container == "array" else X
    model = LogisticRegression().fit(X, y)
    model.coef_[0, 2] = 0.0
    names = ["x", "flag", "idle"]
    assert unused_columns(model, X, names, set(names), 0) == {"idle"}
    assert unused_columns(model, X, names, {"flag"}, 0) == set()
    assert unused_columns(model, X, names, set(), 0) == set()


def test_a_model_may_look_at_all_rows_at_once():
    """What a row gets depends on the others; only its own columns change it all the same."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(800, 4))).add_prefix("x")
    ranks = FunctionTransformer(lambda Z: Z[["x0", "x1"]].rank(pct=True))
    model = make_pipeline(ranks, LogisticRegression()).fit(X, X["x0"] + X["x1"] > 0)
    assert unused_columns(model, X, list(X), set(X), 0) == {"x2", "x3"}


def test_objects_of_an_array_stay_what_they_are():
    X = np.array([["a", None], [None, "b"], ["b", "a"], ["a", "b"]] * 50, dtype=object)
    model = make_pipeline(OrdinalEncoder(), LogisticRegression()).fit(X, X[:, 0] == "a")
    model[-1].coef_[0, 1] = 0.0
    assert unused_columns(model, X, ["x0", "x1"], {"x0", "x1"}, 0) == {"x1"}


def test_columns_of_all_types_are_given_other_values():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "x": rng.normal(size=200),
            "kind": pd.Categorical(rng.choice(["a", "b"], 200)),
            "count": pd.array(rng.integers(0, 5, 200), dtype="Int64"),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 99, 200), "D"),
            "word": rng.choice(["yes", "no", None], 200),
            "flag": rng.random(200) < 0.5,
        },
        index=np.zeros(200, dtype=int),
    )
    seen: list = []

    def read(frame):
        seen.append(frame.dtypes.to_dict())
        return np.column_stack([frame["x"], frame["kind"] == "b", frame["count"].astype(float)])

    model = make_pipeline(FunctionTransformer(read), LogisticRegression()).fit(X, X["x"] > 0)
    model[-1].coef_[:] = 1.0
    assert unused_columns(model, X, list(X), set(X), 0) == {"when", "word", "flag"}
    assert all(dtypes == X.dtypes.to_dict() for dtypes in seen)
    # To fit; a few rows as they are, and with all columns changed in turn; each column left.
    assert len(seen) == 1 + 2 + 1 + 3


def test_a_late_value_that_the_model_uses_is_noticed():
    """Rare ones as often as others, whatever the order of the rows."""
    values = np.arange(8000.0) % 300
    values[-40:] = -999
    X = pd.DataFrame({"x": values, "idle": values})
    model = DecisionTreeClassifier(max_depth=1).fit(X[["x"]].assign(idle=0.0), values < 0)
    found = [unused_columns(model, X, ["x", "idle"], {"x", "idle"}, seed) for seed in range(10)]
    assert found.count({"idle"}) >= 5


def test_wide_tables_are_probed():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4000))
    y = X[:, 1] > 0
    model = LogisticRegression().fit(X, y)
    names = [f"x{i}" for i in range(4000)]
    model.coef_[0, 2] = 0.0
    assert unused_columns(model, X, names, {"x1", "x2"}, 0) == {"x2"}


def test_copies_that_tell_of_different_classes_are_told_once():
    rng = np.random.default_rng(0)
    new = rng.integers(0, 3, 3000)
    X = pd.DataFrame({"known": rng.normal(size=3000), "one": new == 1, "new": new})
    y = np.where(rng.random(3000) < 0.5, new, rng.integers(0, 3, 3000))
    report = audit(LogisticRegression(), X, y, features=["one", "new"], n_permutations=2)
    assert report.findings_["column"].dropna().tolist() == ["new"]
    assert "one says nothing new" in report.findings_["evidence"].str.cat()


def test_a_copy_of_a_column_is_told_with_it():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"known": rng.normal(size=3000), "new": rng.normal(size=3000)})
    X["copy"] = X["new"] + 0.05 * rng.normal(size=3000)
    X["other"] = rng.normal(size=3000)
    y = rng.random(3000) < expit(X["known"] + X["new"] + 0.7 * X["other"])
    report = audit(LogisticRegression(), X, y, features=["new", "copy", "other"], n_permutations=2)
    titles = report.findings_.loc[report.findings_["kind"] == "feature", "title"].tolist()
    assert titles == [
        "new says what the model does not know",
        "other says what the model does not know",
    ]
    assert "copy says nothing new" in report.findings_["evidence"].str.cat()
    both = report.findings_.query("kind == 'feature'")
    gain = log_loss(y, expit(X["known"])) - log_loss(
        y, expit(X["known"] + X["new"] + 0.7 * X["other"])
    )
    assert both["severity"].sum() == pytest.approx(gain, rel=0.4)


def test_columns_that_the_model_does_not_use_are_known():
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(800, 3)), columns=["seen", "ignored", "noise"])
    y = rng.random(800) < expit(X["seen"] + 1.5 * X["ignored"])
    chosen = make_column_transformer(("passthrough", ["seen"]))
    report = audit(make_pipeline(chosen, LogisticRegression()), X, y, n_permutations=2)
    assert report.findings_["title"].tolist() == ["ignored says what the model does not know"]
    assert "The model does not use this column." in report.findings_["evidence"][0]


def test_a_score_that_is_wrong_along_its_own_column():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.uniform(-2, 2, 3000), "z": rng.normal(size=3000)})
    y = rng.random(3000) < expit(X["z"] + 2 * (X["x"] ** 2 - 1.3))
    report = audit(LogisticRegression(), X, y, n_permutations=2)
    titles = report.findings_.loc[report.findings_["kind"] == "feature", "title"].tolist()
    assert titles == ["The score is off along x"]


def test_words_of_a_text_column_are_tested():
    rng = np.random.default_rng(0)
    filler = np.array("red green blue small large round square heavy light plain".split())
    words = [" ".join(rng.choice(filler, 4)) for _ in range(2000)]
    late = rng.random(2000) < 0.3
    X = pd.DataFrame({"z": rng.normal(size=2000), "note": words})
    X["note"] = X["note"] + np.where(late, " late", " fine")
    y = rng.random(2000) < expit(X["z"] + 1.5 * late)
    report = audit(LogisticRegression(), X, y, features=["note"], n_permutations=2)
    finding = report.findings_.query("kind == 'feature'").iloc[0]
    assert finding["title"].startswith("note says what")
    assert '"late"' in finding["evidence"]
    assert "(without the word) to +" in finding["evidence"]
    assert "(with the word)" in finding["evidence"]
