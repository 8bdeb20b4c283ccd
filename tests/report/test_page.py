"""The page of an audit: what it says, that it loads nothing and lets nothing of the data run."""

import base64
import hashlib
import re
from collections import Counter
from html import unescape
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import audit
from skaudit.report import _render
from skaudit.report._render import _cards, _gain
from skaudit.report._svg import _shape_and_place
from skaudit.report._tables import index_text, number_text, user_text

matplotlib.use("Agg")

VOID = {"meta", "br", "hr", "img", "input", "link", "base", "area", "col", "wbr"}
HOSTILE = "<script>alert(1)</script>"
SEEN = "</td></script><img src=http://evil.example/x.png onerror=alert(2)>"
FEW = {"n_permutations": 19, "n_spotlights": 1}


class Page(HTMLParser):
    """What a page is made of; feeding it fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.ids = [], Counter(), [], []
        self.data = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self._note(tag, attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._note(tag, attrs)

    def _note(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append((self.open[-1] if self.open else "", data))

    @property
    def text(self):
        """What is read, styles and scripts apart."""
        return " ".join(data for tag, data in self.data if tag not in {"style", "script"})


@pytest.fixture(scope="module")
def page(report):
    return report.to_html()


@pytest.fixture(scope="module")
def nasty(customers):
    """Hostile names, cells, classes and index."""
    frame = customers.frame.drop(columns=["age", "late_payments"])
    frame = frame.rename(
        columns={
            "plan": HOSTILE,
            "channel": "$x$ & \n newline",
            "tenure_months": "🦊 مرحبا",
            "last_message": "text\"' onload=x",
            customers.withheld: "ta{{x}}ble<b>",
            "monthly_bill": "b" * 200,
        }
    )
    frame["text\"' onload=x"] += f" {SEEN}" + "z" * 10_000
    frame["note"] = [f"\u202eevil 😀 שלום <i>{i % 3}" for i in range(len(frame))]
    dates = pd.date_range("2024-01-01", periods=len(frame))
    frame.index = pd.MultiIndex.from_arrays(
        [dates, [f"<u>{i}" for i in range(len(frame))]], names=["when", "<who>"]
    )
    y = pd.Series(np.where(customers.y == "left", "<left>", "$stay$\n🚀"), index=frame.index)
    return audit(None, frame, y, features=["ta{{x}}ble<b>"], **FEW)


@pytest.fixture(scope="module")
def undynamic(customers):
    """A fitted model on other rows, which has no course of training."""
    numbers = customers.frame.select_dtypes("number").fillna(0.0).drop(columns=customers.withheld)
    model = GaussianNB().fit(numbers[:700], customers.y[:700])
    return audit(FrozenEstimator(model), numbers[700:], customers.y[700:], **FEW)


@pytest.fixture(scope="module")
def digits():
    """Three classes, and marked labels."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 300)
    X = rng.normal(size=(300, 2)) + 4.0 * np.eye(3)[codes, :2]
    codes[:20] = (codes[:20] + 1) % 3
    model = make_pipeline(StandardScaler(), LogisticRegression())
    return audit(model, X, np.array(["a", "b", "c"])[codes], **FEW)


@pytest.fixture(scope="module")
def nothing():
    rng = np.random.default_rng(1)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3))
    return audit(model, rng.normal(size=(300, 3)), rng.integers(0, 2, 300), **FEW)


@pytest.fixture(scope="module")
def texts(customers):
    """Texts alone, and the same as a wide sparse matrix."""
    rows = customers.frame["last_message"].fillna("nothing").tolist()[:600]
    y = customers.y.to_numpy()[:600]
    model = make_pipeline(TfidfVectorizer(), LogisticRegression())
    wide = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(rows)
    return {
        "text": audit(model, rows, y, **FEW),
        "sparse": audit(LogisticRegression(), wide, y, **FEW),
    }


@pytest.fixture(scope="module")
def unnamed():
    """A region in an embedding, of rows of which there is no table."""
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(1000, 3))
    codes = (Z[:, 0] > 0).astype(int)
    spoiled = (Z[:, 1] > 1) & (Z[:, 2] > 0)
    codes[spoiled] = rng.integers(0, 2, spoiled.sum())
    wide = np.hstack([np.maximum(Z, 0), np.maximum(-Z, 0), np.zeros((1000, 250))])
    return audit(LogisticRegression(), csr_array(wide), codes, embedding=Z, n_permutations=19)


@pytest.fixture(
    scope="module",
    params=["report", "unnamed", "nasty", "undynamic", "digits", "nothing", "text", "sparse"],
)
def any_report(request):
    if request.param in ("text", "sparse"):
        return request.getfixturevalue("texts")[request.param]
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def any_page(any_report):
    return any_report.to_html()


# Form


