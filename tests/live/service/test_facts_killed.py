"""Sudden ends while nodes deliver their facts: what was acknowledged is there after each of them."""

import http.client
import json
import random
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.live.service.estate import MACHINES, NODES, SmallEstate
from tests.live.service.running import Service
from tests.live.service.senders import Working
from tests.live.service.test_reports_killed import the_worker
from tests.waiting import until

ENDS = 14
DELIVERING = MACHINES[:4]
RULES = "- {name: none, when: {facts.serial: -1}, variables: {never: given}}\n"
"""It asks for a fact, so that `/enc/CERTNAME/why` shows it."""


class Deliveries(Working):
    """Nodes that deliver their facts again and again until nothing is answered: each time with a greater `serial`."""

    def __init__(self, service: Service) -> None:
        super().__init__(partial(self._deliver, one) for one in DELIVERING)
        self._service = service
        self.sent, self.acknowledged = dict.fromkeys(DELIVERING, 0), dict.fromkeys(DELIVERING, 0)

    def _deliver(self, certname: str) -> None:
        while not self.ended.is_set():
            self.sent[certname] += 1
            status = self._put(certname, self.sent[certname])
            if status == 204:
                self.acknowledged[certname] = self.sent[certname]
            if status == 0:
                return

    def _put(self, certname: str, serial: int) -> int:
        facts = {"serial": serial, "os": {"family": "Debian"}, "long": "a" * 30_000}
        try:
            return self._service.ask("PUT", f"/facts/{certname}", json.dumps(facts).encode()).status
        except (OSError, http.client.HTTPException):
            return 0


@pytest.fixture
def service(estate: SmallEstate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    rules = tmp_path_factory.mktemp("rules") / "rules.yaml"
    rules.write_text(RULES)
    with Service({**estate.settings(), "rules": str(rules)}) as running:
        until(lambda: running.ready["nodes"] == len(NODES), 20, "every node's answer")
        yield running


def serial(service: Service, certname: str) -> int:
    """The fact as the service knows it; 0 where it knows none."""
    reply = service.get(f"/enc/{certname}/why")
    return int(reply.json["enclume"]["facts"].get("serial", 0)) if reply.status == 200 else 0


def test_facts_that_were_acknowledged_outlive_sudden_ends(service: Service) -> None:
    deliveries = Deliveries(service)
    for turn in range(ENDS):
        before = sum(deliveries.acknowledged.values())
        with deliveries:
            until(lambda before=before: sum(deliveries.acknowledged.values()) > before, 20, "facts to be taken")  # type: ignore[misc]
            instant = time.monotonic() + random.uniform(0, 0.4)
            until(lambda instant=instant: time.monotonic() > instant, what="a random instant")  # type: ignore[misc]
            if turn % 2:
                the_worker(service)
            else:
                service.kill()
        if turn % 2 == 0:
            service.start()
        service.wait_ready()
        for name, least in deliveries.acknowledged.items():
            until(lambda name=name, least=least: serial(service, name) >= least, 10, f"{least} of {name}")  # type: ignore[misc]
            assert serial(service, name) <= deliveries.sent[name]
    assert min(deliveries.acknowledged.values()) > ENDS
    assert [one for one in service.ready["problems"] if "facts" in one] == []
