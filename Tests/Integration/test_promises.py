"""docs/promises.md stays true: every test that it names exists, and cites the promise or stands beside one that does."""

import functools
import pathlib
import re

import pytest

from harness.server import ROOT

PAGE = ROOT / "docs" / "promises.md"
ROWS = dict(re.findall(r"^\| ([A-Z]{2}-\d+) \|(.*)\|$", PAGE.read_text(), re.MULTILINE))
NUMBER = re.compile(r"\b(?:GE|GO|UN|WS|FT)-\d+\b")


def places(row: str) -> dict[pathlib.Path, list[str]]:
    """The files of a row, each with the names of tests that follow it."""
    found: dict[pathlib.Path, list[str]] = {}
    current = folder = None
    for text in re.findall(r"`([^`]*)`", row.rpartition(" | ")[2]):
        if text.endswith(".py"):
            current = ROOT / "Tests" / "Integration" / text
        elif text.endswith(".swift"):
            # A bare name is in the folder of the one before.
            folder = (ROOT / text).parent if "/" in text else folder
            current = folder / pathlib.Path(text).name
        elif text.startswith("test_"):
            found[current].append(text)
            continue
        else:
            continue
        found.setdefault(current, [])
    return found


@functools.cache
def content(path: pathlib.Path) -> str:
    return path.read_text()


@pytest.mark.parametrize("number", ROWS)
def test_each_promise_names_tests_that_exist(number):
    named = places(ROWS[number])
    assert named, f"{number} names no test"
    for path, names in named.items():
        assert path.exists(), f"{number}: {path} does not exist"
        if path.suffix == ".py":
            assert names, f"{number}: which test of {path.name}?"
        for name in names:
            assert re.search(rf"^(async )?def {name}\(", content(path), re.MULTILINE), f"{number}: no {name} in {path.name}"
    assert any(re.search(rf"\b{number}\b", content(path)) for path in named), f"{number}: none of its tests cites it"


def test_each_promise_that_a_test_cites_is_on_the_page():
    cited = set()
    for pattern in ("Tests/Pharos*Tests/**/*.swift", "Tests/Integration/test_*.py"):
        for path in ROOT.glob(pattern):
            if path != pathlib.Path(__file__):
                cited |= set(NUMBER.findall(content(path)))
    assert len(cited) > 40
    assert cited <= set(ROWS), sorted(cited - set(ROWS))
