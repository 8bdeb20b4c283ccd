"""`AuditReport`: tables, text, JSON, and next steps that run."""

import contextlib
import html
import io
import json
import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import __version__, audit
from skaudit.report._to_dict import plain

COLUMNS = [
    "kind",
    "severity",
    "concerned",
    "share",
    "statistic",
    "p_value",
    "evidence",
    "next_step",
]


def test_the_findings_have_the_promised_columns(report, customers):
    findings = report.findings_
    assert list(findings)[:8] == COLUMNS
    assert findings.index.tolist() == list(range(len(findings)))
    assert set(findings["kind"]) <= {"label_issues", "spotlight", "feature", "calibration"}
    for number, finding in findings.iterrows():
        rows = report.rows(number)
        assert finding["concerned"] == len(rows) == len(set(rows.tolist()))
        assert finding["share"] == pytest.approx(len(rows) / len(customers.y))
    with pytest.raises(IndexError, match="no finding 99"):
        report.rows(99)


def test_an_empty_report_has_the_same_columns():
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.normal(size=(200, 2)), columns=["a", "b"])
    y = (X["a"] + 0.5 * rng.normal(size=200) > 0).astype(int)
    report = audit(make_pipeline(StandardScaler(), GaussianNB()), X, y, n_permutations=2)
    assert report.findings_.empty
    assert list(report.findings_)[:8] == COLUMNS
    assert report.findings_["severity"].dtype == float
    assert str(report).startswith("Nothing significant to fix")
    assert "nan" not in str(report)
    json.dumps(report.to_dict(), allow_nan=False)


def test_tables_agree_with_each_other(report, customers):
    n = len(customers.y)
    for table in (report.data_map_, report.proba_, report.losses_):
        pd.testing.assert_index_equal(table.index, customers.frame.index)
    assert len(report.label_issues_) == n
    quality = report.label_issues_["label_quality"]
    assert quality.is_monotonic_increasing
    by_row = quality.loc[customers.frame.index]
    pd.testing.assert_series_equal(by_row, report.data_map_["label_quality"])
    summary = report.summary_
    assert summary["mean_loss"] == pytest.approx(report.losses_.mean())
    predicted = report.proba_.idxmax(axis=1)
    assert summary["accuracy"] == pytest.approx((predicted == customers.y).mean())
    assert sum(summary["classes"].values()) == pytest.approx(1)
    assert summary["guessing_loss"] <= np.log(2)
    assert set(report.feature_table_["column"]) | set(summary["not_tested"]) == set(customers.frame)
    regions = report.findings_.index[report.findings_["kind"] == "spotlight"]
    assert set(report.descriptions_["finding"]) == set(regions)
    assert set(report.spotlights_["finding"]) - {-1} == set(regions)
    assert list(report.finders_) == list(report.embeddings_)
    assert list(report.analyzers_) == ["stayed"]


def test_tables_are_copies(report):
    for name in ("findings_", "label_issues_", "data_map_", "spotlights_", "feature_table_"):
        table = getattr(report, name)
        table[table.columns[0]] = None
        assert not getattr(report, name)[table.columns[0]].isna().all()


# JSON


def is_plain(value):
    """Whether a value is of the types of JSON alone, all the way down."""
    if isinstance(value, dict):
        return all(type(key) is str and is_plain(one) for key, one in value.items())
    if isinstance(value, list):
        return all(map(is_plain, value))
    return value is None or type(value) in (str, int, bool, float)


@pytest.mark.parametrize("name", ["report", "iris_report"])
def test_it_is_strict_json_and_versioned(name, request):
    report = request.getfixturevalue(name)
    as_dict = report.to_dict()
    assert is_plain(as_dict)
    text = json.dumps(as_dict, allow_nan=False)
    assert json.loads(text) == as_dict
    assert (as_dict["format"], as_dict["version"]) == ("skaudit-audit", 1)
    assert as_dict["skaudit_version"] == __version__
    assert len(as_dict["findings"]) == len(report.findings_)
    for number, finding in enumerate(as_dict["findings"]):
        assert len(finding["rows"]) == finding["concerned"] == len(report.rows(number))
    marked = report.label_issues_.query("is_issue")
    assert [row["row"] for row in as_dict["label_issues"]] == marked.index.tolist()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.inf, "inf"),
        (-np.inf, "-inf"),
        (np.nan, None),
        (pd.NA, None),
        (pd.NaT, None),
        (None, None),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (pd.Timestamp("2024-02-03"), "2024-02-03 00:00:00"),
        ((1, "a"), [1, "a"]),
        (np.array([1.0, np.nan]), [1.0, None]),
        ({1: np.int64(2)}, {"1": 2}),
        ("\ud800", "?"),
        (pd.Interval(0, 1), "(0, 1]"),
    ],
)
def test_values_become_those_of_json(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)


# Text


def test_the_text_says_what_a_person_would(report):
    text = str(report)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 88
    assert lines[0].startswith(f"{len(report.findings_)} things to fix in HistGradientBoosting")
    for finding in report.findings_.itertuples():
        assert f"{finding.Index}. " in text
        assert " ".join(finding.evidence.split()) in " ".join(text.split())
    assert "Would have been found" in text
    assert repr(report).startswith("<AuditReport: ")


def test_the_notebook_shows_the_page_and_without_jinja2_the_text(report, monkeypatch):
    shown = report._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    page = html.unescape(shown.split('srcdoc="')[1].split('"')[0])
    assert page == report.to_html()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    shown = report._repr_html_()
    assert html.unescape(shown) == f"<pre>{report}</pre>"
    with pytest.raises(ImportError, match=r"skaudit\[report\]"):
        report.to_html()


