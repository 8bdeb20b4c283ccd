"""What to fix first: one call, one page, findings in order, each with its next line of code."""

from skaudit import audit
from skaudit.datasets import make_customers

# A twentieth of the labels is flipped, those of one region are random, and the model is kept from
# the column "discount".
data = make_customers(random_state=0)
X, y = data.frame, data.y

# None takes a model by the columns; any classifier with predict_proba can be given.
report = audit(None, X, y, features=["discount"])
print(report)
report.to_html("00_audit.html")

print("\nThe next step of the first finding:\n")
print(report.findings_["next_step"][0])

# The tables behind the page carry the index of X.
print("\nThe most suspicious labels:")
print(report.label_issues_.head())
columns = ["feature", "score_p_value", "gain", "shape"]
print("\nWhat columns say beyond the held-out score:")
print(report.feature_table_[columns].head(4).to_string(index=False, float_format="{:.2g}".format))
