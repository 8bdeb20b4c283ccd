"""The demonstration: wrong labels among handwritten digits, found by a held-out data map."""

from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from ..datasets import make_noisy_labels
from ..dynamics import DataMapClassifier, DataMapDisplay

WRONG = 0.1


def find_wrong_digits(random_state=0):
    """Spoil a tenth of the labels of the digits and look for them.

    Returns
    -------
    model : DataMapClassifier
        Fitted on the spoiled labels.
    table : pandas.DataFrame of 1797 rows
        `label_issues` and the data map of each digit, worst first, with `true_label` and
        `is_wrong`.
    """
    X, y = load_digits(return_X_y=True, as_frame=True)
    y_noisy, flipped = make_noisy_labels(y, rate=WRONG, random_state=random_state)
    network = MLPClassifier((64,), batch_size=32, learning_rate_init=0.002)
    learner = make_pipeline(MinMaxScaler(), network)
    model = DataMapClassifier(learner, cv=3, random_state=random_state).fit(X, y_noisy)
    columns = ["confidence", "variability", "correctness", "region"]
    table = model.label_issues().join(model.data_map_[columns])
    return model, table.assign(true_label=y, is_wrong=flipped)


def summarise(table):
    """What was found, as text for a terminal."""
    marked, wrong = table["is_issue"], table["is_wrong"]
    found = int((marked & wrong).sum())
    worst = table.head(10).rename_axis("row").reset_index()
    worst = worst[["row", "label", "suggested_label", "true_label", "label_quality"]]
    return "\n".join(
        [
            f"{len(table)} handwritten digits, {int(wrong.sum())} of their labels made wrong.",
            f"{int(marked.sum())} labels are marked as issues: {found} of them are wrong "
            f"(precision {found / marked.sum():.3f}, recall {found / wrong.sum():.3f}).",
            "",
            "The ten most suspicious:",
            worst.to_string(index=False, float_format=lambda value: f"{value:.4f}"),
        ]
    )


def draw(model, table):
    """The data map with the suspects ringed, as a matplotlib figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    marked = table.index[table["is_issue"]]
    display = DataMapDisplay.from_estimator(
        model,
        ax=figure.subplots(),
        marginals=True,
        highlight=marked,
        highlight_name="label issues",
        highlight_kwargs={"s": 40, "linewidths": 0.7},
    )
    display.ax_.set_title("Data map of the digits, every snapshot held out")
    return figure
