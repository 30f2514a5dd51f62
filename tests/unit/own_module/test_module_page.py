"""The page on modules of one's own lists all questions as they are."""

import re
from pathlib import Path

from goodfit.torch.diagnosing import QUESTIONS

PAGE = Path(__file__).parents[3] / "docs" / "own-model-diagnosis.md"


def test_the_page_lists_every_question_with_its_severity_in_order():
    rows = re.findall(r"^\| `(\w+)` \| (issue|tip) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(question.NAME, question.SEVERITY) for question in QUESTIONS]
