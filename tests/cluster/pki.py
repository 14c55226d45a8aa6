"""Make certificates: one authority for the API server, and one for every stand-in control plane."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority with a self-signed root."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._root = _build(self._name, self._name, self._key.public_key(), ca=True).sign(self._key, hashes.SHA256())
        #: The root in the format of a `caBundle`.
        self.pem = self._root.public_bytes(serialization.Encoding.PEM)

    def issue(self, folder: Path, stem: str, *names: str) -> tuple[Path, Path]:
        """Write a server certificate for names and addresses, and its key; return both paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        others = x509.SubjectAlternativeName([_alternative(name) for name in names])
        built = _build(_named(names[0]), self._name, key.public_key(), ca=False).add_extension(others, critical=False)
        certificate = built.sign(self._key, hashes.SHA256())
        return (
            _written(folder / f"{stem}.crt", certificate.public_bytes(serialization.Encoding.PEM)),
            _written(folder / f"{stem}.key", _private(key)),
        )

    def cacerts(self) -> dict[str, bytes]:
        """Return what the Secret `cacerts` of a control plane with this authority contains, with a revocation list."""
        now = dt.datetime.now(dt.timezone.utc)
        built = x509.CertificateRevocationListBuilder(
            issuer_name=self._name, last_update=now - _DAY, next_update=now + _DAY
        )
        revoked = built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        names = ("ca-cert.pem", "cert-chain.pem", "root-cert.pem")
        return dict.fromkeys(names, self.pem) | {"ca-key.pem": _private(self._key), "ca-crl.pem": revoked}

    def context(self, folder: Path, stem: str, *names: str) -> ssl.SSLContext:
        """Return what a server with these names needs for TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(folder, stem, *names))
        return context


def signing_key(folder: Path) -> Path:
    """Write the key that ServiceAccount tokens are signed with."""
    return _written(folder / "tokens.key", _private(ec.generate_private_key(ec.SECP256R1())))


def _build(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    built = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key,
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _DAY,
        not_valid_after=now + _DAY,
    ).add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    return (
        built if ca else built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path
