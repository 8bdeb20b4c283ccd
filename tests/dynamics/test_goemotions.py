"""The tutorial's job on its own data: who says thanks in 43,410 comments."""

import csv
import gzip

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from skaudit import DataMapClassifier

GRATITUDE = "15"
# As ../shared/references/data_maps_tutorial.txt quotes them.
AMBIGUOUS = [
    "Congrats dude! I hope my shitstuation turns around as greatly as yours did.",
    "Thanks! Definite props to him because he was pulling a double shift when we were at the "
    "capacity of campers.",
    "Well said.",
    "So glad I have a 20 minute walk to work up in the Bay Area.",
]
# Not labelled as gratitude. The third of its hard texts, "Happy New Year!!", is not in this split.
HARD = ("As an autism mum, I can’t thank you enough.", "I love this! Thanks for putting a smile on")


@pytest.fixture(scope="module")
def comments(shared_data):
    """Texts and whether they express gratitude, two lists."""
    path = shared_data / "goemotions" / "train.tsv.gz"
    if not path.is_file():
        pytest.skip("no GoEmotions in the shared folder")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [row[0] for row in rows], [GRATITUDE in row[1].split(",") for row in rows]


@pytest.fixture(scope="module")
def model(comments):
    """The map of ten epochs, as the tutorial sets its learner."""
    learner = make_pipeline(TfidfVectorizer(ngram_range=(1, 3)), SGDClassifier(loss="log_loss"))
    return DataMapClassifier(
        learner, n_epochs=10, class_weight="balanced", keep_history=True, random_state=1234
    ).fit(*comments)


def test_the_statistics_are_those_of_the_history(model, comments):
    p = model.history_.astype(np.float64)
    correct = p > 0.5
    expected = {
        "confidence": p.mean(axis=0),
        "variability": p.std(axis=0),
        "correctness": correct.mean(axis=0),
        "forgetting_events": (correct[:-1] & ~correct[1:]).sum(axis=0),
        "first_learned": np.where(correct.any(axis=0), correct.argmax(axis=0), -1),
        "margin": (2 * p - 1).mean(axis=0),
        "aleatoric": (p * (1 - p)).mean(axis=0),
    }
    assert p.shape == (10, 43_410)
    data_map = model.data_map_
    for name, values in expected.items():
        np.testing.assert_allclose(data_map[name], values, atol=1e-6, err_msg=name)
    assert data_map["label"].tolist() == comments[1]


def test_the_last_snapshot_is_that_of_the_model(model, comments):
    """So the history is right as well, at least at its end; few rows will do."""
    texts, y = (part[:500] for part in comments)
    proba = model.predict_proba(texts)[np.arange(500), np.array(y, dtype=int)]
    np.testing.assert_allclose(model.history_[-1, :500], proba, atol=1e-6)


def test_the_three_kinds_of_examples_are_as_many_as_in_the_tutorial(model):
    confidence = model.data_map_["confidence"]
    easy, hard = (confidence > 0.6).sum(), (confidence < 0.4).sum()
    assert easy == pytest.approx(42_640, abs=60)
    assert hard == pytest.approx(150, abs=15)
    assert 43_410 - easy - hard == pytest.approx(620, abs=60)


def test_the_examples_of_the_tutorial_show_up(model, comments):
    data_map = model.data_map_.set_index(pd.Index(comments[0]))
    most_variable = data_map.index[model.select("ambiguous", fraction=30 / 43_410)]
    assert set(AMBIGUOUS) <= set(most_variable)
    hard = data_map[data_map.index.str.startswith(HARD)]
    assert len(hard) == 2
    assert not hard["label"].any()
    assert (hard["confidence"] < 0.4).all()
    assert (hard["region"] != "easy-to-learn").all()
