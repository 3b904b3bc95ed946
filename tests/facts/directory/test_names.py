"""Distinguished names: every spelling of one name is one key, and what is no name is a ValueError."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.directory.names import below, normalise, parent

TYPES = st.sampled_from(["cn", "ou", "dc", "uid", "2.5.4.3"])
VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda text: bool(text.casefold().split())
)
NAMES = st.lists(st.lists(st.tuples(TYPES, VALUES), min_size=1, max_size=2), min_size=1, max_size=4)
SPECIAL = set('\\,+"<>;=# ')


def spelled(name: list[list[tuple[str, str]]], draw: st.DataObject) -> str:
    """One of the many ways to write a name."""
    return draw.draw(st.sampled_from([",", " , ", ",  "])).join(
        draw.draw(st.sampled_from(["+", " + "])).join(
            f"{draw.draw(st.sampled_from([kind, kind.upper()]))}"
            f"{draw.draw(st.sampled_from(['=', ' = ']))}{value_spelled(value, draw)}"
            for kind, value in draw.draw(st.permutations(rdn))
        )
        for rdn in name
    )


def value_spelled(value: str, draw: st.DataObject) -> str:
    return "".join(letter_spelled(letter, draw) for letter in value)


def letter_spelled(letter: str, draw: st.DataObject) -> str:
    in_hex = "".join(f"\\{byte:02X}" for byte in letter.encode())
    ways = [in_hex]
    if letter in SPECIAL:
        ways.append("\\" + letter)
    elif not letter.isspace():
        ways.append(letter)
    if letter in string.ascii_letters:
        ways.append(letter.swapcase())
    return draw.draw(st.sampled_from(ways))


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("cn=web01.lab.test,ou=hosts,dc=lab,dc=test", "cn=web01.lab.test,ou=hosts,dc=lab,dc=test"),
        ("CN=Web01.Lab.Test, OU=Hosts , DC=lab,dc=TEST", "cn=web01.lab.test,ou=hosts,dc=lab,dc=test"),
        ("cn = web01 ,dc = lab", "cn=web01,dc=lab"),
        ("ou=Salle  des   machines,dc=lab", "ou=salle des machines,dc=lab"),
        ("cn=J\\C3\\A9r\\C3\\B4me,dc=lab", "cn=jérôme,dc=lab"),
        ("cn=JÉRÔME,dc=lab", "cn=jérôme,dc=lab"),
        ("cn=Straße,dc=lab", "cn=strasse,dc=lab"),
        ("cn=a\\2Cb,dc=lab", "cn=a\\,b,dc=lab"),
        ("cn=a\\,b,dc=lab", "cn=a\\,b,dc=lab"),
        ("cn=a=b,dc=lab", "cn=a=b,dc=lab"),
        ("cn=a\\3Db,dc=lab", "cn=a=b,dc=lab"),
        ("cn=\\#1,dc=lab", "cn=#1,dc=lab"),
        ("cn=\\ a\\ ,dc=lab", "cn=a,dc=lab"),
        ("cn=back\\\\,dc=lab", "cn=back\\\\,dc=lab"),
        ("cn=back\\5C,dc=lab", "cn=back\\\\,dc=lab"),
        ("cn=a\\00b,dc=lab", "cn=a\x00b,dc=lab"),
        ("uid=x+cn=y,dc=lab", "cn=y+uid=x,dc=lab"),
        ("cn=a\\+b+uid=c,dc=lab", "cn=a\\+b+uid=c,dc=lab"),
        ("2.5.4.3=x,dc=lab", "2.5.4.3=x,dc=lab"),
        ("dc=lab", "dc=lab"),
    ],
)
def test_one_name_has_one_key(written: str, key: str) -> None:
    assert normalise(written) == key
    assert normalise(key) == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ",",
        "=",
        "web01",
        "cn",
        "cn=",
        "cn=,dc=lab",
        "cn=\\20,dc=lab",
        "=web01",
        "cn=web01,",
        ",cn=web01",
        "cn=web01,,dc=lab",
        "cn=web01;dc=lab",
        'cn="web01",dc=lab',
        "cn=a<b",
        "cn=a>b",
        "cn=web01\\",
        "cn=\\FF,dc=lab",
        "cn=\\C3,dc=lab",
        "1cn=x",
        "c n=x",
        "cn=x+",
    ],
)
def test_what_is_no_name_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normalise(text)


@given(st.text(max_size=40) | st.text("cn=a,\\+ \"<>;#C3\n\t'", max_size=30))
def test_any_text_is_a_name_or_a_value_error_and_a_key_is_its_own_key(text: str) -> None:
    try:
        key = normalise(text)
    except ValueError:
        return
    assert normalise(key) == key


@given(NAMES, st.data())
def test_all_spellings_of_a_name_are_one_key(name: list[list[tuple[str, str]]], draw: st.DataObject) -> None:
    assert normalise(spelled(name, draw)) == normalise(spelled(name, draw))


@given(NAMES, NAMES, st.data())
def test_names_of_other_values_have_other_keys(
    one: list[list[tuple[str, str]]], other: list[list[tuple[str, str]]], draw: st.DataObject
) -> None:
    def folded(name: list[list[tuple[str, str]]]) -> list[list[tuple[str, str]]]:
        return [sorted((kind, " ".join(value.casefold().split())) for kind, value in rdn) for rdn in name]

    same = folded(one) == folded(other)
    assert (normalise(spelled(one, draw)) == normalise(spelled(other, draw))) == same


@given(NAMES, st.data())
def test_a_name_stands_below_each_of_its_parents_and_below_nothing_else(
    name: list[list[tuple[str, str]]], draw: st.DataObject
) -> None:
    key = normalise(spelled(name, draw))
    above = key
    for length in range(len(name) - 1, -1, -1):
        assert below(key, above)
        above = parent(above)
        assert above == (normalise(spelled(name[-length:], draw)) if length else "")


@pytest.mark.parametrize(
    ("key", "above"),
    [
        ("cn=a,dc=lab", "dc=lab"),
        ("cn=a\\,b,dc=lab", "dc=lab"),
        ("cn=a\\\\,dc=lab", "dc=lab"),
        ("cn=a\\\\\\,b,dc=lab", "dc=lab"),
        ("dc=lab", ""),
        ("cn=a\\,dc=lab", ""),
    ],
)
def test_the_parent_is_what_stands_behind_the_first_comma_that_is_not_escaped(key: str, above: str) -> None:
    assert parent(key) == above


def test_a_name_that_ends_like_another_is_not_below_it() -> None:
    assert below("cn=a,dc=lab", "dc=lab")
    assert below("dc=lab", "dc=lab")
    assert not below("cn=a,dc=mylab", "dc=lab")
    assert not below("dc=lab", "cn=a,dc=lab")
    assert not below("cn=a\\,dc=lab", "dc=lab")


def test_a_long_name_is_read_quickly() -> None:
    """A value that many people may write must not cost a regular expression's worst case."""
    with pytest.raises(ValueError, match="no distinguished name"):
        normalise("cn=" + "a " * 3000 + '"')
    assert normalise("cn=" + "a " * 3000 + ",dc=lab").endswith("a,dc=lab")
