"""Audit a model in production on rows that it has not seen, as a check that a program can read."""

import json

from sklearn.datasets import load_breast_cancer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import audit

known = ["mean radius", "mean smoothness", "mean symmetry"]
X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_old, X_new, y_old, y_new = train_test_split(X, y, train_size=0.5, stratify=y, random_state=0)
production = make_pipeline(StandardScaler(), LogisticRegression()).fit(X_old[known], y_old)

# Frozen: nothing is trained. The columns that the model does not know contest.
report = audit(FrozenEstimator(production), X_new, y_new)
print(report)
report.to_html("12_audit_a_fitted_model.html")

as_dict = json.loads(json.dumps(report.to_dict(), allow_nan=False))
print(f"\nAs JSON, {as_dict['format']} version {as_dict['version']}:")
for finding in as_dict["findings"]:
    print(f"  {finding['kind']:12} {finding['severity']:.3f}  {finding['title']}")

# Follow the first hint: add the column to the score, and look at rows that were held out.
print("\nThe next step of the first finding:\n")
print(report.findings_["next_step"][0])
