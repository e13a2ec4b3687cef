"""Certificates for TLS, made by the openssl command as an operator would."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """Files in PEM."""

    path: Path
    key: Path

    @property
    def for_curl(self) -> tuple[str, ...]:
        return "--cert", str(self.path), "--key", str(self.key)


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.path, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        openssl("req", "-x509", *NEW_KEY, "-keyout", self._key, "-out", self.path, "-subj", f"/CN={name}", "-days", "9")

    def issue(self, name: str, purpose: str, serial: int = 1, days: int = 9) -> Certificate:
        """A certificate for localhost, whose time is over if `days` is negative."""
        stem = f"{self.name}-{name}"
        made = Certificate(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        asked, extensions = self.folder / f"{stem}.csr", self.folder / f"{stem}.ext"
        extensions.write_text(f"subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage={purpose}\n")
        openssl("req", *NEW_KEY, "-keyout", made.key, "-out", asked, "-subj", f"/CN={name}")
        signed = ("-CA", self.path, "-CAkey", self._key, "-extfile", extensions)
        openssl("x509", "-req", "-in", asked, "-out", made.path, *signed, "-set_serial", serial, "-days", days)
        return made

    def trusted(self, client: Certificate | None = None) -> ssl.SSLContext:
        """What a client needs that trusts this authority, and shows a certificate if it is given one."""
        context = ssl.create_default_context(cafile=str(self.path))
        if client:
            context.load_cert_chain(client.path, client.key)
        return context


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(*arguments: object, stdin: bytes = b"", check: bool = True) -> subprocess.CompletedProcess[bytes]:
    command = ["openssl", *map(str, arguments)]
    run = subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)
    assert run.returncode == 0 or not check, f"{command}: {run.stderr.decode()}"
    return run
