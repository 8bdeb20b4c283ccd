"""What cleaning labels is worth: accuracy on clean test labels before and after."""

import warnings

from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skaudit import DataMapClassifier
from skaudit.datasets import make_noisy_labels

X, y = load_digits(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, random_state=0)
y_noisy, flipped = make_noisy_labels(y_train, rate=0.2, random_state=0)

network = MLPClassifier((64,), batch_size=32, learning_rate_init=0.002, max_iter=60, tol=0)
classifier = make_pipeline(MinMaxScaler(), network)
classifier.set_params(mlpclassifier__random_state=0)

model = DataMapClassifier(classifier, cv=3, random_state=0).fit(X_train, y_noisy)
issues = model.label_issues().loc[X_train.index]
marked = issues["is_issue"]
corrected = y_noisy.where(~marked, issues["suggested_label"])
print(f"{flipped.sum()} of {len(y_noisy)} training labels are wrong, {marked.sum()} are marked,")
print(f"{(marked & flipped).sum()} of these rightly; {(corrected != y_train).sum()} stay wrong.\n")


def accuracy(rows, labels):
    """Accuracy on clean test labels after training on the rows and labels given."""
    return clone(classifier).fit(rows, labels).score(X_test, y_test)


with warnings.catch_warnings():
    # A fixed number of epochs for every training makes them comparable.
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"wrong labels as they are    {accuracy(X_train, y_noisy):.3f}")
    print(f"marked rows left out        {accuracy(X_train[~marked], y_noisy[~marked]):.3f}")
    print(f"marked labels corrected     {accuracy(X_train, corrected):.3f}")
    print(f"true labels (the ceiling)   {accuracy(X_train, y_train):.3f}")
