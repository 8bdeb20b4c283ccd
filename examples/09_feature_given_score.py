"""Does a feature add to a score? One that a model lacks, and one that says nothing more."""

import matplotlib.pyplot as plt

from skaudit import IncrementalFeatureAnalyzer, OffsetDisplay, ScoreColumn
from skaudit.datasets import make_omitted_feature

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
names = {"linear": "with information", "none": "without information"}

for ax, (effect, name) in zip(axes, names.items(), strict=True):
    # Labels from a logistic model of five features; the score is that of four of them.
    data = make_omitted_feature(20_000, effect=effect, strength=1.0, random_state=0)
    X = data.frame.rename(columns={"omitted": name})
    analyzer = IncrementalFeatureAnalyzer(ScoreColumn("score"), features=[name], n_segments=20)
    analyzer.fit(X, data.y)

    row = analyzer.feature_table_.iloc[0]
    print(f"A feature {name}: p = {row['score_p_value']:.2g}, gain {row['gain']:.4f} nats a row,")
    print(f"shape {row['shape']}, {'selected' if row['selected'] else 'not selected'}.")
    columns = ["mean", "n", "events", "offset", "offset_lower", "offset_upper"]
    print(analyzer.segment_table_[columns][::4].round(2).to_string(index=False), "\n")

    OffsetDisplay.from_estimator(analyzer, ax=ax)
    slope = 1.0 if effect == "linear" else 0.0
    ax.axline((0, 0), slope=slope, color="#BBBBBB", zorder=0, label="true effect")
    ax.set_ylim(-1.4, 1.4)
    ax.legend(loc="upper left", frameon=False)

figure.savefig("09_feature_given_score.png", dpi=150)
