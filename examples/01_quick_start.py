"""Quick start: which digits are easy, ambiguous and hard, and which labels are wrong."""

from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skaudit import DataMapClassifier, DataMapDisplay
from skaudit.datasets import make_noisy_labels

X, y = load_digits(return_X_y=True, as_frame=True)
y_noisy, flipped = make_noisy_labels(y, rate=0.1, random_state=0)

# cv=3: every probability in the map comes from a model that has not seen the row.
network = MLPClassifier((64,), batch_size=32, learning_rate_init=0.002)
model = DataMapClassifier(make_pipeline(MinMaxScaler(), network), cv=3, random_state=0)
model.fit(X, y_noisy)

print(model.data_map_[["confidence", "variability", "correctness", "region"]].head())
print("\nTraining and held-out log loss:")
print(model.epoch_log_[["epoch", "log_loss", "held_out_log_loss"]].to_string(index=False))

issues = model.label_issues()
found = flipped[issues.index[issues["is_issue"]]]
print(f"\n{len(found)} labels marked, {found.mean():.0%} of them wrong; {flipped.sum()} are wrong.")
print(issues.head())

display = DataMapDisplay.from_estimator(model, marginals=True)
display.figure_.savefig("01_quick_start.png", dpi=150)
