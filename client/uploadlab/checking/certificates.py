"""The certificate of the scripted server, made for one check."""

import ssl
from pathlib import Path
from types import TracebackType

NO_CERTIFICATES = "trustme, which makes certificates, is not installed: ./scripts/install clients adds it"


class Certificates:
    """An authority in a folder, and a certificate of it for this host."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "client-authority.pem"
        """What clients check the server's certificate with."""
        self.problem = ""
        """Why there is none."""
        self._own = folder / "client-certificate.pem"

    def __enter__(self) -> "Certificates":
        try:
            import trustme  # installed with the clients
        except ModuleNotFoundError:
            self.problem = NO_CERTIFICATES
            return self
        made = trustme.CA()
        made.cert_pem.write_to_path(self.authority)
        made.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self._own)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(self._own)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._own.unlink(missing_ok=True)
        self.authority.unlink(missing_ok=True)

    def context(self) -> ssl.SSLContext:
        """Return what a server speaks TLS with."""
        return self._context
