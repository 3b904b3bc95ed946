"""The rules that verdicts come from. `docs/verdicts.md` says of each what it means and what to do; a test holds it to
this list.
"""

CODES: dict[str, str] = {
    "check_failed": "a check of ours failed by an error of our own: what it would have said is unknown",
}
