"""A Pipeline that keeps the columns that add to a score, encodes them and corrects the score."""

import numpy as np
from scipy.special import expit, logit
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

from skaudit import (
    IncrementalFeatureAnalyzer,
    LogitOffsetCorrector,
    OffsetDisplay,
    ScoreColumn,
    SegmentOffsetEncoder,
)
from skaudit.datasets import make_omitted_feature

# A score that lacks a u-shaped effect, to which come a category and the fact of being missing.
n = 8000
rng = np.random.default_rng(0)
data = make_omitted_feature(n, effect="u-shape", random_state=0)
X = data.frame[["omitted", "score"]].rename(columns={"omitted": "temperature"})
X["town"] = rng.choice(["Aachen", "Bonn", "Celle", "Dresden", "Emden", None], n).astype(object)
X["income"] = np.where(rng.random(n) < 0.15, np.nan, rng.lognormal(10, 1, n))
X["colour"] = rng.choice(["red", "green", "blue"], n).astype(object)
X["shop"] = rng.choice([f"shop {i}" for i in range(200)], n).astype(object)
X["noise"] = np.where(rng.random(n) < 0.15, np.nan, rng.normal(size=n))
effect = 0.8 * (X["town"] == "Bonn") - 0.8 * (X["town"] == "Emden") + 0.7 * X["income"].isna()
y = (rng.random(n) < expit(logit(data.proba) + effect)).astype(int)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)

# The score is a column: it travels through the Pipeline with the rows.
score = ScoreColumn("score")
pipeline = make_pipeline(
    IncrementalFeatureAnalyzer(score),
    LogitOffsetCorrector(score, features=SegmentOffsetEncoder(score)),
).set_output(transform="pandas")
pipeline.fit(X_train, y_train)

selector, corrector = pipeline[0], pipeline[-1]
columns = ["feature", "n_segments", "q_value", "gain", "shape", "selected"]
print(selector.feature_table_[columns].to_string(index=False, float_format="{:.2g}".format))
print("\nKept:", ", ".join(selector.get_feature_names_out()))
encoder = corrector.transformer_
print("Coefficients of the encoded columns (1: as they are):")
for name, coef in zip(encoder.get_feature_names_out(), corrector.coef_[0], strict=True):
    print(f"  {name:12}{coef:6.2f}")

print("\nLog loss of the test rows:")
everything = LogitOffsetCorrector(score, features=SegmentOffsetEncoder(score))
for name, proba in {
    "the score as it is": X_test["score"],
    "all columns encoded": everything.fit(X_train, y_train).predict_proba(X_test)[:, 1],
    "selected and encoded": pipeline.predict_proba(X_test)[:, 1],
}.items():
    print(f"  {name:22}{log_loss(y_test, proba):.4f}")
folds = -cross_val_score(pipeline, X_train, y_train, scoring="neg_log_loss", cv=5)
print(f"Cross-validated on the training rows: {folds.mean():.4f} +- {folds.std() / 5**0.5:.4f}")

OffsetDisplay.from_estimator(pipeline).figure_.savefig("11_select_and_encode.png", dpi=150)
