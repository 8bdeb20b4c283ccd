"""LogisticRegression reports its iterations: DataMapCallback records the map while it fits."""

import sys

from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skaudit import DataMapCallback, DataMapDisplay

if not hasattr(LogisticRegression, "set_callbacks"):
    sys.exit(print("This example needs scikit-learn 1.9 or newer."))

X, y = load_breast_cancer(return_X_y=True, as_frame=True)

callback = DataMapCallback()
classifier = LogisticRegression().set_callbacks(callback)  # on the classifier, not the Pipeline
make_pipeline(StandardScaler(), classifier).fit(X, y)

print(callback.recorder_)
print(callback.data_map_.nsmallest(5, "confidence"))

DataMapDisplay.from_estimator(callback).figure_.savefig("04_callback.png", dpi=150)
