"""Which writing style does a classifier fail on: ones with a foot, whose labels are guesses."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import precision_score, recall_score
from sklearn.model_selection import cross_val_predict, train_test_split

from skaudit import SpotlightDisplay, SpotlightFinder
from skaudit.spotlight import describe_spotlights, sample_losses

X, y = load_digits(return_X_y=True)
X /= 16
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)

# A style is a cluster of the training ones: that with the most ink in the last row of the image.
ones = X_train[y_train == 1]
styles = KMeans(4, n_init=10, random_state=0).fit(ones)
footed = styles.cluster_centers_[:, -8:].sum(axis=1).argmax()
is_footed, is_footed_test = (
    (digit == 1) & (styles.predict(rows) == footed)
    for rows, digit in ((X_train, y_train), (X_test, y_test))
)

# Whoever labelled the training rows did not know this style and guessed: any digit but 1.
given = y_train.copy()
guess = np.random.default_rng(0).integers(2, 11, is_footed.sum()) % 10
given[is_footed] = guess
print(f"{is_footed.sum()} of {len(given)} training labels are guesses.")

classifier = LogisticRegression(max_iter=1000)
losses = sample_losses(classifier, X_train, given, cv=5)
pca = PCA(16, random_state=0).fit(X_train)
embedding = pca.transform(X_train)
finder = SpotlightFinder(2, n_permutations=49, random_state=0).fit(embedding, losses)
columns = ["n_members", "mean_loss", "lift", "p_value", "held_out_lift"]
print(finder.spotlights_[columns].round(2).to_string())

inside = finder.predict(embedding) == 0
print(
    f"\nSpotlight 0 and the guesses: precision {precision_score(is_footed, inside):.2f},", end=" "
)
print(f"recall {recall_score(is_footed, inside):.2f}.")

# The test labels are right. Has the spotlight a place there, and is the classifier wrong in it?
inside_test = finder.predict(pca.transform(X_test)) == 0
right = classifier.fit(X_train, given).predict(X_test) == y_test
print(f"Test rows in it: {inside_test.sum()}, footed {is_footed_test[inside_test].sum()}", end=" ")
print(f"of {is_footed_test.sum()}; accuracy {right[inside_test].mean():.2f} inside,", end=" ")
print(f"{right[~inside_test].mean():.2f} outside.\n")

ink = X_train.reshape(-1, 8, 8).mean(axis=2)
facts = pd.DataFrame(ink, columns=[f"ink in row {i}" for i in range(8)])
facts["label"] = pd.Categorical(given)
facts["prediction"] = pd.Categorical(cross_val_predict(classifier, X_train, given, cv=5))
print(
    describe_spotlights(finder.predict(embedding), facts, top=3, n_examples=0)
    .round(2)
    .to_string(index=False)
)

figure = plt.figure(figsize=(13, 9), layout="constrained")
upper, lower = figure.subfigures(2, 1)
where, digits = upper.subplots(1, 2, width_ratios=[2, 1])
sizes, contrasts = lower.subplots(1, 2)
SpotlightDisplay.from_estimator(finder, embedding, losses, ax=where)
SpotlightDisplay.from_estimator(finder, embedding, losses, kind="size", ax=sizes)
SpotlightDisplay.from_estimator(finder, embedding, kind="contrast", data=facts, top=4, ax=contrasts)
nearest = np.argsort(-finder.transform(embedding)[:, 0])[:20]
page = np.pad(X_train[nearest].reshape(4, 5, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
digits.imshow(page.transpose(0, 2, 1, 3).reshape(40, 50), cmap="Greys")
for i, row in enumerate(nearest):
    digits.text(i % 5 * 10, i // 5 * 10 + 1, given[row], color="#CC3311", va="top")
digits.set_title("nearest to spotlight 0, and the labels given", fontsize="medium")
digits.set_axis_off()
figure.savefig("06_spoiled_style.png", dpi=150)
