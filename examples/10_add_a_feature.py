"""Add a feature to a model in production, tuned in a grid search, and fold both into one model."""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import IncrementalFeatureAnalyzer, LogitOffsetCorrector, OffsetDisplay

# The model in production knows three measurements; four more are there for 120 new patients.
known = ["mean radius", "mean smoothness", "mean symmetry"]
others = ["mean texture", "worst texture", "texture error", "symmetry error"]
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X, y = X[known + others], 1 - y  # 1: malignant
X_old, X_new, y_old, y_new = train_test_split(X, y, train_size=0.5, stratify=y, random_state=0)
X_new, X_test, y_new, y_test = train_test_split(
    X_new, y_new, train_size=120, stratify=y_new, random_state=0
)
production = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_old[known], y_old)

# Analysed on new rows: the scores of its own training rows are too good.
base = FrozenEstimator(production)
analyzer = IncrementalFeatureAnalyzer(base, n_segments=4).fit(X_new, y_new)
table = analyzer.feature_table_[["feature", "score_p_value", "q_value", "gain", "shape"]]
print(table.to_string(index=False, float_format="{:.2g}".format))
ranked = table["feature"].tolist()

# In every fold the base stays as it is; only the coefficients of the added features are learned.
search = GridSearchCV(
    LogitOffsetCorrector(base),
    {"features": [ranked[:k] for k in (1, 2, 3, 4)], "alpha": [0.0, 0.1, 1.0]},
    scoring="neg_log_loss",
).fit(X_new, y_new)
corrector = search.best_estimator_
print(f"\nBest: features {corrector.features}, alpha {corrector.alpha},")
errors = np.sqrt(np.diag(corrector.covariance_))
for name, coef, error in zip(corrector.features, corrector.coef_[0], errors[:-1], strict=True):
    print(f"  {name:24}{coef:8.2f} +- {error:.2f}")

folded = corrector.to_logistic_regression()
difference = np.abs(folded.predict_proba(X_test) - corrector.predict_proba(X_test)).max()
print(f"\nFolded into one {type(folded).__name__} on the raw columns, equal to {difference:.0e}:")
print("  " + ", ".join(f"{c:.3g}" for c in folded.coef_[0]) + f"; {folded.intercept_[0]:.3g}")

print("\nLog loss of rows that nobody has seen:")
refitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_new, y_new)
models = {"production": production, "corrected": corrector, "folded": folded}
for name, model in {**models, "refitted on the new rows": refitted}.items():
    columns = known if model is production else X_test.columns
    print(f"  {name:26}{log_loss(y_test, model.predict_proba(X_test[columns])):.3f}")

OffsetDisplay.from_estimator(analyzer).figure_.savefig("10_add_a_feature.png", dpi=150)
