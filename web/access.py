"""Access: who may ask for what, by the name in the client's certificate.

A node may ask for its own answer. A Puppet server (`access.servers`) may ask for all nodes and deliver the reports of
all; an administrator (`access.administrators`) may ask for all, preview and approve; this service's own certificate,
which the commands on its machine use, may do all of that. The machines of Prometheus and Icinga (`access.monitoring`)
may read metrics, targets and verdicts, and neither an answer nor a run, in whose log lines of a file may stand. Without
TLS the service listens on loopback only, and whoever reaches it there may do everything.
"""

from collections.abc import Callable
from typing import Any

from flask import Response, request

from settings import Settings
from web.peer import certificate_name, peer_name
from web.replies import refuse


class Access:
    """What the settings allow."""

    def __init__(self, settings: Settings) -> None:
        self._open = settings.tls is None
        own = () if settings.tls is None else (certificate_name(settings.tls.certificate),)
        self._servers = frozenset((*settings.access.servers, *own))
        self._administrators = frozenset((*settings.access.administrators, *own))
        self._readers = self._administrators | frozenset(settings.access.servers)
        self._monitors = self._readers | frozenset(settings.access.monitoring)

    def node(self, certname: str) -> Response | None:
        """None when the client may ask for this node's answer, else the refusal."""
        return self._of_all(certname, "ask")

    def own(self, certname: str) -> Response | None:
        """None when the client is this node itself, else the refusal."""
        peer = peer_name(request.environ)
        if self._open or peer == certname:
            return None
        return refuse(403, f"{peer} may speak for {peer} only")

    def server(self) -> Response | None:
        """None when the client may deliver what Puppet servers deliver for all nodes, else the refusal."""
        return self._within(self._servers, "access.servers")

    def speaker(self, certname: str) -> Response | None:
        """None when the client is this node itself, or may read about all nodes, else the refusal."""
        return self._of_all(certname, "speak")

    def _of_all(self, certname: str, what: str) -> Response | None:
        """None when the client is this node itself, or may do this for all nodes, else the refusal."""
        if self._open:
            return None
        peer = peer_name(request.environ)
        if peer == certname or peer in self._readers:
            return None
        return refuse(
            403, f"{peer} may {what} for {peer} only: name it in access.servers to let it {what} for all nodes"
        )

    def reader(self, certname: str | None = None) -> Response | None:
        """None when the client may read about all nodes, or is the one node that it asks about, else the refusal."""
        return self._within(self._readers, "access.servers or access.administrators", certname)

    def monitor(self, certname: str | None = None) -> Response | None:
        """None when the client may read metrics, targets and verdicts, or is the one node that it asks about, else the
        refusal.
        """
        return self._within(self._monitors, "access.monitoring", certname)

    def administrator(self) -> Response | None:
        """None when the client may preview and approve, else the refusal."""
        return self._within(self._administrators, "access.administrators")

    def _within(self, names: frozenset[str], key: str, certname: str | None = None) -> Response | None:
        if self._open:
            return None
        peer = peer_name(request.environ)
        if peer in names or (certname is not None and peer == certname):
            return None
        return refuse(403, f"{peer} may not ask this: name it in {key}")


def allowed(check: Callable[[], Response | None], view: Callable[..., Response]) -> Callable[..., Response]:
    """A view that refuses whoever the check refuses."""

    def guarded(**values: Any) -> Response:
        return check() or view(**values)

    guarded.__name__ = view.__name__
    return guarded
