"""`SpotlightDisplay`: what is drawn are the rows, losses and contrasts, and what is not is said."""

import io
import xml.etree.ElementTree as ElementTree

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import SpotlightDisplay, SpotlightFinder
from skaudit.spotlight import describe_spotlights
from skaudit.spotlight._projection import circle_radii, separating_plane

KINDS = ["projection", "size", "contrast"]
METRICS = ["euclidean", "standardized", "whitened", "cosine"]
NASTY = ["$x", "a $b$ c", r"\$\frac{", "<script>alert(1)</script>", "two\nlines", "x" * 10_000]
NASTY += ["_hidden", "\x00\x1b", "a -- b ]]> &amp;", "\ud800"]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def planted(n=600, d=4, seed=0, n_regions=1):
    """Rows around 0, some moved far along the first axes, and their losses."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    loss = rng.exponential(size=n)
    for j in range(n_regions):
        rows = slice(40 * j, 40 * (j + 1))
        X[rows, j] += 6
        loss[rows] *= 6 - j
    names = [f"f{i}" for i in range(d)]
    return pd.DataFrame(X, columns=names, index=[f"r{i}" for i in range(n)]), loss


def fit(X, loss, k=1, **params):
    return SpotlightFinder(k, random_state=0, **params).fit(X, loss)


@pytest.fixture(scope="module")
def one():
    X, loss = planted()
    return fit(X, loss), X, loss


@pytest.fixture(scope="module")
def two():
    X, loss = planted(n_regions=2)
    return fit(X, loss, 2), X, loss


def draw(case, kind="projection", **params):
    finder, X, loss = case
    return SpotlightDisplay.from_estimator(finder, X, loss, kind=kind, **params)


def offsets(collection):
    return np.asarray(collection.get_offsets())


def texts_of(display):
    return " ".join(text.get_text() for text in display.figure_.findobj(plt.Text))


def entries(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def svg_of(display):
    file = io.BytesIO()
    display.figure_.savefig(file, format="svg")
    return file.getvalue()


# The plane


@pytest.mark.parametrize("k", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("d", [1, 2, 3, 30])
def test_the_plane_is_orthonormal(k, d, global_random_seed):
    rng = np.random.default_rng(global_random_seed)
    axes = separating_plane(rng.normal(size=(200, d)), rng.uniform(size=(200, k)))
    wanted = np.eye(2) if d > 1 else np.diag([1.0, 0.0])
    np.testing.assert_allclose(axes.T @ axes, wanted, atol=1e-12)


def test_the_plane_without_spotlights_is_that_of_the_principal_components():
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(500, 5)) * [5, 1, 0.5, 3, 0.1]
    axes = separating_plane(Z, np.zeros((500, 0)))
    vectors = np.linalg.svd(Z - Z.mean(axis=0), full_matrices=False)[2][:2]
    np.testing.assert_allclose(np.abs(np.sum(axes.T * vectors, axis=1)), 1, rtol=1e-9)


@pytest.mark.parametrize("k", [1, 2])
def test_each_spotlight_lies_apart_on_its_axis(k, global_random_seed):
    X, _ = planted(d=20, seed=global_random_seed, n_regions=k)
    K = np.column_stack([np.arange(600) // 40 == j for j in range(k)]).astype(float)
    points = X.to_numpy() @ separating_plane(X.to_numpy(), K)
    for j in range(k):
        inside = K[:, j] > 0
        assert points[inside, j].min() > np.quantile(points[~inside, j], 0.9)


def test_more_spotlights_lie_apart_like_a_star(global_random_seed):
    X, _ = planted(d=20, seed=global_random_seed, n_regions=4)
    K = np.column_stack([np.arange(600) // 40 == j for j in range(4)]).astype(float)
    points = X.to_numpy() @ separating_plane(X.to_numpy(), K)
    middles = np.array([points[K[:, j] > 0].mean(axis=0) for j in range(4)])
    others = points[K.sum(axis=1) == 0].mean(axis=0)
    gaps = np.linalg.norm(middles[:, None] - np.vstack([middles, others])[None], axis=2)
    assert gaps[gaps > 0].min() > 2


def test_a_plane_of_rows_that_are_all_equal():
    axes = separating_plane(np.ones((5, 3)), np.ones((5, 1)))
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-12)


def test_in_two_dimensions_the_circle_is_the_ball():
    X, loss = planted(d=2)
    finder = fit(X, loss)
    display = SpotlightDisplay.from_estimator(finder, X, loss)
    (circle,) = display.circles_
    assert circle.get_radius() == pytest.approx(finder.radii_[0], rel=1e-6)
    inside = np.linalg.norm(offsets(display.scatter_) - circle.center, axis=1)
    assert np.sum(inside <= circle.get_radius() * (1 + 1e-9)) == finder.spotlights_["n_members"][0]


@pytest.mark.parametrize("metric", METRICS)
def test_circles_hold_half_of_the_members_and_are_no_larger_than_the_ball(metric):
    X, loss = planted(d=10)
    display = SpotlightDisplay.from_estimator(fit(X, loss, metric=metric), X, loss)
    (radius,) = display.radii
    member = display.distances[:, 0] <= radius * (1 + 1e-9)
    off_plane = display.distances[:, 0] ** 2 - ((display.points - display.centers) ** 2).sum(axis=1)
    assert (off_plane > -1e-9 * radius**2).all()  # a projection makes no distance longer
    cut = radius**2 - np.median(off_plane[member])
    assert display.circles_[0].get_radius() == pytest.approx(np.sqrt(cut))


def test_a_spotlight_without_a_member_has_a_circle_of_radius_zero():
    radii = circle_radii(np.ones((3, 1)), np.zeros((3, 2)), np.zeros((1, 2)), np.array([0.5]))
    np.testing.assert_array_equal(radii, [0.0])


# Projection


def test_points_are_the_rows(one):
    finder, X, loss = one
    display = draw(one)
    table = display.frame()
    assert table.index.equals(X.index)
    np.testing.assert_array_equal(table["spotlight"], finder.predict(X))
    np.testing.assert_allclose(table["membership"], np.asarray(finder.transform(X))[:, 0])
    np.testing.assert_array_equal(table["loss"], loss)
    drawn = offsets(display.scatter_)
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, table[["x", "y"]].to_numpy()))
    assert display.note_ is None
    assert display.ax_.get_xlabel() == "towards spotlight 0"
    assert display.ax_.get_ylabel() == "largest spread across it"


def test_colour_tells_members_and_area_the_loss(two):
    finder, X, loss = two
    display = draw(two)
    table = display.frame()
    key = pd.MultiIndex.from_frame(table[["x", "y"]].reset_index(drop=True))
    order = key.get_indexer(pd.MultiIndex.from_arrays(offsets(display.scatter_).T))
    members = table["spotlight"].to_numpy()[order]
    colors = display.scatter_.get_facecolors()
    full = [to_rgba(circle.get_edgecolor())[:3] for circle in display.circles_]
    for j in (0, 1):
        np.testing.assert_allclose(
            colors[members == j, :3], np.tile(full[j], (sum(members == j), 1))
        )
    assert not any((colors[members == -1, :3] == color).all(axis=1).any() for color in full)
    areas, relative = display.scatter_.get_sizes(), loss[order] / loss.mean()
    middle = (relative > 0.25) & (relative < 8)
    np.testing.assert_allclose(
        areas[middle] / areas[middle][0], relative[middle] / relative[middle][0]
    )
    assert areas.min() > 0
    assert (members[-(members >= 0).sum() :] >= 0).all()  # drawn last, on top


def test_the_legend_has_the_numbers_of_the_table(two):
    finder, _, _ = two
    table = finder.spotlights_
    wanted = [
        f"spotlight {j}: {row.n_members} members, lift {row.lift:.3g}"
        for j, row in enumerate(table.itertuples())
    ]
    assert entries(draw(two))[:2] == wanted
    assert "other rows" in entries(draw(two))
    assert draw(two, legend=False).legend_ is None


def test_without_losses_the_points_have_one_size(one):
    finder, X, _ = one
    display = SpotlightDisplay.from_estimator(finder, X)
    assert len(np.unique(display.scatter_.get_sizes())) == 1
    assert "loss" not in display.frame()
    assert "lift" not in texts_of(display)


@pytest.mark.parametrize("metric", METRICS)
def test_lengths_are_those_of_the_finder(metric):
    X, loss = planted()
    X *= 1000
    finder = fit(X, loss, metric=metric)
    display = SpotlightDisplay.from_estimator(finder, X)
    np.testing.assert_allclose(display.radii, finder.radii_)
    tau = finder.precisions_[0]
    k = np.maximum(1 - tau * display.distances[:, 0] ** 2, 0)
    np.testing.assert_allclose(k, display.memberships[:, 0], atol=1e-9)


def test_subsample_keeps_members_and_is_stated(one):
    finder, X, loss = one
    display = draw(one, max_points=100)
    table = display.frame()
    n_members = (finder.predict(X) >= 0).sum()
    assert len(table) == len(offsets(display.scatter_)) == n_members + 100
    assert (table["spotlight"] >= 0).sum() == n_members
    assert table.index.is_unique
    assert f"{n_members + 100} of 600 rows drawn" in display.note_.get_text()
    pd.testing.assert_frame_equal(table, draw(one, max_points=100).frame())
    assert not draw(one, max_points=100, random_state=1).frame().index.equals(table.index)
    assert draw(one, max_points=None).note_ is None


@pytest.mark.parametrize("stretch", [1, 50])
def test_axes_share_a_scale_unless_that_leaves_a_stripe(stretch):
    points = np.random.default_rng(0).uniform(size=(50, 2)) * [1, stretch]
    far = np.full((50, 1), 9.0)
    display = SpotlightDisplay(
        0 * far, far, np.ones(1), points=points, centers=np.zeros((1, 2))
    ).plot()
    assert (display.ax_.get_aspect() == "auto") == (stretch == 50)


def test_many_rows_are_rasterized():
    X, loss = planted(n=6000)
    assert SpotlightDisplay.from_estimator(fit(X, loss), X).scatter_.get_rasterized()


def test_one_feature():
    X, loss = planted(d=1)
    display = SpotlightDisplay.from_estimator(fit(X, loss), X, loss)
    assert (offsets(display.scatter_)[:, 1] == 0).all()


def test_new_rows_may_all_lie_outside(one):
    finder, X, loss = one
    display = SpotlightDisplay.from_estimator(finder, X - 100, loss)
    assert (display.frame()["spotlight"] == -1).all()
    assert display.circles_ == []
    assert display.ax_.get_xlabel() == "largest spread"
    assert display.ax_.get_ylabel() == "second largest spread"


def test_a_finder_without_spotlights():
    X, _ = planted(n=50)
    with pytest.warns(UserWarning, match="losses"):
        finder = fit(X, np.ones(50))
    assert (
        SpotlightDisplay.from_estimator(finder, X, np.ones(50)).frame()["spotlight"] == -1
    ).all()
    with pytest.warns(UserWarning, match="rows"):
        finder = fit(np.ones((50, 2)), np.arange(50.0))
    display = SpotlightDisplay.from_estimator(finder, np.ones((50, 2)))
    assert (display.frame()[["x", "y"]] == 0).all(axis=None)
    with pytest.raises(ValueError, match="No spotlight was found .*no size to draw"):
        SpotlightDisplay.from_estimator(finder, np.ones((50, 2)), np.ones(50), kind="size")
    with pytest.raises(ValueError, match="No found spotlight has a contrast"):
        SpotlightDisplay.from_estimator(finder, np.ones((50, 2)), kind="contrast")


def test_three_spotlights_name_the_axes_of_the_plane():
    X, loss = planted(n_regions=3)
    display = SpotlightDisplay.from_estimator(fit(X, loss, 3), X, loss)
    assert display.ax_.get_xlabel() == "plane that parts the spotlights, axis 1"
    assert len(display.circles_) == 3


def test_losses_that_are_zero_or_signed_have_no_lift(one):
    finder, X, loss = one
    display = SpotlightDisplay.from_estimator(finder, X, np.zeros(600))
    assert "lift" not in texts_of(display)
    signed = fit(X, loss - 3, loss_clip=None)
    display = SpotlightDisplay.from_estimator(signed, X, loss - 3)
    assert "lift" not in texts_of(display)
    display.plot("size")
    assert display.ax_.get_ylabel() == "their mean loss"
    assert "mean loss" in entries(display)[1]
    assert display.baseline_.get_ydata()[0] == pytest.approx(loss.mean() - 3)


# Size


def literal_lift(distances, losses, m):
    return losses[np.argsort(distances)[:m]].mean() / losses.mean()


def test_size_curves_are_mean_losses_of_the_nearest_rows(two):
    finder, X, loss = two
    display = draw(two, "size")
    table = display.frame()
    assert set(table["spotlight"]) == {0, 1}
    for j, part in table.groupby("spotlight"):
        distances = display.distances[:, j]
        for row in part.iloc[:: len(part) // 7].itertuples():
            assert row.lift == pytest.approx(literal_lift(distances, loss, row.n_rows))
            assert row.mean_loss == pytest.approx(row.lift * loss.mean())
            assert row.distance == np.sort(distances)[row.n_rows - 1]
        assert part["n_rows"].iloc[-1] == 600
        assert part["lift"].iloc[-1] == pytest.approx(1)
        line = display.lines_[j].get_xydata()
        np.testing.assert_array_equal(line, part[["n_rows", "lift"]])


def test_the_chosen_size_is_that_of_the_finder(two):
    finder, X, loss = two
    display = draw(two, "size")
    chosen = display.frame().query("chosen")
    np.testing.assert_array_equal(chosen["n_rows"], finder.spotlights_["n_members"])
    np.testing.assert_allclose(chosen["lift"], finder.spotlights_["lift"])
    marks = [mark.get_xydata()[0] for mark in display.marks_]
    np.testing.assert_allclose(marks, chosen[["n_rows", "lift"]])
    table = finder.spotlights_
    assert entries(display)[1:] == [
        f"spotlight {j}: {n} members, lift {lift:.3g}"
        for j, n, lift in zip((0, 1), table["n_members"], table["lift"], strict=True)
    ]
    assert draw(two, "size", legend=False).legend_ is None


def test_rows_at_one_place_come_together():
    X, loss = planted(n=120)
    X, loss = np.repeat(X.to_numpy(), 3, axis=0), np.tile(loss, 3)
    table = SpotlightDisplay.from_estimator(fit(X, loss), X, loss, kind="size").frame()
    assert (table["n_rows"] % 3 == 0).all()


def test_a_curve_of_very_many_rows_has_few_points():
    X, loss = planted(n=20_000)
    table = SpotlightDisplay.from_estimator(fit(X, loss), X, loss, kind="size").frame()
    assert len(table) < 500
    assert table["chosen"].sum() == 1


def test_rows_near_a_spotlight_of_which_none_is_a_member(one):
    finder, X, loss = one
    memberships = np.asarray(finder.transform(X))[:, 0]
    edge = (memberships > 0) & (finder.predict(X) == -1)
    display = SpotlightDisplay.from_estimator(finder, X[edge], loss[edge], kind="size")
    assert entries(display)[1] == "spotlight 0: no members"
    assert not display.frame()["chosen"].any()


# Contrast


def test_bars_are_the_contrasts_of_the_members(two):
    finder, X, loss = two
    display = draw(two, "contrast", top=3)
    table = display.frame()
    member = display.distances <= display.radii * (1 + 1e-9)
    expected = describe_spotlights(member, X, top=3, n_examples=0)
    pd.testing.assert_frame_equal(table, expected)
    assert len(display.axes_) == len(display.bars_) == 2
    for j, (axes, bars) in enumerate(zip(display.axes_, display.bars_, strict=True)):
        part = expected[expected["spotlight"] == j]
        np.testing.assert_allclose([bar.get_width() for bar in bars], part["contrast"])
        assert [label.get_text() for label in axes.get_yticklabels()] == part["feature"].tolist()
        assert axes.get_title(loc="left") == f"spotlight {j}"
        tops = [bar.get_y() for bar in bars]
        assert tops == sorted(tops)
        assert axes.yaxis_inverted()  # the strongest, at 0, on top
        error = np.sqrt(1 / member[:, j].sum() + 1 / (~member[:, j]).sum())
        np.testing.assert_allclose(display.bands_[j].get_x(), -2 * error)
    texts = [text.get_text() for text in display.texts_]
    assert texts == [f"{row.inside:.3g} vs {row.outside:.3g}" for row in expected.itertuples()]


def test_bars_of_numbers_categories_and_words(one):
    finder, X, loss = one
    inside = finder.predict(X) == 0
    data = pd.DataFrame(
        {
            "age": np.where(inside, 30.0, 60.0),
            "city": np.where(inside, "Bonn", "Kiel"),
            "note": [f"{'rain' if i else 'sun'} was all we saw {n}" for n, i in enumerate(inside)],
        },
        index=X.index,
    )
    display = draw(one, "contrast", data=data)
    labels = {label.get_text() for label in display.ax_.get_yticklabels()}
    assert {"age", "city = Bonn", "“rain”"} <= labels
    assert {"30 vs 60", "100% vs 0%"} <= {text.get_text() for text in display.texts_}
    assert display.ax_.get_xlim()[0] < display.frame()["contrast"].min() < 0
    assert len(display.plot("contrast", top=1).frame()) == 1


def test_data_may_be_texts_or_an_array(one):
    finder, X, _ = one
    inside = finder.predict(X) == 0
    texts = ["cold rain" if i else "warm sun" for i in inside]
    display = SpotlightDisplay.from_estimator(finder, X, kind="contrast", data=texts)
    assert display.frame()["value"].tolist() == ["cold", "rain"]
    array = X.to_numpy()
    display = SpotlightDisplay.from_estimator(finder, X, one[2], kind="size", data=array)
    assert len(display.plot("contrast").frame()) == 4


# All kinds


def test_a_pipeline_or_a_search_is_read():
    X, loss = planted()
    pipeline = make_pipeline(StandardScaler(), SpotlightFinder(1, random_state=0))
    search = GridSearchCV(pipeline, {"spotlightfinder__size": ["auto", 50]}, cv=2).fit(X, loss)
    expected = search.best_estimator_
    for model in (search, expected):
        for kind in KINDS:
            display = SpotlightDisplay.from_estimator(model, X, loss, kind=kind)
        assert display.frame()["feature"].iloc[0] == "f0"  # in the caller's columns
        np.testing.assert_allclose(display.memberships, expected.transform(X))
    alone = make_pipeline(fit(X, loss))
    assert SpotlightDisplay.from_estimator(alone, X).frame().index.equals(X.index)


def test_a_display_can_be_drawn_again_as_another_kind(one):
    display = draw(one, "contrast")
    fresh = draw(one, "size").frame()
    assert display.plot("size") is display
    pd.testing.assert_frame_equal(display.frame(), fresh)
    assert display.bars_ is None
    assert display.plot().scatter_ is not None
    assert display.lines_ is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("freely", [False, True])
def test_given_axes_are_drawn_on(two, kind, freely):
    figure = plt.figure()
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8)) if freely else figure.subplots(1, 2)[1]
    before = plt.get_fignums()
    display = draw(two, kind, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert set(display.axes_) <= set(figure.axes)
    assert plt.get_fignums() == before
    svg_of(display)


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_leaves_the_record_and_the_input_alone(two, kind):
    finder, X, loss = two
    copies = X.copy(), loss.copy()
    display = draw(two, kind)
    record = {name: np.copy(getattr(display, name)) for name in ("memberships", "distances")}
    display.plot(kind)
    table = display.frame()
    table.iloc[:, 0] = 0
    assert not display.frame().equals(table)
    for name, value in record.items():
        np.testing.assert_array_equal(getattr(display, name), value)
    pd.testing.assert_frame_equal(X, copies[0])
    np.testing.assert_array_equal(loss, copies[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_and_read_only_input(kind, dtype):
    X, loss = planted()
    X, loss = X.to_numpy(dtype), loss.astype(dtype)
    X.flags.writeable = loss.flags.writeable = False
    display = SpotlightDisplay.from_estimator(fit(X, loss), X, loss, kind=kind)
    assert len(display.frame())


def test_styles_are_the_callers(one):
    display = draw(one, scatter_kwargs={"color": "k", "marker": "s"}, circle_kwargs={"lw": 5})
    np.testing.assert_array_equal(display.scatter_.get_facecolors()[0], to_rgba("k"))
    assert display.circles_[0].get_linewidth() == 5
    display = draw(one, "size", line_kwargs={"c": "g"})
    assert display.lines_[0].get_color() == display.marks_[0].get_color() == "g"
    display = draw(one, "contrast", bar_kwargs={"color": "y"}, text_kwargs={"size": 5})
    assert display.bars_[0][0].get_facecolor()[:3] == to_rgba("y")[:3]
    assert display.texts_[0].get_fontsize() == 5


@pytest.mark.parametrize("name", NASTY)
def test_names_cannot_break_a_picture(one, name):
    finder, X, loss = one
    inside = finder.predict(X) == 0
    values = np.where(inside, name, "other").astype(object)
    data = pd.DataFrame({"a": pd.Series(values, X.index, dtype=object), "b": inside * 1.0})
    data.columns = pd.Index([name, "number"], dtype=object)
    display = draw(one, "contrast", data=data)
    ElementTree.fromstring(svg_of(display))
    assert b"<script>" not in svg_of(display)


def test_colours_repeat_after_six():
    K = np.eye(7).repeat(3, axis=0)
    display = SpotlightDisplay(
        K, 1 - K, np.full(7, 0.5), points=np.zeros((21, 2)), centers=np.zeros((7, 2))
    ).plot()
    edges = [circle.get_edgecolor() for circle in display.circles_]
    assert edges[6] == edges[0]
    assert len(set(edges)) == 6


# Bad inputs


def test_not_fitted_or_no_finder(one):
    _, X, loss = one
    with pytest.raises(NotFittedError):
        SpotlightDisplay.from_estimator(SpotlightFinder(), X)
    with pytest.raises(TypeError, match="finder must be a SpotlightFinder.* got a StandardScaler"):
        SpotlightDisplay.from_estimator(StandardScaler().fit(X), X)


def test_bad_choices(one):
    with pytest.raises(ValueError, match="kind must be one of projection, size, contrast"):
        draw(one, "map")
    with pytest.raises(ValueError, match="kind must be one of"):
        draw(one).plot("map")
    with pytest.raises(ValueError, match="max_points must be at least 1"):
        draw(one, max_points=0)
    with pytest.raises(ValueError, match="top must be at least 1"):
        draw(one, "contrast", top=0)


def test_what_a_kind_needs(one):
    finder, X, _ = one
    with pytest.raises(ValueError, match="size curve needs the losses"):
        SpotlightDisplay.from_estimator(finder, X, kind="size")
    display = SpotlightDisplay.from_estimator(finder, X)
    with pytest.raises(ValueError, match="Contrast bars need what is known of the rows"):
        display.plot("contrast")
    bare = SpotlightDisplay(display.memberships, display.distances, display.radii)
    with pytest.raises(ValueError, match="projection needs points and centers"):
        bare.plot()
    with pytest.raises(ValueError, match="Nothing is drawn yet"):
        bare.frame()


def test_a_refused_kind_leaves_the_last_picture(one):
    display = SpotlightDisplay.from_estimator(one[0], one[1])
    scatter, table = display.scatter_, display.frame()
    with pytest.raises(ValueError, match="size curve"):
        display.plot("size")
    assert display.scatter_ is scatter
    pd.testing.assert_frame_equal(display.frame(), table)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"y": np.ones(5)}, "y has 5 rows but X has 600"),
        ({"y": np.r_[np.nan, np.ones(599)]}, "y contains NaN"),
        ({"y": np.r_[-1.0, np.ones(599)]}, "negative losses"),
        ({"data": np.ones((5, 1))}, "600 rows but data has 5"),
    ],
)
def test_rows_that_do_not_match(one, change, text):
    finder, X, _ = one
    with pytest.raises(ValueError, match=text):
        SpotlightDisplay.from_estimator(finder, X, **change)


@pytest.mark.parametrize("name", ["y", "data"])
def test_rows_in_another_order_are_refused(one, name):
    finder, X, loss = one
    other = pd.Series(loss, index=X.index)[::-1]
    with pytest.raises(ValueError, match=f"{name} has the same index labels as X"):
        SpotlightDisplay.from_estimator(finder, X, **{name: other})
