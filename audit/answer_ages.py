"""The age of answers: how many rest on a source that has not been read for too long."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from audit.sources import Reading, readings
from audit.verdict import Judged, Verdict
from audit.view import Group, View
from audit.words import counted, when
from facts.source import SourceKey


def groups(view: View) -> Iterator[Group]:
    """A group for each source that answers rest on and that is late, and one for all that are not."""
    read = [reading for reading in readings(view) if reading.key.kind not in {"facts", "code"}]
    late = [reading for reading in read if reading.status != "ok"]
    if view.situation.now.estate is None:
        return
    keys = tuple([reading.key for reading in read])
    yield Group("answers", (not late, keys), partial(_all, keys, fresh=not late))
    resting = _resting(view) if late else Counter()
    for reading in late:
        directory, target = reading.key.kind == "directory", reading.key.target
        affected = resting.total() if directory else resting[target]
        yield Group(f"answers {reading.key.kind} {target}", (reading, affected), partial(_old, reading, affected))


def _resting(view: View) -> Counter[str]:
    """How many answers rest on each hypervisor, that of the guest itself; those of other hosts stand under ""."""
    hosts = (host for host in view.pictures.by_host.values() if host.answered)
    return Counter(host.node.placement.hypervisor or "" for host in hosts)


def _all(keys: tuple[SourceKey, ...], *, fresh: bool) -> Judged:
    if not fresh:
        return Judged()
    sentence = "all answers rest on sources that are read"
    verdict = Verdict(
        check="enc", code="answers", subject="answers", site="", status="ok", sentence=sentence, sources=keys
    )
    return Judged((verdict,))


def _old(reading: Reading, affected: int) -> Judged:
    target = reading.key.target
    rest = "rests" if affected == 1 else "rest"
    read = f"was last read {when(reading.read_at)}" if reading.read_at else "was never read"
    sentence = (
        f"{counted(affected, 'answer')} {rest} on {target}, which {read}: Puppet goes on with what was known then; "
        f"see what the check sources says of {target}"
    )
    verdict = Verdict(
        check="enc",
        code="answers_old",
        subject=f"answers from {target}",
        site=reading.site,
        status=reading.status,
        sentence=sentence,
        sources=(reading.key,),
    )
    return Judged((verdict,))
