"""Answers of statsmodels, a fit a segment, on two data sets that are not part of the repository."""

import json

import numpy as np
import pandas as pd
import pytest

from skaudit import IncrementalFeatureAnalyzer, ScoreColumn

RTOL = 1e-6


@pytest.fixture(params=["breast_cancer", "fair"])
def case(request, shared_data):
    folder = shared_data / "acceptance"
    if not folder.is_dir():
        pytest.skip("no folder ../shared/data/acceptance beside the checkout")
    answers = json.loads((folder / "acceptance.json").read_text())[request.param]
    data = pd.read_csv(
        folder / f"{request.param}.csv.gz", keep_default_na=False, na_values=[""]
    ).query("part == 'analysis'")
    return data, answers


def analyse(case, adjust, n_kept=None):
    """An analyzer with the segments of the answers; it takes one `max_categories` for all."""
    data, answers = case
    described = {name: feature["desc"] for name, feature in answers["features"].items()}
    rules = {
        name: desc["edges"] if desc["kind"] == "numeric" else "categorical"
        for name, desc in described.items()
    }
    analyzer = IncrementalFeatureAnalyzer(
        ScoreColumn("score"),
        features=list(rules),
        segmenter=rules,
        max_categories=20 if n_kept is None else n_kept + 1,
        adjust=adjust,
    )
    return analyzer.fit(data, data["y"])


def grouped(case):
    """The answers of each feature, and how many categories it keeps (None: all)."""
    for name, feature in case[1]["features"].items():
        yield name, feature, feature["desc"].get("top_k")


def label_of(row):
    """What the answers call a segment."""
    names = {"missing": "NULL", "other": "_other_", "numeric": f"bin{row.segment}"}
    return names.get(row.kind) or str(int(row.category))


@pytest.mark.filterwarnings("ignore:The base scores have a slope")
def test_segments(case):
    for name, feature, n_kept in grouped(case):
        table = analyse(case, "none", n_kept).segment_table_
        table = table[table["feature"] == name]
        assert {label_of(row) for row in table.itertuples()} == set(feature["segments"])
        for row in table.itertuples():
            answer = feature["segments"][label_of(row)]
            expected = [
                answer[key] for key in ("n", "W", "events", "delta", "se", "lr", "lo", "hi")
            ]
            found = [row.n, row.weight, row.events, row.offset, row.standard_error, row.lr]
            found += [row.offset_lower, row.offset_upper]
            expected = [np.nan if value is None else float(value) for value in expected]
            np.testing.assert_allclose(found, expected, rtol=RTOL)
            if row.kind == "numeric":
                assert row.mean == pytest.approx(answer["x_mean"], rel=RTOL)


@pytest.mark.filterwarnings("ignore:The base scores have a slope")
def test_tests(case):
    keys = {"none": "score_total", "intercept": "score_given_intercept"}
    keys["platt"] = "score_given_platt"
    for adjust, key in keys.items():
        for name, feature, n_kept in grouped(case):
            table = analyse(case, adjust, n_kept).feature_table_.set_index("feature")
            row = table.loc[name]
            assert row["lr"] == pytest.approx(feature["lr_total"], rel=RTOL)
            assert row["lr_df"] == feature["df"]
            assert row["lr_p_value"] == pytest.approx(feature["p"], rel=RTOL)
            answer = feature[key]
            if adjust == "none":
                assert row["score_statistic"] == pytest.approx(answer, rel=RTOL)
            else:
                assert row["score_statistic"] == pytest.approx(answer["stat"], rel=RTOL)
                assert row["score_df"] == answer["df"]
                assert row["score_p_value"] == pytest.approx(answer["p"], rel=RTOL)


@pytest.mark.filterwarnings("ignore:The base scores have a slope")
def test_calibration(case):
    calibration = analyse(case, "platt").calibration_
    answers = case[1]
    assert calibration.intercept == pytest.approx(answers["platt"]["intercept"], rel=RTOL)
    assert calibration.slope == pytest.approx(answers["platt"]["slope"], rel=RTOL)
    found = calibration.statistics
    assert found["lr"] == pytest.approx(answers["platt"]["lr_vs_base"], rel=RTOL)
    assert found["offset"] == pytest.approx(answers["global"]["delta"], rel=RTOL)
    assert found["offset_standard_error"] == pytest.approx(answers["global"]["se"], rel=RTOL)
    assert found["offset_lr"] == pytest.approx(answers["global"]["lr"], rel=RTOL)
