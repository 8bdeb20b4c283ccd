"""`OffsetDisplay`: what is drawn are the numbers of the tables, infinite offsets included."""

import io
import pickle
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skaudit import IncrementalFeatureAnalyzer, OffsetDisplay, ScoreColumn
from skaudit.offsets._display import _TOO_HIGH, _TOO_LOW

NASTY = ["$x", "a $b$ c", r"\$\frac{", "<script>alert(1)</script>", "two\nlines", "x" * 10_000]
NASTY += ["_hidden", "\x00\x1b", "a -- b ]]> &amp;"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def make_rows(n=3000, seed=0):
    """Mixed columns, a score that lacks some of them, and labels."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "noise": rng.uniform(size=n),
            "town": rng.choice(["a", "b", "c"], n).astype(object),
            "code": rng.choice([f"code{i}" for i in range(30)], n).astype(object),
            "flag": rng.random(n) < 0.5,
        }
    )
    X.loc[rng.random(n) < 0.1, "age"] = np.nan
    X.loc[rng.random(n) < 0.1, "town"] = None
    logit = rng.normal(size=n)
    effect = np.where(X["age"].isna(), 1.0, 0.08 * (X["age"].fillna(0.0) - 40))
    effect += np.where(X["town"] == "b", 1.0, 0.0)
    y = logit + effect + rng.logistic(size=n) > 0
    return X.assign(score=expit(logit)), y


@pytest.fixture(scope="module")
def analyzer():
    X, y = make_rows()
    return IncrementalFeatureAnalyzer(ScoreColumn("score"), max_categories=8).fit(X, y)


def make_segments(offset, *, feature="x", kind="numeric", category=None, lower=None, upper=None):
    """A table of one feature, by hand."""
    offset = np.asarray(offset, dtype=float)
    n = len(offset)
    return pd.DataFrame(
        {
            "feature": feature,
            "segment": np.arange(n),
            "kind": kind,
            "category": pd.Series([None] * n if category is None else category, dtype=object),
            "mean": np.arange(n, dtype=float),
            "weight": 10.0,
            "offset": offset,
            "offset_lower": offset - 0.5 if lower is None else lower,
            "offset_upper": offset + 0.5 if upper is None else upper,
        }
    )


def points(collections):
    return np.concatenate([np.asarray(one.get_offsets()) for one in collections])


def ends(collections):
    return np.concatenate([np.asarray(one.get_segments()) for one in collections])


def svg_of(display):
    file = io.BytesIO()
    display.figure_.savefig(file, format="svg")
    return file.getvalue()


# Numbers


def test_points_and_lines_are_the_numbers_of_the_table(analyzer):
    display = OffsetDisplay.from_estimator(analyzer, features="noise")
    table = analyzer.segment_table_.query("feature == 'noise'").reset_index(drop=True)
    pd.testing.assert_frame_equal(display.frame(), table)
    np.testing.assert_array_equal(points(display.points_), table[["mean", "offset"]])
    lines = ends(display.intervals_)
    np.testing.assert_array_equal(lines[:, :, 0].T, [table["mean"]] * 2)
    np.testing.assert_array_equal(lines[:, :, 1], table[["offset_lower", "offset_upper"]])
    assert display.zero_lines_[0].get_ydata() == [0, 0]
    assert display.side_axes_ == [None]
    assert display.arrows_ == []
    assert display.ax_.get_xlabel() == "mean of the segment"
    assert display.ax_.get_ylabel() == "log-odds offset given the score"


def test_area_grows_with_weight():
    segments = make_segments([0.1, 0.2, 0.3]).assign(weight=[10.0, 20.0, 30.0])
    sizes = OffsetDisplay.from_frame(segments).points_[0].get_sizes()
    assert sizes[1] / sizes[0] == pytest.approx(2)
    assert sizes[0] < sizes[1] < sizes[2]


def test_colour_says_whether_and_on_which_side_the_interval_leaves_zero():
    display = OffsetDisplay.from_frame(make_segments([-1.0, 0.1, 1.0, 0.5]))
    low, none, high, touching = display.points_[0].get_facecolors()
    assert plt.matplotlib.colors.to_hex(low) == _TOO_HIGH.lower()
    assert plt.matplotlib.colors.to_hex(high) == _TOO_LOW.lower()
    assert np.array_equal(none, touching)
    assert np.ptp(none[:3]) == 0
    np.testing.assert_array_equal(
        display.intervals_[0].get_colors(), display.points_[0].get_facecolors()
    )


def test_colour_is_against_the_offset_of_all_rows():
    segments = make_segments([-0.1, 0.5, 1.0, 2.0])
    colors = OffsetDisplay.from_frame(segments, overall_offset=1.0).points_[0].get_facecolors()
    low, none, same, high = map(plt.matplotlib.colors.to_hex, colors)
    assert (low, high) == (_TOO_HIGH.lower(), _TOO_LOW.lower())
    assert none == same not in (low, high)


def test_the_offset_of_all_rows_is_a_line(analyzer):
    display = OffsetDisplay.from_estimator(analyzer, features=["age", "town"])
    overall = analyzer.calibration_["statistics"]["offset"]
    upright, side, rows = display.overall_lines_
    assert upright.get_ydata() == side.get_ydata() == rows.get_xdata() == [overall, overall]
    assert OffsetDisplay.from_frame(make_segments([0.1])).overall_lines_ == []


def test_missing_values_have_a_panel_of_their_own(analyzer):
    display = OffsetDisplay.from_estimator(analyzer, features="age")
    main, side = display.axes_[0], display.side_axes_[0]
    assert [tick.get_text() for tick in side.get_xticklabels()] == ["missing"]
    assert side.get_ylim() == main.get_ylim()
    frame = display.frame()
    assert frame["kind"].tolist() == ["numeric"] * 10 + ["missing"]
    assert np.asarray(display.points_[0].get_offsets())[:, 1].tolist() == (
        frame["offset"][:10].tolist()
    )
    assert np.asarray(display.points_[1].get_offsets()).tolist() == [[0.0, frame["offset"][10]]]
    display.figure_.canvas.draw()
    assert side.get_position().width < main.get_position().width / 3
    assert side.get_position().x0 > main.get_position().x1


@pytest.mark.parametrize("name", ["town", "code", "flag"])
def test_categories_are_rows_by_offset(analyzer, name):
    display = OffsetDisplay.from_estimator(analyzer, features=[name])
    frame = display.frame()
    kept = frame[frame["kind"] == "category"]
    assert kept["offset"].is_monotonic_decreasing
    last = {"town": ["missing"], "code": ["other"], "flag": []}[name]
    assert frame["kind"].tolist() == ["category"] * len(kept) + last
    labels = [tick.get_text() for tick in display.ax_.get_yticklabels()]
    assert labels == [str(value) for value in kept["category"]] + last
    drawn = points(display.points_)
    np.testing.assert_array_equal(drawn[:, 0], frame["offset"])
    assert (np.diff(drawn[:, 1]) > 0).all()
    assert display.ax_.yaxis_inverted()
    assert display.ax_.get_xlabel() == "log-odds offset given the score"
    assert display.side_axes_ == [None]


def test_other_comes_before_missing_and_keeps_its_distance():
    kind = ["category", "category", "missing", "other"]
    segments = make_segments([0.0, 1.0, 3.0, 2.0], kind=kind, category=["missing", "b", None, None])
    display = OffsetDisplay.from_frame(segments)
    assert display.frame()["kind"].tolist() == ["category", "category", "other", "missing"]
    places = points(display.points_)[:, 1]
    assert places[2] - places[1] > places[1] - places[0] == places[3] - places[2]
    # A category of that name is told apart by its letters.
    styles = [label.get_fontstyle() for label in display.ax_.get_yticklabels()]
    assert styles == ["normal", "normal", "italic", "italic"]


def test_numbers_as_categories_are_short():
    segments = make_segments([0.0, 1.0], kind="category", category=[3.0, 1 / 3])
    labels = OffsetDisplay.from_frame(segments).ax_.get_yticklabels()
    assert [label.get_text() for label in labels] == ["0.333333", "3"]


@pytest.mark.parametrize("kind", ["numeric", "category"])
def test_infinite_offsets_are_arrows_on_half_open_intervals(kind):
    offset = [0.2, np.inf, -np.inf, -0.3]
    segments = make_segments(
        offset,
        kind=kind,
        category=list("abcd"),
        lower=[-0.3, 0.5, -np.inf, -0.8],
        upper=[0.7, np.inf, -0.4, 0.2],
    )
    display = OffsetDisplay.from_frame(segments)
    axis = 1 if kind == "numeric" else 0
    drawn = points(display.points_)
    assert sorted(drawn[:, axis]) == [-0.3, 0.2]
    scale = display.ax_.get_ylim() if axis else display.ax_.get_xlim()
    frame = display.frame()
    assert len(display.arrows_) == 2
    place = np.arange(4.0)
    for arrows, side, at in zip(display.arrows_, [np.inf, -np.inf], [1, 0], strict=True):
        (arrow,) = np.asarray(arrows.get_offsets())
        assert arrow[axis] == pytest.approx(at, abs=0.05)  # in shares of the axes
        assert arrow[1 - axis] == place[frame["offset"] == side]
    lines = ends(display.intervals_)[:, :, axis]
    up = lines[(frame["offset"] == np.inf).to_numpy()][0]
    down = lines[(frame["offset"] == -np.inf).to_numpy()][0]
    assert up[0] == 0.5
    assert 0.9 * scale[1] < up[1] <= scale[1]
    assert down[1] == -0.4
    assert 0.9 * scale[0] > down[0] >= scale[0]
    assert np.isfinite(scale).all()


def test_one_class_segments_of_an_analyzer():
    X, y = make_rows()
    y = y | (X["noise"] > 0.95).to_numpy() & True
    segmenter = {"noise": [0.5, 0.95]}
    fitted = IncrementalFeatureAnalyzer(ScoreColumn("score"), segmenter=segmenter).fit(X, y)
    display = OffsetDisplay.from_estimator(fitted, features="noise")
    assert display.frame()["offset"].tolist()[-1] == np.inf
    assert len(points(display.points_)) == 2
    assert len(points(display.arrows_)) == 1
    display.figure_.canvas.draw()


def test_all_offsets_infinite():
    segments = make_segments([np.inf, np.inf], lower=[1.0, 2.0], upper=[np.inf, np.inf])
    display = OffsetDisplay.from_frame(segments)
    low, high = display.ax_.get_ylim()
    assert low < 0 < 2.0 < high
    display.figure_.canvas.draw()


def test_wide_intervals_do_not_hide_the_offsets():
    segments = make_segments([-1.0, 0.0, 1.0], lower=[-1.1, -900, 0.9], upper=[-0.9, 900, 1.1])
    display = OffsetDisplay.from_frame(segments)
    low, high = display.ax_.get_ylim()
    assert -3 < low < -1.1
    assert 1.1 < high < 3
    line = ends(display.intervals_)[1, :, 1]
    assert line.tolist() == [low, high]
    assert display.frame()["offset_upper"].tolist() == [-0.9, 900, 1.1]


@pytest.mark.parametrize("scale", [1e200, 1e-300, 0.0])
def test_means_of_any_scale(scale):
    segments = make_segments([0.1, 0.2]).assign(mean=[0.0, scale])
    OffsetDisplay.from_frame(segments).figure_.canvas.draw()


def test_a_feature_that_is_all_missing():
    segments = make_segments([0.1], kind="missing").assign(mean=np.nan)
    display = OffsetDisplay.from_frame(segments)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["missing"]
    assert points(display.points_).tolist() == [[0.1, 0.0]]


def test_windows_are_drawn(analyzer):
    X, y = make_rows()
    wide = clone(analyzer).set_params(overlap=0.5).fit(X, y)
    display = OffsetDisplay.from_estimator(wide, features="age")
    table = wide.segment_table_.query("feature == 'age'").reset_index(drop=True)
    pd.testing.assert_frame_equal(display.frame(), table)


# Grid


def test_selected_features_come_first(analyzer):
    display = OffsetDisplay.from_estimator(analyzer)
    table = analyzer.feature_table_
    order = [*table["feature"][table["selected"]], *table["feature"][~table["selected"]]]
    assert display.frame()["feature"].drop_duplicates().tolist() == order
    assert [title.get_text().split("\n")[0] for title in display.titles_] == order
    assert len(display.axes_) == len(display.side_axes_) == 5
    assert display.ax_ is display.axes_[0]
    assert display.note_.get_text() == (
        "area: weight; dotted: all rows; grey: the 95 % interval holds it"
    )
    frame = display.frame()
    values = [
        np.asarray(drawn.get_offsets())[:, 1 if axes.get_ylabel() or is_upright else 0]
        for drawn, axes, is_upright in _with_axes(display)
    ]
    np.testing.assert_array_equal(np.concatenate(values), frame["offset"])


def _with_axes(display):
    for drawn in display.points_:
        axes = drawn.axes
        yield drawn, axes, not axes.yaxis_inverted()


def test_what_is_left_out_is_said(analyzer):
    display = OffsetDisplay.from_estimator(analyzer, max_features=2)
    assert display.note_.get_text().endswith("; 2 of 5 features drawn")
    assert display.frame()["feature"].nunique() == 2
    given = OffsetDisplay.from_estimator(analyzer, features=["noise", "age"], max_features=1)
    assert given.frame()["feature"].drop_duplicates().tolist() == ["noise", "age"]
    assert "drawn" not in given.note_.get_text()
    many = [make_segments([0.1, 0.2], feature=f"f{i}") for i in range(12)]
    most = OffsetDisplay.from_frame(pd.concat(many))
    assert len(most.axes_) == 9
    assert most.note_.get_text().endswith("9 of 12 features drawn")


def test_titles_say_name_q_value_and_gain(analyzer):
    display = OffsetDisplay.from_estimator(analyzer, features=["age", "noise"])
    row = analyzer.feature_table_.set_index("feature").loc["noise"]
    assert display.titles_[0].get_text().startswith("age\nq < 0.001, gain 0.")
    expected = f"noise\nq = {row['q_value']:.2g}, gain {row['gain']:.2g} nats, not selected"
    assert display.titles_[1].get_text() == expected
    # A feature that the table does not have is drawn after the others, by its name alone.
    segments = pd.concat([make_segments([1.0]), analyzer.segment_table_])
    unknown = OffsetDisplay.from_frame(segments, analyzer.feature_table_).titles_[-1]
    assert unknown.get_text() == "x"


@pytest.mark.parametrize("same", [True, False])
def test_offsets_have_one_scale_or_their_own(same):
    segments = pd.concat(
        [
            make_segments([-1.0, 1.0], feature="a"),
            make_segments([0.1, 0.2], feature="b"),
            make_segments([0.1], feature="c", kind="category", category=["k"]),
        ]
    )
    display = OffsetDisplay.from_frame(segments, same_scale=same)
    a, b, c = display.axes_
    assert (a.get_ylim() == b.get_ylim()) is same
    assert (a.get_ylim() == c.get_xlim()) is same


def test_from_a_pipeline_and_a_search():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(300, 2)), columns=["u", "v"])
    y = (X["u"] + rng.logistic(size=300) > 0).astype(int)
    pipeline = make_pipeline(IncrementalFeatureAnalyzer(fdr=1.0), LogisticRegression()).fit(X, y)
    table = pipeline[0].segment_table_
    drawn = OffsetDisplay.from_estimator(pipeline, features=["u", "v"]).frame()
    pd.testing.assert_frame_equal(drawn, table)
    search = GridSearchCV(pipeline, {"logisticregression__C": [1.0]}, cv=2).fit(X, y)
    assert len(OffsetDisplay.from_estimator(search).frame()) == len(table)


def test_an_array_has_columns_by_number():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    fitted = IncrementalFeatureAnalyzer().fit(X, X[:, 0] + rng.normal(size=200) > 0)
    display = OffsetDisplay.from_estimator(fitted, features="x1")
    assert set(display.frame()["feature"]) == {"x1"}


# Errors


def test_what_has_no_offsets():
    with pytest.raises(NotFittedError, match="IncrementalFeatureAnalyzer"):
        OffsetDisplay.from_estimator(IncrementalFeatureAnalyzer())
    for wrong in (LogisticRegression(), pd.DataFrame(), IncrementalFeatureAnalyzer):
        with pytest.raises(TypeError, match="must be a fitted IncrementalFeatureAnalyzer.*got a"):
            OffsetDisplay.from_estimator(wrong)


def test_unknown_features_are_named(analyzer):
    with pytest.raises(ValueError, match=r"features has 'height', .*there are those of 'age', "):
        OffsetDisplay.from_estimator(analyzer, features=["age", "height"])
    with pytest.raises(ValueError, match="features has 0, of which"):
        OffsetDisplay.from_estimator(analyzer, features=[0])
    with pytest.raises(ValueError, match="features is empty; None draws"):
        OffsetDisplay.from_estimator(analyzer, features=[])


@pytest.mark.parametrize(
    ("most", "error", "message"),
    [
        (0, ValueError, "max_features must be at least 1, got 0"),
        (2.5, TypeError, "max_features must be an integer, got a float"),
        (True, TypeError, "max_features must be an integer, got a bool"),
    ],
)
def test_wrong_max_features(analyzer, most, error, message):
    with pytest.raises(error, match=message):
        OffsetDisplay.from_estimator(analyzer, max_features=most)


def test_wrong_tables(analyzer):
    segments = make_segments([0.1])
    with pytest.raises(TypeError, match="segments must be a pandas DataFrame, got a list"):
        OffsetDisplay.from_frame([1.0])
    with pytest.raises(ValueError, match=r"segments lacks the column\(s\) kind, weight;"):
        OffsetDisplay.from_frame(segments.drop(columns=["kind", "weight"]))
    with pytest.raises(ValueError, match=r"feature_table lacks the column\(s\) q_value"):
        OffsetDisplay.from_frame(segments, analyzer.feature_table_.drop(columns="q_value"))
    with pytest.raises(ValueError, match="segments has no row"):
        OffsetDisplay.from_frame(segments.iloc[:0])
    with pytest.raises(ValueError, match="Nothing is drawn yet"):
        OffsetDisplay(segments).frame()
    assert plt.get_fignums() == []


# The record, the axes, the styles


@pytest.mark.parametrize("features", ["age", ["town"], None])
@pytest.mark.parametrize("make", ["subplot", "free", "constrained"])
def test_given_axes_are_used_and_their_place_kept(analyzer, features, make):
    figure = plt.figure(layout="constrained" if make == "constrained" else None, figsize=(12, 9))
    ax = figure.add_axes([0.2, 0.2, 0.6, 0.5]) if make == "free" else figure.add_subplot(122)
    place = ax.get_position()
    display = OffsetDisplay.from_estimator(analyzer, features=features, ax=ax)
    assert display.ax_ is ax
    assert display.ax_ is display.axes_[0]
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    drawn = [*display.axes_, *(side for side in display.side_axes_ if side is not None)]
    for axes in drawn if make != "constrained" else []:
        box = axes.get_position()
        assert place.x0 - 1e-9 <= box.x0 <= box.x1 <= place.x1 + 1e-9
        assert place.y0 - 1e-9 <= box.y0 <= box.y1 <= place.y1 + 1e-9
    figure.canvas.draw()


def test_drawing_shows_nothing_and_changes_no_setting(analyzer, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("shown"))
    before, segments = dict(plt.rcParams), analyzer.segment_table_
    copy = segments.copy()
    display = OffsetDisplay(segments, analyzer.feature_table_)
    assert display.plot() is display
    assert dict(plt.rcParams) == before
    pd.testing.assert_frame_equal(segments, copy)
    assert display.note_.get_text().endswith("grey: the interval holds 0")
    assert display.frame() is not display.frame()


def test_the_same_record_draws_again(analyzer):
    display = OffsetDisplay.from_estimator(analyzer)
    display.plot("noise")
    assert len(display.axes_) == len(display.points_) == 1
    assert set(display.frame()["feature"]) == {"noise"}


def test_a_record_can_be_pickled(analyzer):
    display = OffsetDisplay(analyzer.segment_table_, analyzer.feature_table_)
    again = pickle.loads(pickle.dumps(display)).plot("age")
    assert len(again.frame()) == 11


def test_styles_reach_their_artists(analyzer):
    segments = make_segments([0.2, np.inf], lower=[-0.3, 0.5], upper=[0.7, np.inf])
    display = OffsetDisplay.from_frame(
        segments,
        scatter_kwargs={"s": 7, "color": "green"},
        line_kwargs={"lw": 4, "color": "black"},
        arrow_kwargs={"color": "red", "s": 9},
        zero_kwargs={"ls": "-"},
        text_kwargs={"fontsize": 5},
    )
    assert list(display.points_[0].get_sizes()) == [7]
    assert display.points_[0].get_facecolors()[0].tolist() == [0, 128 / 255, 0, 1]
    assert display.intervals_[0].get_linewidths() == [4]
    assert display.intervals_[0].get_colors()[0].tolist() == [0, 0, 0, 1]
    assert display.arrows_[0].get_facecolors()[0].tolist() == [1, 0, 0, 1]
    assert list(display.arrows_[0].get_sizes()) == [9]
    assert display.zero_lines_[0].get_linestyle() == "-"
    assert display.titles_[0].get_fontsize() == 5


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_nasty_names_are_drawn_as_they_are(name):
    segments = pd.concat(
        [
            make_segments([0.1, 0.2], feature=name),
            make_segments([0.1, 0.2], feature="k", kind="category", category=[name, name + "2"]),
        ]
    )
    display = OffsetDisplay.from_frame(segments)
    texts = [text.get_text() for text in display.figure_.findobj(plt.Text)]
    assert max(map(len, texts)) < 60
    root = ElementTree.fromstring(svg_of(display))
    assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
