"""Two models on the same digits: where is naive Bayes worse than a forest, and where better?"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB

from skaudit import SpotlightDisplay, SpotlightFinder
from skaudit.spotlight import sample_losses

X, y = load_digits(return_X_y=True)
X /= 16
embedding = PCA(16, random_state=0).fit_transform(X)
models = {"naive Bayes": GaussianNB(), "the forest": RandomForestClassifier(random_state=0)}

# The same folds for both; Brier scores, for a single sure mistake would rule the log loss.
cv = StratifiedKFold(5, shuffle=True, random_state=0)
losses, predicted = {}, {}
for name, model in models.items():
    losses[name] = sample_losses(model, X, y, loss="brier", cv=cv)
    predicted[name] = cross_val_predict(model, X, y, cv=cv)
    print(f"{name:12}Brier score {losses[name].mean():.3f}, ", end="")
    print(f"accuracy {(predicted[name] == y).mean():.3f}")


def compare(worse, better, part):
    """Print and draw where `worse` has the higher losses."""
    difference = losses[worse] - losses[better]
    # Differences have a sign: nothing to clip, and read their mean, for a lift has no meaning.
    finder = SpotlightFinder(2, loss_clip=None, n_permutations=29, random_state=0)
    found = finder.fit(embedding, difference).predict(embedding)
    print(f"\nWhere {worse} is worse than {better}; overall by {difference.mean():.3f}:")
    table = finder.spotlights_[["n_members", "mean_loss", "p_value"]].round(3)
    for name in models:
        table[f"accuracy of {name}"] = [
            round((predicted[name] == y)[found == j].mean(), 3) for j in range(2)
        ]
    print(table.to_string())

    for j in range(2):
        readings = np.stack([y, predicted[worse]])[:, found == j]
        pairs, counts = np.unique(readings, axis=1, return_counts=True)
        digit, reading = pairs[:, counts.argmax()]
        print(f"Spotlight {j}: {counts.max()} of {counts.sum()} are a {digit} read as {reading}.")

    where, digits = part.subplots(1, 2, width_ratios=[2, 1])
    # Without the losses: the area of a point could not tell their sign.
    display = SpotlightDisplay.from_estimator(finder, embedding, ax=where)
    where.set_title(f"{worse} worse than {better}")
    nearest = np.argsort(-finder.transform(embedding), axis=0)[:10].T.ravel()
    page = np.pad(X[nearest].reshape(4, 5, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    digits.imshow(page.transpose(0, 2, 1, 3).reshape(40, 50), cmap="Greys")
    for i, row in enumerate(nearest):
        color = display.circles_[i // 10].get_edgecolor()
        digits.text(i % 5 * 10, i // 5 * 10 + 1, predicted[worse][row], color=color, va="top")
    digits.set_title(f"nearest to each; read by {worse} as", fontsize="medium")
    digits.set_axis_off()


figure = plt.figure(figsize=(13, 9.5), layout="constrained")
upper, lower = figure.subfigures(2, 1)
compare("naive Bayes", "the forest", upper)
compare("the forest", "naive Bayes", lower)
figure.savefig("08_two_models.png", dpi=150)