def test_is_well_formed_and_every_reference_resolves(any_page):
    page = Page(any_page)
    assert len(page.ids) == len(set(page.ids))
    used = set(re.findall(r"url\(#([^)]+)\)", any_page))
    used |= {value[1:] for _, name, value in page.attributes if name == "href"}
    used |= {value for _, name, value in page.attributes if name == "aria-labelledby"}
    assert used <= set(page.ids)
    assert len(any_page.encode()) < 3_000_000


def test_loads_nothing(any_page):
    page = Page(any_page)
    loading = {"src", "srcset", "href", "xlink:href", "action", "data", "poster", "background"}
    targets = [value for _, name, value in page.attributes if name in loading]
    assert all(target.startswith("#") for target in targets)
    styles = [data for tag, data in page.data if tag == "style"]
    styles += [value for _, name, value in page.attributes if name == "style"]
    for style in styles:
        assert not re.search(r"@import|url\((?!#)|expression|http", style)
    assert not page.tags.keys() & {"link", "iframe", "object", "embed", "base", "form", "img"}


def test_only_its_own_script_may_run(any_page):
    page = Page(any_page)
    assert page.tags["script"] == 1
    (script,) = [data for tag, data in page.data if tag == "script"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [v for tag, name, v in page.attributes if name == "content" and "-src" in v]
    assert "default-src 'none'" in policy
    assert f"script-src 'sha256-{digest}'" in policy
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_is_the_same_for_the_same_report(report, page):
    assert report.to_html() == page


def test_speaks_to_readers_of_all_kinds(page):
    parsed = Page(page)
    assert ("html", "lang", "en") in parsed.attributes
    assert any(value == "viewport" for _, name, value in parsed.attributes if name == "name")
    assert parsed.tags["h1"] == 1
    assert parsed.tags["caption"] == parsed.tags["table"]
    assert parsed.tags["svg"] == page.count('role="img"') == page.count("<svg")
    for tag, name in (("th", "scope"), ("svg", "aria-label")):
        assert parsed.tags[tag] == sum(a[:2] == (tag, name) for a in parsed.attributes)
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "max-width: 46rem" in page


# What it says


def test_tells_every_finding(any_report, any_page):
    text = any_page
    parsed = Page(text)
    findings = any_report.findings_
    assert parsed.tags["article"] == len(findings)
    codes = [unescape(code) for code in re.findall(r"<pre><code>(.*?)</code></pre>", text, re.S)]
    assert codes == findings["next_step"].tolist()
    for number, finding in zip(findings.index, findings.itertuples(), strict=True):
        assert f"finding-{number}" in parsed.ids
        assert finding.title in unescape(text)
        assert finding.evidence in unescape(text)


def test_headline_and_standing(report, page):
    text = Page(page).text
    assert f"{len(report.findings_)} things to fix" in text
    assert f"{report.summary_['mean_loss']:.3f}" in text
    assert f"{report.summary_['guessing_loss']:.3f}" in text
    assert f"{report.summary_['accuracy']:.1%}" in text
    assert "2,500 rows × 9 columns" in text
    assert "contains rows of the data" in text


def test_the_worst_labels_come_first_with_the_caller_s_index(report, page):
    worst = report.label_issues_.query("is_issue").index[:15]
    places = [page.index(f">{label}<") for label in worst]
    assert places == sorted(places)


def test_a_region_shows_its_rows_of_highest_loss(report, page):
    regions = report.findings_.query("kind == 'spotlight'").index
    assert len(regions)
    for number in regions:
        card = page.split(f'id="finding-{number}"')[1].split("</article>")[0]
        worst = report.losses_.iloc[report.rows(number)].sort_values(ascending=False).index[0]
        assert f">{worst}<" in card
        strongest = report.descriptions_.query("finding == @number").iloc[0]
        assert f"{strongest['feature']}</th>" in card


def test_bars_have_one_scale(report):
    findings = report.findings_
    cards = _cards(report, findings, report.summary_)
    scale = (findings["severity"] + findings["severity_error"]).max()
    ends = [card.gain.end for card in cards]
    np.testing.assert_allclose(ends, 100 * findings["severity"] / scale, atol=0.005)
    assert max(card.gain.high for card in cards) == 100.0


def test_a_severity_that_is_unknown_has_no_bar():
    gain = _gain(np.nan, np.nan, 1.0, 0.5)
    assert gain.end is None
    assert "cannot be estimated" in gain.text


def test_nothing_found_is_said_with_what_would_have_been(nothing):
    text = Page(nothing.to_html()).text
    assert len(nothing.findings_) == 0
    assert "Nothing significant to fix" in text
    assert "smaller than these would have gone unseen" in text
    assert "A column that says more than the score" in text


def test_sections_for_those_who_want_all(report, page):
    text = Page(page).text
    for section in ("All columns tested", "All regions searched", "How to read this page"):
        assert section in text
    assert "What would have been found" in text
    for column in report.feature_table_["column"].unique():
        assert column in text


def test_notes_are_told(nothing, monkeypatch):
    assert "of no use as it is" in nothing.summary_["doubt"]
    assert '<p class="doubt">The held-out log loss is no lower' in nothing.to_html()
    monkeypatch.setattr(nothing, "notes_", [])
    assert "<h2>Notes</h2>" not in nothing.to_html()
    monkeypatch.setattr(nothing, "notes_", ["Rows were <few>."])
    assert "<li>Rows were &lt;few&gt;.</li>" in nothing.to_html()


def test_without_a_course_of_training_there_is_no_map(undynamic):
    text = undynamic.to_html()
    assert "label_issues" in set(undynamic.findings_["kind"])
    assert "no data map to draw" in text
    assert "easy-to-learn" not in text


def test_a_course_of_training_is_drawn(page):
    assert "easy-to-learn</text>" in page
    assert "no data map to draw" not in page


def test_a_region_without_a_table_shows_where_it_lies(unnamed):
    assert "spotlight" in set(unnamed.findings_["kind"])
    assert "largest spread across it</text>" in unnamed.to_html()


def test_a_calibration_curve_of_two_classes(undynamic):
    assert "calibration" in set(undynamic.findings_["kind"])
    assert "probability that the model gives to stayed</text>" in undynamic.to_html()


def test_a_calibration_curve_of_many_classes():
    """Copies of a column make naive Bayes too sure of itself."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, 400)
    X = np.repeat((rng.normal(size=400) + codes)[:, None], 8, axis=1)
    report = audit(GaussianNB(), X, codes, n_permutations=2)
    assert "calibration" in set(report.findings_["kind"])
    assert "probability that the model gives to the likeliest class</text>" in report.to_html()


def test_many_findings_stay_a_small_page(unnamed, monkeypatch):
    full = len(unnamed.to_html())
    monkeypatch.setattr(_render, "_CARDS", 1)
    monkeypatch.setattr(_render, "_DRAWN", 0)
    text = unnamed.to_html()
    page = Page(text)
    assert len(text) < full / 2
    assert page.tags["article"] == 1
    assert "Its figure is left out" in page.text
    assert "Further findings" in page.text
    assert unnamed.findings_["title"][1] in page.text
    links = {value[1:] for _, name, value in page.attributes if name == "href"}
    assert links <= set(page.ids)


# Hostile names


def test_what_the_data_holds_is_text(nasty):
    text = nasty.to_html()
    page = Page(text)
    assert page.tags["script"] == 1
    assert not page.tags.keys() & {"img", "u", "i", "left"}
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "ta{{x}}ble&lt;b&gt;" in text
    assert "\u202e" not in text
    assert "z" * 100 not in text
    assert "$stay$" in page.text


def test_levels_of_an_index_stand_side_by_side(nasty):
    first = nasty.label_issues_.index[0]
    assert f"{first[0].date()} / &lt;u&gt;" in nasty.to_html()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (np.nan, "–"),
        (pd.NaT, "–"),
        (pd.NA, "–"),
        (2.5, "2.5"),
        (7, "7"),
        (pd.Timestamp("2024-05-06"), "2024-05-06"),
        ("a\nb\x00c", "a b c"),
        ("x" * 81, "x" * 79 + "…"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_a_value_is_one_short_line(value, text):
    assert user_text(value) == text


def test_numbers_and_labels_as_texts():
    assert [number_text(x) for x in (0.0, 1234.5, 0.12345, 1e-7, -0.5, np.inf, np.nan)] == [
        "0",
        "1,234",
        "0.123",
        "1.0e-07",
        "−0.5",
        "∞",
        "–",
    ]
    assert index_text(("a", 1)) == "a / 1"


# Figures


def test_figures_leave_matplotlib_alone(report, page):
    import matplotlib.pyplot as plt

    figure = plt.figure()
    before = plt.get_fignums()
    with matplotlib.rc_context({"font.size": 31, "axes.facecolor": "#123456", "text.color": "red"}):
        own = dict(matplotlib.rcParams)
        assert report.to_html() == page
        assert dict(matplotlib.rcParams) == own
    assert plt.get_fignums() == before
    plt.close(figure)


def test_figures_take_the_page_s_type_and_ink(page):
    plots = re.findall(r'<svg class="plot".*?</svg>', page, re.S)
    assert plots
    for plot in plots:
        assert "<text" in plot
        assert "DejaVu" not in plot
        assert "var(--face)" in plot
        assert not re.search(r"#(?:000000|ffffff|555555)", plot)
        # Coordinates need no more than two digits.
        assert not re.search(r'[ "]\d+\.\d{4}', plot)


def test_a_shape_is_known_wherever_it_is():
    here, at = _shape_and_place("M 1 2 L 3.5 4 z")
    there, elsewhere = _shape_and_place("M 11 -2 L 13.5 0 z")
    assert here == there
    assert (at, elsewhere) == (("1.000000", "2.000000"), ("11.000000", "-2.000000"))
