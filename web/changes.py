"""What administrators ask before and after a change: `POST /preview`, `GET /held`, `POST /approve/NUMBER`, and
`GET /findings`.
"""

import threading

from flask import Blueprint, Response, request

from errors import LdifError
from generation.builder import Builder
from generation.changes import held_differences, preview_ldif
from web.access import Access, allowed
from web.bodies import Approved, Findings, HeldNodes, Holding, Preview
from web.replies import refuse, reply


def blueprint(builder: Builder, access: Access) -> Blueprint:
    """The routes of changes; for administrators, what is held and found for Puppet servers too."""
    routes, changes = Blueprint("changes", __name__), _Changes(builder)
    administrator, reader = access.administrator, access.reader
    routes.add_url_rule("/preview", view_func=allowed(administrator, changes.preview), methods=["POST"])
    routes.add_url_rule("/approve/<int:number>", view_func=allowed(administrator, changes.approve), methods=["POST"])
    routes.add_url_rule("/held", view_func=allowed(reader, changes.held))
    routes.add_url_rule("/findings", view_func=allowed(reader, changes.findings))
    return routes


class _Changes:
    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        # A preview computes as much as a build does: one at a time leaves the interpreter to the answers.
        self._one_preview = threading.Lock()

    def preview(self) -> Response:
        builder = self._builder
        try:
            with self._one_preview:
                text = request.get_data().decode("utf-8")
                previewed = preview_ldif(builder.now, builder.rules, builder.settings, text)
        except (LdifError, UnicodeDecodeError) as error:
            return refuse(400, f"the LDIF cannot be applied: {error}")
        if previewed is None:
            return refuse(503, "the directory has not been read yet: ask again")
        return reply(Preview.of(previewed))

    def approve(self, number: int) -> Response:
        try:
            released = self._builder.approve(number)
        except TimeoutError:
            return refuse(503, "the builder is busy, or another instance builds: see /health/ready, then ask again")
        if released is None:
            hold = self._builder.now.generation.hold
            held = f"held is {hold.number}: review that" if hold else "nothing is held"
            return refuse(409, f"generation {number} is not held; {held}")
        return reply(Approved(released.number, len(released.answers)))

    def held(self) -> Response:
        now = self._builder.now
        generation, hold = now.generation, now.generation.hold
        if hold is None:
            return reply(Holding(None))
        reasons, nodes = tuple(hold.reasons.values()), held_differences(generation, now.classification.sensitive)
        return reply(Holding(HeldNodes(hold.number, hold.since, reasons, nodes)))

    def findings(self) -> Response:
        return reply(Findings(self._builder.now.findings))
