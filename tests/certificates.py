"""Certificates for servers of tests: an authority of their own, and what it issues, right or wrong in one way."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Issues certificates; its own is in `file`, as PEM."""

    def __init__(self, directory: Path, name: str = "Authority of tests") -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = directory / f"{name.replace(' ', '-')}.pem"
        made = self._built(self.name, self.key, DAY * 100, -DAY)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        usage = {name: name == "key_cert_sign" for name in KEY_USAGE}
        self.cert = made.add_extension(x509.KeyUsage(**usage), critical=True).sign(self.key, hashes.SHA256())
        self.file.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))

    def issue(self, *hosts: str, lasts: timedelta = DAY * 90, since: timedelta = -DAY * 2) -> Path:
        """A file with the certificate of a server with these names or addresses, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._built(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])]), key, lasts, since)
        names = [x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host) for host in hosts]
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        own = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        cert = made.add_extension(own, critical=False).sign(self.key, hashes.SHA256())
        file = self.directory / f"{cert.serial_number}.pem"
        pem = cert.public_bytes(serialization.Encoding.PEM)
        form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        file.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *form))
        return file

    def _built(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta, since: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder().subject_name(name).issuer_name(self.name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(now + since).not_valid_after(now + lasts)


KEY_USAGE = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def serving(file: Path) -> ssl.SSLContext:
    """What a server shows that certificate with."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
