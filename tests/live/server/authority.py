"""A certificate authority as Puppet makes it: a root, below it the one that signs, and a revocation list of each."""

import datetime as dt
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from msgspec import Struct

PEM = serialization.Encoding.PEM
LIFE = dt.timedelta(days=2)


class Identity(Struct, frozen=True):
    """PEM files of one party, and its certificate's serial number."""

    certificate: Path
    key: Path
    serial: int


class Authority:
    """Writes `ca.pem` (both authorities), `crl.pem` (both lists) and identities below `folder`."""

    def __init__(self, folder: Path, key_size: int = 2048) -> None:
        self.folder, self._size = folder, key_size
        folder.mkdir(parents=True, exist_ok=True)
        self._root_key, self._key = self._make_key(), self._make_key()
        self._root_name, self._name = _named("Puppet Root CA"), _named("Puppet CA: puppet.example.org")
        root = self._sign_authority(self._root_name, self._root_key)
        signer = self._sign_authority(self._name, self._key)
        self.ca, self.crl = folder / "ca.pem", folder / "crl.pem"
        self.ca.write_bytes(signer.public_bytes(PEM) + root.public_bytes(PEM))
        self.revoke()

    def issue(
        self,
        name: str,
        life: dt.timedelta = LIFE,
        common_names: Sequence[str] | None = None,
        alt_names: Sequence[str] = (),
    ) -> Identity:
        """A certificate for host `name`, `alt_names` and 127.0.0.1; a negative `life` makes an expired one."""
        names = [x509.DNSName(one) for one in (name, *alt_names)]
        key = self._make_key()
        begin = dt.datetime.now(dt.UTC) - LIFE + min(life, dt.timedelta(0))
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_named(*([name] if common_names is None else common_names)))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(dt.datetime.now(dt.UTC) + life)
            .add_extension(
                x509.SubjectAlternativeName([*names, x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        found = Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key", certificate.serial_number)
        _replace(found.key, _private(key))
        _replace(found.certificate, certificate.public_bytes(PEM))
        return found

    def revoke(self, *identities: Identity) -> None:
        """Replace `crl.pem` by lists that revoke exactly these."""
        serials = [identity.serial for identity in identities]
        lists = [self._list(self._name, self._key, serials), self._list(self._root_name, self._root_key, [])]
        _replace(self.crl, b"".join(found.public_bytes(PEM) for found in lists))

    def _make_key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=self._size)

    def _sign_authority(self, name: x509.Name, key: rsa.RSAPrivateKey) -> x509.Certificate:
        begin = dt.datetime.now(dt.UTC) - 3 * LIFE
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._root_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + 9 * LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._root_key, hashes.SHA256())
        )

    @staticmethod
    def _list(name: x509.Name, key: rsa.RSAPrivateKey, serials: Sequence[int]) -> x509.CertificateRevocationList:
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now - LIFE).next_update(now + LIFE)
        )
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - LIFE).build()
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(key, hashes.SHA256())


def _named(*names: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])


def _private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())


def _replace(file: Path, content: bytes) -> None:
    """As Puppet does: the old file is there until the new one is."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_bytes(content)
    fresh.replace(file)
