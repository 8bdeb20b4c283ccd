"""Which comments a text classifier cannot tell: spotlights of 'love' in GoEmotions, in words.

Run as `python 07_text_spotlights.py FOLDER` where FOLDER holds train.tsv.gz of GoEmotions; without
it a small stand-in takes its place.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skaudit import SpotlightDisplay, SpotlightFinder
from skaudit.spotlight import describe_spotlights, sample_losses

LOVE = "18"
BESIDE = Path(__file__).resolve().parents[2] / "shared/data/goemotions"


def read_goemotions(folder, n=10_000):
    """Some of the comments, and whether they express love."""
    table = pd.read_csv(
        Path(folder) / "train.tsv.gz",
        sep="\t",
        names=["text", "labels", "id"],
        quoting=3,
        keep_default_na=False,
    ).sample(n, random_state=0)
    return table["text"], table["labels"].str.split(",").map(lambda labels: LOVE in labels)


def make_comments(n=3000, seed=0):
    """Comments put together from phrases, with the chance that one of them is about love."""
    phrases = {
        "i love this": 0.7,
        "they would love that": 0.7,
        "i like it": 0.1,
        "it looks like rain": 0.1,
        "we lost again": 0.01,
        "what a strange game": 0.01,
        "nobody told me": 0.01,
    }
    rng = np.random.default_rng(seed)
    middle = rng.choice(list(phrases), n, p=[0.04, 0.02, 0.06, 0.03, 0.3, 0.3, 0.25])
    openings = rng.choice(["well,", "honestly,", "today", "again", "okay,", "yes,", "no,"], n)
    endings = rng.choice(["my friend", "everyone", "as always", "last night", "really"], n)
    text = [" ".join(words) for words in zip(openings, middle, endings, strict=True)]
    return pd.Series(text), pd.Series([rng.random() < phrases[phrase] for phrase in middle])


folder = Path(sys.argv[1]) if len(sys.argv) > 1 else BESIDE
text, label = read_goemotions(folder) if folder.exists() else make_comments()

classifier = make_pipeline(
    TfidfVectorizer(min_df=3, sublinear_tf=True), LogisticRegression(C=3, max_iter=500)
)
losses = sample_losses(classifier, text, label, cv=3)
print(f"{len(text)} comments, {label.mean():.1%} with love, log loss {losses.mean():.3f}.")

# Coarser than what the classifier sees: a few directions of meaning, without "the" and "of".
tfidf = TfidfVectorizer(min_df=5, sublinear_tf=True, stop_words="english")
embedding = make_pipeline(tfidf, TruncatedSVD(12, random_state=0)).fit_transform(text)
finder = SpotlightFinder(2, n_permutations=39, random_state=0).fit(embedding, losses)
columns = ["n_members", "mean_loss", "lift", "share_of_loss", "p_value", "held_out_lift"]
print(finder.spotlights_[columns].round(3).to_string())

found = finder.predict(embedding)
words = describe_spotlights(found, text, top=5, n_examples=0)
for j in range(2):
    inside = found == j
    print(f"\nSpotlight {j}, {label[inside].mean():.0%} with love. Words of the members:")
    shown = words.loc[words["spotlight"] == j, ["value", "inside", "outside", "contrast"]]
    print(shown.round(2).to_string(index=False))
    print("Without love, where the classifier is most wrong:")
    mistakes = pd.Series(losses, index=text.index)[inside & ~label].nlargest(4)
    print("\n".join(f"  {loss:5.2f}  {text[row][:80]}" for row, loss in mistakes.items()))

figure = plt.figure(figsize=(13, 5), layout="constrained")
where, contrasts = figure.subplots(1, 2, width_ratios=[3, 2])
SpotlightDisplay.from_estimator(finder, embedding, losses, ax=where)
SpotlightDisplay.from_estimator(finder, embedding, kind="contrast", data=text, top=5, ax=contrasts)
figure.savefig("07_text_spotlights.png", dpi=150)
