"""`DataMapDisplay`: what is drawn are the numbers of the map, and what is not drawn is said."""

import io
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import DataMapClassifier, DataMapDisplay, DataMapRecorder
from skaudit.dynamics import assign_regions

KINDS = ["scatter", "density", "trajectories"]
NASTY = ["$x", "a $b$ c", r"\$\frac{", "<script>alert(1)</script>", "two\nlines", "x" * 10_000]
NASTY += ["_hidden", "\x00\x1b", "a -- b ]]> &amp;", "\ud800"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def with_names(n):
    return pd.Index([f"id{i}" for i in range(n)])


def make_map(n=60, n_epochs=10, seed=0, index=None, n_classes=2):
    """A recorded map and its history, with rows of every course."""
    rng = np.random.default_rng(seed)
    y = pd.Series(rng.integers(n_classes, size=n), index=index)
    y.iloc[:n_classes] = np.arange(n_classes)
    recorder = DataMapRecorder(y, keep_history=True)
    start, slope = rng.normal(0, 2, size=(2, n))
    for time in np.linspace(0, 1, n_epochs):
        own = 1 / (1 + np.exp(-start - slope * time + rng.normal(size=n)))
        proba = np.repeat((1 - own[:, None]) / (n_classes - 1), n_classes, axis=1)
        proba[np.arange(n), y] = own
        recorder.update(proba)
    return recorder.to_frame(), recorder.history_


@pytest.fixture(scope="module")
def recorded():
    return make_map()


@pytest.fixture(scope="module")
def classifier():
    X, y = make_classification(80, random_state=0)
    X = pd.DataFrame(X, index=with_names(80)).add_prefix("x")
    learner = SGDClassifier(loss="log_loss", alpha=1.0, random_state=0)
    model = DataMapClassifier(learner, n_epochs=4, cv=2, keep_history=True, random_state=0)
    return model.fit(X, y), X, y


def offsets(collection):
    return np.asarray(collection.get_offsets())


def texts_of(display):
    return " ".join(text.get_text() for text in display.figure_.findobj(plt.Text))


def svg_of(display):
    file = io.BytesIO()
    display.figure_.savefig(file, format="svg")
    return file.getvalue()


# Scatter


def test_points_are_the_rows(recorded):
    data_map, _ = recorded
    display = DataMapDisplay.from_frame(data_map)
    np.testing.assert_array_equal(
        offsets(display.scatter_), data_map[["variability", "confidence"]]
    )
    np.testing.assert_array_equal(display.scatter_.get_array(), data_map["correctness"])
    assert display.note_ is None
    pd.testing.assert_frame_equal(display.frame(), data_map)
    assert display.ax_.get_xlabel() == "variability"
    assert display.ax_.get_ylabel() == "confidence"


def test_regions_are_named_at_their_places(recorded):
    easy, ambiguous, hard = DataMapDisplay.from_frame(recorded[0]).texts_
    names = [text.get_text() for text in (easy, ambiguous, hard)]
    assert names == ["easy-to-learn", "ambiguous", "hard-to-learn"]
    assert easy.get_position()[1] > ambiguous.get_position()[1] > hard.get_position()[1]
    assert ambiguous.get_position()[0] > max(easy.get_position()[0], hard.get_position()[0])


def test_colour_and_marker_follow_the_step_of_correctness():
    values = [0.0, 0.1, 0.25, 0.4, 0.5, 0.7, 0.75, 0.9, 1.0]
    steps = [0, 1, 2, 2, 3, 3, 4, 4, 5]  # a step holds its lower edge
    data_map = pd.DataFrame({"variability": 0.1, "confidence": 0.5, "correctness": values})
    display = DataMapDisplay.from_frame(data_map)
    colors = display.scatter_.to_rgba(display.scatter_.get_array())
    shapes = [path.vertices.tobytes() for path in display.scatter_.get_paths()]
    same_step = np.equal.outer(steps, steps)
    assert np.array_equal(np.all(colors[:, None] == colors[None], axis=2), same_step)
    assert np.array_equal([[a == b for b in shapes] for a in shapes], same_step)
    entries = [text.get_text() for text in display.legend_.get_texts()]
    assert entries == ["1", ".75–1", ".5–.75", ".25–.5", "0–.25", "0"]


def test_a_step_means_the_same_colour_in_every_picture(recorded):
    data_map, _ = recorded
    whole = DataMapDisplay.from_frame(data_map).scatter_
    right = DataMapDisplay.from_frame(data_map[data_map["correctness"] == 1]).scatter_
    assert np.array_equal(whole.to_rgba([1.0]), right.to_rgba([1.0]))


@pytest.mark.parametrize("random_state", [0, 1, np.random.RandomState(0)])
def test_subsample_is_stated_and_without_replacement(random_state):
    data_map, _ = make_map(n=500)
    display = DataMapDisplay.from_frame(data_map, max_points=200, random_state=random_state)
    drawn = display.frame()
    assert len(offsets(display.scatter_)) == len(drawn) == 200
    assert drawn.index.is_unique
    pd.testing.assert_frame_equal(drawn, data_map.loc[drawn.index])
    assert display.note_.get_text() == "200 of 500 rows drawn"


def test_a_seeded_subsample_can_be_drawn_again_and_moves_no_global_seed():
    data_map, _ = make_map(n=500)
    before = np.random.get_state()[1].copy()  # noqa: NPY002 (that generator is what we watch)
    first, second = (DataMapDisplay.from_frame(data_map, max_points=50).frame() for _ in range(2))
    pd.testing.assert_frame_equal(first, second)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002 (as above)
    other = DataMapDisplay.from_frame(data_map, max_points=50, random_state=1).frame()
    assert not first.index.equals(other.index)


def test_no_limit_draws_every_row():
    data_map, _ = make_map(n=300)
    display = DataMapDisplay.from_frame(data_map, max_points=None)
    assert len(offsets(display.scatter_)) == 300


@pytest.mark.parametrize("kind", ["scatter", "density"])
def test_unmeasured_rows_are_not_drawn_and_said(recorded, kind):
    data_map = recorded[0].astype({"confidence": float})
    data_map.loc[[3, 7], ["confidence", "variability", "correctness"]] = np.nan
    display = DataMapDisplay.from_frame(data_map, kind=kind, highlight=[3, 4])
    assert display.note_.get_text() == "58 of 60 rows drawn\n2 never measured"
    assert len(offsets(display.highlight_)) == 1
    if kind == "scatter":
        assert list(display.frame().index) == [i for i in range(60) if i not in (3, 7)]


# Highlight


@pytest.mark.parametrize(
    "given",
    [
        [2, 5],
        np.array([5, 2]),
        [2, -55],
        np.isin(np.arange(60), [2, 5]),
        ["id2", "id5"],
        pd.Index(["id5", "id2"]),
        pd.Series(np.isin(np.arange(60), [2, 5]), index=with_names(60)),
        pd.Series(np.isin(np.arange(60), [2, 5]), index=with_names(60))[::-1],
        pd.Series(np.isin(np.arange(60), [2, 5]), index=with_names(60), dtype="boolean"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_highlight_rings_the_rows_given(given):
    data_map, _ = make_map(index=with_names(60))
    display = DataMapDisplay.from_frame(data_map, highlight=given, highlight_name="flipped")
    np.testing.assert_array_equal(
        offsets(display.highlight_), data_map.loc[["id2", "id5"], ["variability", "confidence"]]
    )
    assert list(display.frame().index[display.frame()["highlighted"]]) == ["id2", "id5"]
    assert display.legend_.get_texts()[-1].get_text() == "2 flipped"


def test_integers_in_an_index_are_labels():
    data_map, _ = make_map(index=np.arange(60)[::-1])
    display = DataMapDisplay.from_frame(data_map, highlight=pd.Index([59]))
    np.testing.assert_array_equal(
        offsets(display.highlight_), data_map[["variability", "confidence"]].iloc[:1]
    )


def test_highlighted_rows_are_in_every_subsample():
    data_map, _ = make_map(n=500)
    display = DataMapDisplay.from_frame(data_map, max_points=20, highlight=np.arange(30))
    assert set(range(30)) <= set(display.frame().index)
    assert display.note_.get_text() == f"{len(display.frame())} of 500 rows drawn"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([60], r"highlight: positions must be below the number of rows, 60. Got 60"),
        (np.ones(3, dtype=bool), r"highlight: a mask of shape \(3,\) for 60 rows"),
        (["nobody"], r"highlight: not in the index of the table: 'nobody'"),
    ],
)
def test_wrong_highlight(recorded, given, message):
    with pytest.raises(ValueError, match=message):
        DataMapDisplay.from_frame(recorded[0], highlight=given)


# Density and marginals


def test_cells_count_every_row():
    data_map, _ = make_map(n=700)
    display = DataMapDisplay.from_frame(data_map, kind="density", max_points=10)
    cells = display.frame()
    assert list(cells.columns) == ["variability", "confidence", "n_rows"]
    assert cells["n_rows"].sum() == 700
    assert cells["n_rows"].min() >= 1
    assert display.note_ is None
    assert display.scatter_ is None
    assert display.colorbar_.mappable is display.hexbin_


@pytest.mark.parametrize("kind", ["scatter", "density"])
def test_marginals_count_every_measured_row(kind):
    data_map, _ = make_map(n=300)
    display = DataMapDisplay.from_frame(data_map, kind=kind, marginals=True, max_points=50)
    confidence, variability, correctness = display.bars_
    for bars in (confidence, variability):
        assert sum(bar.get_height() for bar in bars) == 300
    expected = [(data_map["correctness"] == 0).sum(), (data_map["correctness"] == 1).sum()]
    widths = [bar.get_width() for bar in correctness]
    assert sum(widths) == 300
    assert [widths[0], widths[-1]] == expected
    titles = [axes.get_title() for axes in display.axes_[1:]]
    assert titles == ["confidence", "variability", "correctness"]


def test_constant_map_draws():
    data_map = pd.DataFrame({"variability": [0.0], "confidence": [1.0], "correctness": [1.0]})
    for kind in ("scatter", "density"):
        DataMapDisplay.from_frame(data_map, kind=kind, marginals=True).figure_.canvas.draw()


# Trajectories


def test_a_panel_a_region_with_its_typical_rows(recorded):
    data_map, history = recorded
    regions = np.asarray(assign_regions(data_map))
    for given in (data_map, data_map.assign(region=regions)):
        display = DataMapDisplay.from_frame(given, history=history, kind="trajectories", n_rows=2)
        drawn = display.frame()
        assert list(drawn.columns) == ["panel", "row", "position", "epoch", "p"]
        assert len(drawn) == 3 * 2 * len(history)
        assert (drawn["panel"] == regions[drawn["position"]]).all()
        np.testing.assert_allclose(drawn["p"], history[drawn["epoch"], drawn["position"]])
        titles = [axes.get_title() for axes in display.axes_]
        assert titles[0] == f"easy-to-learn\n{(regions == 'easy-to-learn').sum()} rows"
        assert [len(axes.get_lines()) for axes in display.axes_] == [3, 3, 3]  # 2 rows and 1/2


def test_typical_rows_are_the_nearest_to_the_medians(recorded):
    data_map, history = recorded
    data_map = data_map.assign(region="easy-to-learn")
    display = DataMapDisplay.from_frame(data_map, history=history, kind="trajectories", n_rows=1)
    points = data_map[["variability", "confidence"]]
    nearest = ((points - points.median()) ** 2).sum(axis=1).idxmin()
    assert set(display.frame()["row"]) == {nearest}
    assert len(display.bands_) == 1  # the other two regions have no rows


def test_bands_hold_four_fifths_of_the_region(recorded):
    data_map, history = recorded
    display = DataMapDisplay.from_frame(
        data_map.assign(region="ambiguous"), history=history, kind="trajectories"
    )
    band = display.bands_[0].get_paths()[0].vertices
    low, high = np.quantile(history, [0.1, 0.9], axis=1)
    assert band[:, 1].min() == pytest.approx(low.min())
    assert band[:, 1].max() == pytest.approx(high.max())


def test_courses_are_told_from_the_history():
    late = [0.1, 0.1, 0.1, 0.9, 0.9, 0.9]
    forgotten = late[::-1]
    flipping = [0.1, 0.9, 0.1, 0.9, 0.1, 0.9]
    steady = [0.8] * 6
    unknown = [np.nan] * 6
    history = np.array([steady, late, unknown, flipping, forgotten]).T
    data_map = pd.DataFrame(index=["steady", "late", "unknown", "flipping", "forgotten"])
    display = DataMapDisplay.from_frame(
        data_map, history=history, kind="trajectories", by="course", n_rows=1
    )
    first = display.frame().groupby("panel")["row"].first()
    assert first.to_dict() == {
        "learned late": "late",
        "forgotten": "forgotten",
        "back and forth": "flipping",
    }
    steady_alone = DataMapDisplay.from_frame(
        data_map.iloc[:1], history=history[:, :1], kind="trajectories", by="course"
    )
    assert len(steady_alone.frame()) == 0
    assert steady_alone.lines_ == []


def test_rows_given_share_one_axes(recorded):
    data_map, history = recorded
    display = DataMapDisplay.from_frame(
        data_map, history=history, kind="trajectories", rows=[7, 3], legend=False
    )
    assert display.axes_ == [display.ax_]
    assert [line.get_label() for line in display.lines_] == ["row 7", "row 3"]
    for line, row in zip(display.lines_, [7, 3], strict=True):
        np.testing.assert_allclose(line.get_ydata(), history[:, row])
        np.testing.assert_array_equal(line.get_xdata(), np.arange(len(history)))
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize(("n_classes", "n_lines"), [(2, 1), (3, 0)])
def test_one_half_is_marked_for_two_classes_only(n_classes, n_lines):
    data_map, history = make_map(n_classes=n_classes)
    display = DataMapDisplay.from_frame(data_map, history=history, kind="trajectories", rows=[0])
    assert len(display.threshold_) == n_lines


def test_multilabel_maps_have_a_row_a_pair():
    rng = np.random.default_rng(0)
    y = pd.DataFrame(rng.integers(2, size=(30, 3)), index=with_names(30))
    recorder = DataMapRecorder(y, keep_history=True)
    for _ in range(4):
        recorder.update(rng.uniform(size=(30, 3)))
    data_map = recorder.to_frame()
    display = DataMapDisplay.from_estimator(recorder)
    assert len(offsets(display.scatter_)) == 90
    label = data_map.index[4]
    rings = DataMapDisplay.from_estimator(recorder, highlight=[label]).highlight_
    np.testing.assert_array_equal(offsets(rings), data_map[["variability", "confidence"]].iloc[[4]])
    drawn = DataMapDisplay.from_estimator(recorder, kind="trajectories", rows=[label]).frame()
    assert set(drawn["row"]) == {label}
    assert drawn["p"].mean() == pytest.approx(data_map["confidence"].iloc[4], abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_trajectories_alone_need_a_history(recorded, kind):
    data_map, _ = recorded
    if kind != "trajectories":
        DataMapDisplay.from_frame(data_map, kind=kind)
        return
    with pytest.raises(ValueError, match="keep_history=True"):
        DataMapDisplay.from_frame(data_map, kind=kind)


def test_history_of_another_map(recorded):
    data_map, history = recorded
    with pytest.raises(ValueError, match=r"history must have shape \(n_snapshots, 60\).*\(10, 59"):
        DataMapDisplay.from_frame(data_map, history=history[:, 1:], kind="trajectories")


# Sources


def test_from_a_classifier(classifier):
    model, _, _ = classifier
    display = DataMapDisplay.from_estimator(model)
    pd.testing.assert_frame_equal(display.frame(), model.data_map_)
    assert "SGDClassifier" in display.ax_.get_title()
    drawn = DataMapDisplay.from_estimator(model, kind="trajectories").frame()
    p = model.history_[drawn["epoch"], drawn["position"]]
    np.testing.assert_allclose(drawn["p"], p)
    assert "Mine" in DataMapDisplay.from_estimator(model, estimator_name="Mine").ax_.get_title()


def test_from_a_pipeline_and_a_search(classifier):
    model, X, y = classifier
    inner = make_pipeline(StandardScaler(), model.estimator)
    outer = make_pipeline(StandardScaler(), DataMapClassifier(inner, n_epochs=2, cv=2)).fit(X, y)
    display = DataMapDisplay.from_estimator(outer)
    pd.testing.assert_frame_equal(display.frame(), outer[-1].data_map_)
    assert "SGDClassifier" in display.ax_.get_title()
    search = GridSearchCV(outer, {"datamapclassifier__n_epochs": [2]}, cv=2).fit(X, y)
    drawn = DataMapDisplay.from_estimator(search).frame()
    pd.testing.assert_frame_equal(drawn, search.best_estimator_[-1].data_map_)


def test_from_a_recorder_and_from_what_holds_one():
    recorder = DataMapRecorder([0, 1, 1], keep_history=True)
    recorder.update([0.2, 0.7, 0.4]).update([0.1, 0.9, 0.6])
    display = DataMapDisplay.from_estimator(recorder)
    pd.testing.assert_frame_equal(display.frame(), recorder.to_frame())
    assert display.ax_.get_title() == ""

    class Holder:  # as a callback is
        data_map_ = recorder.to_frame()
        recorder_ = recorder

    drawn = DataMapDisplay.from_estimator(Holder(), kind="trajectories", rows=[2]).frame()
    np.testing.assert_allclose(drawn["p"], [0.4, 0.6], rtol=1e-6)


def test_from_what_has_recorded_nothing():
    with pytest.raises(NotFittedError, match="an unfitted DataMapClassifier; fit it first"):
        DataMapDisplay.from_estimator(DataMapClassifier())
    with pytest.raises(TypeError, match="estimator must have recorded a data map.*LogisticReg"):
        DataMapDisplay.from_estimator(LogisticRegression())
    with pytest.raises(TypeError, match="from_frame for a DataFrame"):
        DataMapDisplay.from_estimator(pd.DataFrame({"confidence": [1.0]}))


# Errors


def test_unknown_choices_list_the_allowed_ones(recorded):
    data_map, history = recorded
    with pytest.raises(ValueError, match="kind must be one of scatter, density, traj.* Got 'pie'"):
        DataMapDisplay.from_frame(data_map, kind="pie")
    with pytest.raises(ValueError, match="by must be one of region, course. Got 'size'"):
        DataMapDisplay.from_frame(data_map, history=history, kind="trajectories", by="size")
    with pytest.raises(ValueError, match="max_points must be at least 1, or None for all. Got 0"):
        DataMapDisplay.from_frame(data_map, max_points=0)


def test_missing_columns_are_named(recorded):
    with pytest.raises(ValueError, match=r"lacks the column\(s\) variability, correctness\."):
        DataMapDisplay.from_frame(recorded[0][["confidence"]])
    with pytest.raises(TypeError, match="data_map must be a pandas DataFrame. Got ndarray"):
        DataMapDisplay.from_frame(recorded[0].to_numpy())


def test_nothing_to_draw(recorded):
    data_map = recorded[0].iloc[:0]
    with pytest.raises(ValueError, match="data_map has no row with confidence"):
        DataMapDisplay.from_frame(data_map)
    with pytest.raises(ValueError, match="Nothing is drawn yet"):
        DataMapDisplay(recorded[0]).frame()
    assert plt.get_fignums() == []


# The record, the axes, the styles


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("marginals", [False, True])
@pytest.mark.parametrize("make", ["subplot", "free", "constrained"])
def test_given_axes_are_used_and_their_place_kept(recorded, kind, marginals, make):
    data_map, history = recorded
    figure = plt.figure(layout="constrained" if make == "constrained" else None)
    ax = figure.add_axes([0.2, 0.2, 0.6, 0.5]) if make == "free" else figure.add_subplot(122)
    place = ax.get_position()
    display = DataMapDisplay.from_frame(
        data_map, history=history, ax=ax, kind=kind, marginals=marginals
    )
    assert display.ax_ is ax
    assert display.ax_ is display.axes_[0]
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    for axes in display.axes_ if make != "constrained" else []:
        box = axes.get_position()
        assert place.x0 - 1e-9 <= box.x0 <= box.x1 <= place.x1 + 1e-9
        assert place.y0 - 1e-9 <= box.y0 <= box.y1 <= place.y1 + 1e-9
    figure.canvas.draw()


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_shows_nothing_and_changes_no_setting(recorded, kind, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("shown"))
    before, data_map, copy = dict(plt.rcParams), recorded[0], recorded[0].copy()
    display = DataMapDisplay(data_map, history=recorded[1])
    assert display.plot(kind) is display
    assert dict(plt.rcParams) == before
    pd.testing.assert_frame_equal(data_map, copy)


def test_the_same_record_draws_again(recorded):
    display = DataMapDisplay.from_frame(recorded[0])
    display.plot("density")
    assert display.scatter_ is None
    assert display.legend_ is None
    assert list(display.frame().columns) == ["variability", "confidence", "n_rows"]


def test_styles_reach_their_artists(recorded):
    data_map, history = recorded
    display = DataMapDisplay.from_frame(
        data_map,
        highlight=[1],
        marginals=True,
        scatter_kwargs={"s": 7, "marker": "P"},
        highlight_kwargs={"ec": "red"},
        text_kwargs={"fontsize": 5},
        bar_kwargs={"color": "green"},
    )
    assert list(display.scatter_.get_sizes()) == [7]
    assert len(display.scatter_.get_paths()) == 1
    assert tuple(display.highlight_.get_edgecolor()[0]) == (1, 0, 0, 1)
    assert {text.get_fontsize() for text in display.texts_} == {5}
    lines = DataMapDisplay.from_frame(
        data_map,
        history=history,
        kind="trajectories",
        line_kwargs={"lw": 4},
        band_kwargs={"alpha": 0.5},
    )
    assert {line.get_linewidth() for line in lines.lines_} == {4}
    assert {band.get_alpha() for band in lines.bands_} == {0.5}
    cells = DataMapDisplay.from_frame(data_map, kind="density", density_kwargs={"gridsize": 2})
    assert len(cells.frame()) <= 13


@pytest.mark.parametrize("own", [{"color": "red"}, {"c": np.arange(60), "cmap": "viridis"}])
def test_own_colours_have_no_legend_of_correctness(recorded, own):
    display = DataMapDisplay.from_frame(recorded[0], scatter_kwargs=own)
    assert display.legend_ is None
    display.figure_.canvas.draw()


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_nasty_names_are_drawn_as_they_are(name):
    index = pd.Index([name] + [f"{name[:9]}{i}" for i in range(59)], dtype=object)
    data_map, history = make_map(index=index)
    scatter = DataMapDisplay.from_frame(
        data_map, estimator_name=name, highlight=[0], highlight_name=name
    )
    rows = DataMapDisplay.from_frame(
        data_map, history=history, kind="trajectories", rows=[0, 1], estimator_name=name
    )
    for display in (scatter, rows):
        assert len(texts_of(display)) < 600
        root = ElementTree.fromstring(svg_of(display))
        assert "script" not in {element.tag.rpartition("}")[2] for element in root.iter()}
    assert len(scatter.legend_.get_texts()) >= 2
    assert len(rows.ax_.get_legend().get_texts()) == 2
