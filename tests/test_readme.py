"""README.md: nothing left to fill in, and its picture is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_nothing_is_left_to_fill_in_and_linked_files_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "@@" not in text
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
