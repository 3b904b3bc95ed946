"""Lines that fit a terminal: below their first word, and with names in one piece."""

import click

from commands.wrapping import ENDLESS, folded, hung, wrapped

DN = "cn=a-rather-long-name-of-a-host.angers.lab.test,ou=hosts,dc=lab,dc=test"


def test_further_lines_stand_below_the_first_word() -> None:
    label = f"{click.style('bad', fg='red')}   ldap      "
    assert [click.unstyle(line) for line in hung(label, "the connection was refused; is the server up?", 40)] == [
        "bad   ldap      the connection was",
        "                refused; is the server",
        "                up?",
    ]


def test_a_name_that_is_too_long_stays_in_one_piece() -> None:
    assert wrapped(f"see {DN} there", "  ", 40) == ["  see", f"  {DN}", "  there"]
    first, *_ = hung("bad  ", DN, 40)
    assert first == f"bad  {DN}"


def test_where_nothing_is_wrapped_a_line_is_a_line() -> None:
    assert list(hung("ok  ", "word " * 100 + "end", ENDLESS)) == [f"ok  {'word ' * 100}end"]
    assert list(hung("ok  ", "", ENDLESS)) == ["ok"]


def test_a_line_that_is_laid_out_is_folded_only_where_it_is_too_long() -> None:
    line = "    <- service cn=ssh,dc=test puppetClass"
    assert folded(line, 60) == folded(line, ENDLESS) == [line]
    assert folded(line, 40) == ["    <- service cn=ssh,dc=test", "          puppetClass"]
