"""A text Pipeline: the data map of 'gratitude' in GoEmotions, or in a small stand-in.

Run as `python 02_text.py FOLDER` where FOLDER holds train.tsv.gz of GoEmotions.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from skaudit import DataMapClassifier, DataMapDisplay
from skaudit.dynamics import assign_regions

GRATITUDE = "15"


def read_goemotions(folder):
    """Comments and whether they express gratitude."""
    table = pd.read_csv(
        Path(folder) / "train.tsv.gz",
        sep="\t",
        names=["text", "labels", "id"],
        quoting=3,
        keep_default_na=False,
    )
    thanks = table["labels"].str.split(",").map(lambda labels: GRATITUDE in labels)
    return table["text"], thanks


def make_comments(n=2000, seed=0):
    """Comments put together from phrases, a few of them labelled wrongly."""
    rng = np.random.default_rng(seed)
    openings = ["well,", "honestly,", "today", "again", "so", "okay,", "yes,", "no,"]
    thanks = ["thank you for this", "thanks a lot", "i appreciate it", "many thanks to you"]
    others = ["i did not see that", "what a strange game", "they lost again", "i love this song"]
    endings = ["my friend", "everyone", "as always", "with the team", "last night", "really"]
    is_thanks = rng.random(n) < 0.15
    middle = [rng.choice(thanks if positive else others) for positive in is_thanks]
    words = zip(rng.choice(openings, n), middle, rng.choice(endings, n), strict=True)
    wrong = rng.random(n) < 0.01
    return pd.Series([" ".join(w) for w in words]), pd.Series(is_thanks ^ wrong)


text, label = read_goemotions(sys.argv[1]) if len(sys.argv) > 1 else make_comments()

pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 3)), SGDClassifier(loss="log_loss"))
model = DataMapClassifier(
    pipeline, class_weight="balanced", keep_history=True, random_state=1234
).fit(text, label)

data_map = model.data_map_.assign(text=text)
print("Easy above .6, hard below .4, as in the tutorial:")
print(assign_regions(data_map, rule="absolute").value_counts().to_string())

pd.set_option("display.max_colwidth", 70)
columns = ["text", "label", "confidence", "variability"]
print("\nMost ambiguous:")
print(data_map.iloc[model.select("ambiguous", fraction=0.01)[:8]][columns].to_string())
print("\nHardest, often wrong labels:")
print(data_map.iloc[model.select("hard", fraction=0.01)[:8]][columns].to_string())

DataMapDisplay.from_estimator(model, marginals=True).figure_.savefig("02_map.png", dpi=150)
courses = DataMapDisplay.from_estimator(model, kind="trajectories", by="course")
courses.figure_.savefig("02_courses.png", dpi=150)
