"""Puppet's own certificate authority, made offline by `puppetserver ca setup`; it signs whoever takes part.

The CA is a pair, as Puppet Server 6 and later make it: a root, and below it the one that signs.
"""

import datetime as dt
import ipaddress
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

LIFE = dt.timedelta(days=30)


class Identity(Struct, frozen=True):
    """PEM files of one party: certificate, key (root and group puppet may read it), and the CA's chain and CRLs."""

    cert: Path
    key: Path
    ca: Path
    crl: Path


class PuppetCA:
    """The CA of a Puppet Server: `ca_dir` as the server has it, identities below `folder`.

    `own` is the server's own identity (certname localhost, also 127.0.0.1), made with the CA.
    """

    def __init__(self, folder: Path, puppet_conf: Path, ca_dir: Path, ssl_dir: Path) -> None:
        self.folder, self.ca_dir = folder, ca_dir
        folder.mkdir()
        run = ("puppetserver", "ca", "setup", "--config", str(puppet_conf))
        subprocess.run([*run, "--subject-alt-names", "localhost,IP:127.0.0.1"], check=True, stdout=subprocess.DEVNULL)
        self.chain, self.crl = ca_dir / "ca_crt.pem", ca_dir / "ca_crl.pem"
        self.own = Identity(
            ssl_dir / "certs/localhost.pem", ssl_dir / "private_keys/localhost.pem", self.chain, ssl_dir / "crl.pem"
        )

    def issue(
        self, name: str, alt_names: Sequence[str] = ("localhost", "127.0.0.1"), life: dt.timedelta = LIFE
    ) -> Identity:
        """An identity for certname `name`, for servers and clients; a negative `life` makes an expired one."""
        cert, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        cert.write_bytes(
            self._sign(name, private.public_key(), alt_names, life).public_bytes(serialization.Encoding.PEM)
        )
        key.touch(0o640)
        key.write_bytes(
            private.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        )
        for path in (cert, key):
            shutil.chown(path, group="puppet")
        return Identity(cert, key, self.chain, self.crl)

    def revoke(self, identity: Identity) -> None:
        """Add a certificate to the CA's CRL, and hand the CRL to the server's own ssl folder as its watcher does."""
        end = b"-----END X509 CRL-----\n"
        mine_pem, others = self.crl.read_bytes().split(end, 1)
        mine = x509.load_pem_x509_crl(mine_pem + end)
        serial = x509.load_pem_x509_certificate(identity.cert.read_bytes()).serial_number
        now = dt.datetime.now(dt.UTC)
        number = mine.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
        authority = mine.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        builder = x509.CertificateRevocationListBuilder(mine.issuer, now, now + LIFE, revoked_certificates=list(mine))
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder(serial, now).build())
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
        crl = builder.add_extension(authority, critical=False).sign(self._key(), hashes.SHA256())
        pem = crl.public_bytes(serialization.Encoding.PEM) + others
        for path in (self.crl, self.own.crl):
            replaced = path.with_suffix(".new")
            replaced.write_bytes(pem)
            shutil.copystat(path, replaced)
            os.chown(replaced, path.stat().st_uid, path.stat().st_gid)
            replaced.replace(path)

    def _sign(
        self, name: str, public: rsa.RSAPublicKey, alt_names: Sequence[str], life: dt.timedelta
    ) -> x509.Certificate:
        issuer = x509.load_pem_x509_certificate(self.chain.read_bytes())
        now = dt.datetime.now(dt.UTC)
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        names = x509.SubjectAlternativeName([_general_name(alternative) for alternative in (name, *alt_names)])
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer.subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(min(now, now + life) - dt.timedelta(days=1))
            .not_valid_after(now + life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(uses, critical=True)
            .add_extension(names, critical=False)
            .sign(self._key(), hashes.SHA256())
        )

    def _key(self) -> rsa.RSAPrivateKey:
        key = serialization.load_pem_private_key((self.ca_dir / "ca_key.pem").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
