"""How long certificates and revocation lists are good for, as read from PEM files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from commands.certificates import validities
from commands.doctor_time import certificates
from errors import SettingsError
from settings import TLSSettings

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "enclume.lab.test")])
KEY = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.now(UTC).replace(microsecond=0)


def certificate(begins: datetime, ends: datetime) -> str:
    made = x509.CertificateBuilder(NAME, NAME, KEY.public_key(), x509.random_serial_number(), begins, ends)
    return made.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def revocation_list(begins: datetime, ends: datetime) -> str:
    made = x509.CertificateRevocationListBuilder(NAME, begins, ends)
    return made.sign(KEY, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.fixture
def tls(tmp_path: Path) -> TLSSettings:
    day = timedelta(days=1)
    key = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return TLSSettings(
        certificate=written(tmp_path / "cert.pem", certificate(NOW - day, NOW + 90 * day)),
        key=written(tmp_path / "key.pem", key),
        ca=written(tmp_path / "ca.pem", certificate(NOW - day, NOW + 900 * day)),
        crl=written(tmp_path / "crl.pem", revocation_list(NOW - day, NOW + 60 * day)),
    )


def levels(tls: TLSSettings) -> list[tuple[str, str]]:
    return [(check.level, check.sentence) for check in certificates(tls)]


@pytest.mark.parametrize("ends", [NOW + timedelta(days=5), datetime(2077, 5, 5, tzinfo=UTC)])
def test_the_times_of_certificates_and_lists_are_read(tmp_path: Path, ends: datetime) -> None:
    """Beyond 2049 a time is written in another type."""
    begins = NOW - timedelta(days=3)
    text = f"Subject: somebody\n{certificate(begins, ends)}\n{revocation_list(begins, ends)}"
    found = validities(written(tmp_path / "file.pem", text))
    assert [(one.begins, one.ends) for one in found] == [(begins, ends), (begins, ends)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected at least one certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read"),
        ("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----", "cannot be read"),
    ],
)
def test_what_is_no_certificate_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        validities(written(tmp_path / "file.pem", text))
    with pytest.raises(SettingsError, match="No such file"):
        validities(str(tmp_path / "none.pem"))


def test_certificates_that_are_good_are_well(tls: TLSSettings) -> None:
    assert [level for level, _ in levels(tls)] == ["ok"] * 4


def test_each_kind_of_trouble_is_told_with_what_to_do(tls: TLSSettings) -> None:
    day = timedelta(days=1)
    Path(tls.certificate).write_text(certificate(NOW - 9 * day, NOW - day))
    Path(tls.ca).write_text(certificate(NOW + day, NOW + 9 * day))
    Path(tls.crl or "").write_text(revocation_list(NOW - day, NOW + 9 * day))
    _, expired, early, soon = levels(tls)
    assert expired[0] == "bad"
    assert "ended" in expired[1]
    assert "renew it" in expired[1]
    assert early[0] == "bad"
    assert "not valid yet" in early[1]
    assert soon[0] == "warn"
    assert "ends" in soon[1]


def test_a_key_of_another_certificate_is_told(tls: TLSSettings) -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    Path(tls.key).write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert levels(tls)[0][0] == "bad"
    assert "does not go with" in levels(tls)[0][1]
