"""Whatever the directory and the hypervisors say, Ruby's YAML reads each answer as it was meant."""

import json

import hypothesis
import pytest
from hypothesis import given

from tests.enc.estates import CASES, Case
from tests.live.ruby import JRUBY, RUBY, YamlReader, exactly


@pytest.mark.parametrize("command", [RUBY, JRUBY], ids=["ruby", "jruby"])
def test_any_estates_answers_are_read_as_they_are_written(command: tuple[str, ...]) -> None:
    """Each node has an answer that Ruby reads back identically, or a finding that says why it has none."""
    written: list[bytes] = []

    @hypothesis.settings(max_examples=150, deadline=None)
    @given(CASES)
    def gather(case: Case) -> None:
        for result in case.answers(case.joined()).values():
            if result.answer is None:
                assert any(finding.holds for finding in result.findings)
            else:
                written.extend((result.answer.body, result.answer.parameters))

    gather()
    assert len(written) > 100
    with YamlReader(command) as reader:
        for document, read in zip(written, reader.read(written), strict=True):
            assert exactly(read) == exactly(json.loads(document))
