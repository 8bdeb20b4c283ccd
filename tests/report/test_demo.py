"""The demonstration's account: what was planted, and what of it was found."""

import re

import numpy as np
import pytest

from skaudit.report._demo import compare


def shares(line):
    """The precision and recall that a line tells."""
    return tuple(map(float, re.search(r"precision ([\d.]+), recall ([\d.]+)", line).groups()))


def expected_shares(rows, truth):
    hits = truth[rows].sum()
    return pytest.approx((hits / len(rows), hits / truth.sum()), abs=0.0051)


def test_the_account_counts_what_the_findings_hold(report, customers):
    head, labels, region, column = compare(report, customers).splitlines()
    assert head.startswith("Planted in 2,500 customers")
    wrong = (customers.y != customers.y_true).to_numpy()
    kinds = report.findings_["kind"].tolist()
    assert f"{wrong.sum()} wrong labels, {wrong.mean():.1%} of all" in labels
    assert shares(labels) == expected_shares(report.rows(kinds.index("label_issues")), wrong)
    regions = [report.rows(k) for k in range(len(kinds)) if kinds[k] == "spotlight"]
    best = max(regions, key=lambda rows: customers.region[rows].sum())
    assert shares(region) == expected_shares(best, customers.region)
    number = int(re.search(r"finding (\d+)\.$", column)[1])
    assert report.findings_["title"][number].startswith("discount ")


def test_what_was_not_found_is_said(report, customers, monkeypatch):
    monkeypatch.setattr(report, "_findings", [])
    lines = compare(report, customers).splitlines()[1:]
    assert len(lines) == 3
    assert all(line.endswith("not found.") for line in lines)


def test_of_two_regions_the_one_with_more_of_the_planted_rows_is_told(
    report, customers, monkeypatch
):
    region = next(one for one in report._findings if one.kind == "spotlight")
    other = type(region)(**(vars(region) | {"rows": np.flatnonzero(~customers.region)[:40]}))
    monkeypatch.setattr(report, "_findings", [other, region])
    line = compare(report, customers).splitlines()[2]
    assert f"finding 1 holds {customers.region[region.rows].sum()} of them" in line
