"""How to upload to a server of the user's own, as far as it may be stored: no value of a header is here."""

from typing import NamedTuple

from msgspec import Struct

SUCCESS_FIRST, SUCCESS_LAST = 200, 299
DEFAULT_MOST_BYTES = 10**9
"""To each server without the lab's routes, unless ``--max-bytes`` says otherwise."""


class StatusRange(NamedTuple):
    """HTTP statuses from the first to the last, both included."""

    first: int
    last: int

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        is_class = self.first % 100 == 0 and self.last == self.first + 99
        return f"{self.first // 100}xx" if is_class else f"{self.first}-{self.last}"


ANY_SUCCESS = StatusRange(SUCCESS_FIRST, SUCCESS_LAST)
"""Success where only the answer's JSON or text was named."""


class TargetSpec(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a server of the user's own needs, what it answers on success, and where its copy can be read.

    Without a rule for success the server has the lab's routes, and only needs headers or a certificate.
    Values of headers, cookies and form fields are secrets: ``private_urls`` keeps them, this has their names.
    """

    expect_status: list[StatusRange] = []
    expect_json: dict[str, str] = {}
    """Values that the answer's JSON must have, by their paths: ``{"result.ok": "true"}``."""
    expect_text: str = ""
    """A regular expression that must occur in the answer's body."""
    request_method: str = ""
    """The request's method; empty: POST."""
    field: str = ""
    """The form's field for the file; empty: ``file``."""
    form: list[str] = []
    """Names of further form fields."""
    headers: list[str] = []
    """Names of headers that each request has."""
    cookies: list[str] = []
    """Names of cookies that each request has."""
    ca_file: str = ""
    """A file of certificates of authorities that are trusted, in PEM; empty: the usual ones."""
    insecure: bool = False
    """Whether the server's certificate is not checked."""
    stored_url: str = ""
    """Where an upload can be read back; ``{id}`` and the like are filled in from the upload's answer."""
    stored_json: dict[str, str] = {}
    """Paths of size and digests in the JSON that is read back, by kind: ``size``, ``sha256``, ``md5``."""
    stored_dir: str = ""
    """The folder of this host that the server stores uploads in."""
    cleanup_url: str = ""
    """Where an upload is removed, by DELETE; filled in like ``stored_url``."""
    clean_up: bool = False
    """Whether an upload is removed where it was read back."""
    only_plain: bool = False
    """Whether forms make no sense: an app of the user's own takes them if its ``--form FIELD`` is named."""
    max_bytes: int = 0
    """The most that is sent to each target, in all; 0: no limit."""

    @property
    def is_foreign(self) -> bool:
        """Whether the URL takes uploads as it is, and has none of the lab's routes."""
        return bool(self.expect_status or self.expect_json or self.expect_text)

    @property
    def reads_back(self) -> bool:
        """Whether it is known where the server's copy can be looked at."""
        return bool(self.stored_url or self.stored_json or self.stored_dir)

    @property
    def removes(self) -> bool:
        """Whether uploads are removed from the server."""
        return self.clean_up or bool(self.cleanup_url)

    @property
    def statuses(self) -> list[StatusRange]:
        """The statuses of a success."""
        return self.expect_status or [ANY_SUCCESS]

    @property
    def only_forms(self) -> bool:
        """Whether the user has described a form, so that plain bodies make no sense."""
        return bool(self.field or self.form)

    def takes(self, form: bool) -> bool:
        """Return whether a form, or a plain body, makes sense there."""
        return not self.only_plain if form else not self.only_forms

    @property
    def host_paths(self) -> list[str]:
        """Return the paths that only this host has."""
        return [path for path in (self.ca_file, self.stored_dir) if path]

    @property
    def secret_names(self) -> list[str]:
        """Return the options whose values are not stored, as a user types their beginning."""
        return [
            *(f"--header '{name}: ...'" for name in self.headers),
            *(f"--cookie {name}=..." for name in self.cookies),
            *(f"--form {name}=..." for name in self.form),
        ]
