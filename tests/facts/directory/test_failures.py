"""Each way in which an LDAP server can fail has a reason and a way out of its own."""

import ssl

import pytest

from facts.directory import failures

URI = "ldaps://ldap.lab.test"


def refused_certificate(code: int, words: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed")
    error.verify_code, error.verify_message = code, words
    return error


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (9, "not valid yet", "clocks"),
        (10, "has expired", "renew it"),
        (18, "unknown CA (self-signed certificate)", "directory.ca_file"),
        (20, "unknown CA", "directory.ca_file"),
        (62, "for another name", "directory.uri"),
        (64, "for another name", "directory.uri"),
        (23, "not accepted", "look at the certificate"),
    ],
)
def test_a_certificate(code: int, reason: str, advice: str) -> None:
    error = failures.tls(URI, refused_certificate(code, "self-signed certificate"))
    assert error.target == URI
    assert reason in error.reason
    assert advice in error.advice


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TLS failed"),
        (TimeoutError("timed out"), "did not answer within directory.deadline during the TLS handshake"),
        (ConnectionResetError(104, "reset"), "closed the connection"),
        (OSError(113, "No route to host"), "cannot be reached ([Errno 113] No route to host)"),
    ],
)
def test_a_handshake(error: OSError, reason: str) -> None:
    assert reason in failures.tls(URI, error).reason


@pytest.mark.parametrize("code", [3, 4, 7, 8, 11, 12, 13, 32, 34, 48, 49, 50, 51, 52, 53, 80, 9999])
def test_a_result_code(code: int) -> None:
    error = failures.result(URI, code, "words of the server")
    assert error.reason.startswith("the server ")
    assert error.reason.endswith("(words of the server)")
    assert error.advice


def test_the_first_known_cause_of_several_attempts_is_told() -> None:
    error = failures.network(URI, [OSError(101, "Network is unreachable"), ConnectionRefusedError(111, "refused")])
    assert error.reason == "the connection was refused"
