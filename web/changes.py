"""`POST /preview`, `POST /approve/NUMBER`, `GET /held` and `GET /findings`: what administrators ask before and after
a change.
"""

from flask import Blueprint, Response, request

from errors import LdifError
from generation.builder import Builder
from generation.changes import held_differences, preview_ldif
from web.access import Access, allowed
from web.bodies import Approved, Findings, HeldNodes, Holding, Preview
from web.replies import refuse, reply


def blueprint(builder: Builder, access: Access) -> Blueprint:
    """The routes of changes; for administrators, findings for Puppet servers too."""
    routes = Blueprint("changes", __name__)

    def preview() -> Response:
        try:
            differences = preview_ldif(builder.now, builder.rules, builder.settings, request.get_data().decode("utf-8"))
        except (LdifError, UnicodeDecodeError) as error:
            return refuse(400, f"the LDIF cannot be applied: {error}")
        if differences is None:
            return refuse(503, "the directory has not been read yet: ask again")
        return reply(Preview(differences))

    def approve(number: int) -> Response:
        try:
            released = builder.approve(number)
        except TimeoutError:
            return refuse(503, "the builder is busy, or another instance builds: see /health/ready, then ask again")
        if released is None:
            hold = builder.now.generation.hold
            held = f"held is {hold.number}: review that" if hold else "nothing is held"
            return refuse(409, f"generation {number} is not held; {held}")
        return reply(Approved(released.number, len(released.answers)))

    def held() -> Response:
        generation = builder.now.generation
        hold = generation.hold
        if hold is None:
            return reply(Holding(None))
        nodes = held_differences(generation)
        return reply(Holding(HeldNodes(hold.number, hold.since, hold.reasons, nodes)))

    def findings() -> Response:
        return reply(Findings(builder.now.findings()))

    routes.add_url_rule("/preview", view_func=allowed(access.administrator, preview), methods=["POST"])
    routes.add_url_rule("/approve/<int:number>", view_func=allowed(access.administrator, approve), methods=["POST"])
    routes.add_url_rule("/held", view_func=allowed(access.reader, held))
    routes.add_url_rule("/findings", view_func=allowed(access.reader, findings))
    return routes
