"""Keeps a spreadsheet from taking a shopper's text for a formula, and takes that back."""

import re

# What makes a spreadsheet run a cell, behind any number of our own marks.
_RUNS = re.compile(r"'*[=+\-@\t\r]")
_MARK = "'"


def guard_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run."""
    return _MARK + text if _RUNS.match(text) else text


def unguard_cell(text: str) -> str:
    """Take the apostrophe off again; every other text stays as it is."""
    return text[1:] if text.startswith(_MARK) and _RUNS.match(text) else text
