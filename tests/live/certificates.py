"""A CA of one's own and servers' certificates, good and bad, for tests of TLS."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from tests.live.slapd import TLSFiles


class Certificates:
    """Writes PEM files below `folder`; `ca` is what a client trusts, `other_ca` what has signed nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.ca, self.other_ca = folder / "ca.pem", folder / "other.pem"
        self._ca.cert_pem.write_to_path(self.ca)
        trustme.CA().cert_pem.write_to_path(self.other_ca)

    def issue(self, *names: str, expired: bool = False) -> TLSFiles:
        """A server's certificate for these host names or addresses."""
        end = datetime.now(UTC) + timedelta(days=-1 if expired else 1)
        leaf = self._ca.issue_cert(*names, not_before=end - timedelta(days=30), not_after=end)
        stem = self._folder / f"{'expired-' if expired else ''}{names[0]}"
        certificate, key = stem.with_suffix(".crt"), stem.with_suffix(".key")
        certificate.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(key)
        return TLSFiles(ca=self.ca, certificate=certificate, key=key)