def test_the_page_goes_into_a_file(report, tmp_path):
    assert report.to_html(tmp_path / "page.html") is None
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == report.to_html()


def test_it_pickles(report):
    again = pickle.loads(pickle.dumps(report))
    pd.testing.assert_frame_equal(again.findings_, report.findings_)
    assert again.to_html() == report.to_html()


# Next steps


def run_next_steps(report, X, y):
    """Run the code of each finding as a user would paste it."""
    for code in report.findings_["next_step"]:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The base scores|.*converge")
            exec(compile(code, "<next step>", "exec"), {"report": report, "X": X, "y": y})


def test_the_next_steps_run(report, customers):
    run_next_steps(report, customers.frame.copy(), customers.y.copy())
    named = report.findings_["kind"].isin(["label_issues", "spotlight"])
    for number, step in report.findings_.loc[named, "next_step"].items():
        assert f"report.rows({number})" in step


def test_the_next_steps_run_for_three_classes(iris_report):
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = load_iris().target_names[y].astype(object)
    names[np.arange(0, 150, 12)] = "setosa"
    assert len(iris_report.findings_)
    run_next_steps(iris_report, X, names)


@pytest.fixture(scope="module")
def problems():
    """Columns of which the model lacks one and misreads another, over-confident, wrong labels."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(1500, 4)), columns=["a", "b", "the 'c'", "d"])
    X["e"] = X["a"] + 0.3 * rng.normal(size=1500)
    X["f"] = X["a"] + 0.3 * rng.normal(size=1500)
    y = np.where(X["a"] + X["the 'c'"] + X["b"] ** 2 - 1 + 0.3 * rng.normal(size=1500) > 0, 1, 0)
    y[::20] = 1 - y[::20]
    return X, pd.Series(y)


@pytest.mark.parametrize("container", ["frame", "array", "lists", "polars"])
def test_the_next_steps_run_on_every_container(container, problems):
    X, y = problems
    features = ["the 'c'"]
    if container == "array":
        X, y, features = X.to_numpy(), y.to_numpy(), [2]
    elif container == "lists":
        X, y, features = X.to_numpy().tolist(), y.tolist(), [2]
    elif container == "polars":
        X = pytest.importorskip("polars").DataFrame(X.to_dict("list"))
    report = audit(GaussianNB(), X, y, features=features, n_permutations=9)
    assert {"feature", "calibration"} <= set(report.findings_["kind"])
    run_next_steps(report, X, y)


@pytest.mark.parametrize("kind", ["y is a list", "names", "dates", "sparse", "texts as labels"])
def test_the_next_steps_run_whatever_the_columns_are(kind, problems):
    X, y = problems
    features = ["the 'c'"]
    if kind == "y is a list":
        y = y.tolist()
    elif kind == "names":  # of which one is that of the score, one a number
        X = X.set_axis(["score", "1", "{number}", "held-out score", "e", "f"], axis=1)
        features = ["{number}"]
    elif kind == "dates":
        day = pd.Timestamp("2020-01-01") + pd.to_timedelta((X["the 'c'"] * 100).round(), "D")
        X = X.assign(**{"the 'c'": day})
    elif kind == "sparse":
        X, features = sparse.csr_matrix(X.to_numpy()), [2]
    else:
        y = y.map({0: np.str_("no"), 1: np.str_("yes")})
    if kind == "names":
        X.columns = X.columns.astype(object)
    report = audit(LogisticRegression(), X, y, features=features, n_permutations=9)
    assert "feature" in set(report.findings_["kind"])
    run_next_steps(report, X, y)


def test_the_next_step_for_a_fitted_model_trains_one(problems):
    X, y = problems
    model = LogisticRegression().fit(X[:300], y[:300])
    report = audit(FrozenEstimator(model), X[300:], y[300:], n_permutations=9)
    step = report.findings_.loc[report.findings_["kind"] == "label_issues", "next_step"].iloc[0]
    names = {"report": report, "X": X[300:], "y": y[300:]}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(step, names)
    assert not np.array_equal(names["model"].coef_, model.coef_)


def test_the_next_steps_run_for_a_fitted_model(problems):
    X, y = problems
    model = FrozenEstimator(GaussianNB().fit(X.iloc[:500, [0, 1, 4, 5]], y[:500]))
    report = audit(model, X.iloc[500:], y.iloc[500:], n_permutations=9)
    assert {"feature", "calibration"} <= set(report.findings_["kind"])
    run_next_steps(report, X.iloc[500:], y.iloc[500:])


def test_a_fitted_model_gets_its_columns_in_its_order(problems):
    X, y = problems
    model = GaussianNB().fit(X.loc[:500, ["e", "a", "f"]], y[:501])
    report = audit(FrozenEstimator(model), X, y, n_permutations=2)
    expected = model.predict_proba(X[["e", "a", "f"]])
    np.testing.assert_allclose(report.proba_, expected, atol=1e-12)
    assert report.summary_["withheld"] == ["b", "the 'c'", "d"]
    titles = report.findings_["title"]
    assert titles.str.startswith("the 'c' says what the model does not know").any()
    assert not titles.str.match("[aef] says").any()
    run_next_steps(report, X, y)


def test_the_next_steps_run_for_texts(customers):
    texts = customers.frame["last_message"].fillna("")
    for X, y in ((texts, customers.y), (texts.tolist(), customers.y.tolist())):
        report = audit(None, X, y, n_permutations=2)
        run_next_steps(report, X, y)
