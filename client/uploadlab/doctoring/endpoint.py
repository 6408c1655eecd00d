"""What the doctor asks: the user's endpoint and, beside it, the far end."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from uploadlab import __version__
from uploadlab.catalogue.attempts import Attempt, Content, form, noise, raw
from uploadlab.checking.foreign import adapted
from uploadlab.model.deployments import Target
from uploadlab.model.targets import TargetSpec
from uploadlab.private_urls import Private, keep, private_parts
from uploadlab.sending.foreign import file_name, named

TOKEN_HEADER = "X-Upload-Lab-Token"  # noqa: S105  the header's name
AGENT = "User-Agent"
NO_SUCH = "/upload-lab-no-such-page"
"""Below the endpoint: a path that no app has, so that its answer comes from whatever looks at paths first."""


class Endpoint(NamedTuple):
    """Where uploads go, and what they are like."""

    url: str
    """Without its private parts."""
    spec: TargetSpec
    as_form: bool = False
    is_far_end: bool = False

    @property
    def address(self) -> SplitResult:
        """The URL in parts."""
        return urlsplit(self.url)

    def upload(self, size_bytes: int | Content, as_form: bool | None = None, **more: Any) -> "Upload":
        """Return an upload of that many bytes under a name of its own, as this endpoint takes uploads."""
        file = noise(size_bytes) if isinstance(size_bytes, int) else size_bytes
        name = file_name()
        made = form(file, **more) if (self.as_form if as_form is None else as_form) else raw(file, **more)
        if self.is_far_end:
            made = made._replace(verb="POST")
        else:
            made = adapted(made, Target("doctor", self.url, "own"), self.spec, name)
        headers = (*made.headers, *(() if self.has_agent else (f"{AGENT}: {agent()}",)))
        return Upload(self, made._replace(headers=headers, closes=True), name)

    @property
    def has_agent(self) -> bool:
        """Whether the user has named a User-Agent."""
        return any(name.lower() == AGENT.lower() for name in private_parts(self.url).headers)


class Upload(NamedTuple):
    """An upload to an endpoint: what is sent, and the name that its file has there."""

    endpoint: Endpoint
    attempt: Attempt
    name: str

    @property
    def address(self) -> SplitResult:
        """Where it goes."""
        return urlsplit(named(self.endpoint.url, self.name))

    def changed(self, **changes: Any) -> "Upload":
        """Return the upload with other values of the attempt."""
        return self._replace(attempt=self.attempt._replace(**changes))


def agent() -> str:
    """Return how the doctor names itself to servers."""
    return f"upload-lab-doctor/{__version__}"


def far_end_of(endpoint: Endpoint, path: str, token: str) -> Endpoint:
    """Return the far end at a path of the same host; its requests have the token."""
    url = urlunsplit((endpoint.address.scheme, endpoint.address.netloc, path, "", ""))
    theirs = private_parts(endpoint.url)
    keep(url, Private(
        login=theirs.login, headers={**theirs.headers, TOKEN_HEADER: token},
        ca_file=theirs.ca_file, insecure=theirs.insecure,
    ))  # fmt: skip
    return Endpoint(url, TargetSpec(expect_status=endpoint.spec.expect_status), is_far_end=True)


def below(endpoint: Endpoint, path: str) -> SplitResult:
    """Return an address below an endpoint's; its requests have the endpoint's headers."""
    return urlsplit(endpoint.url.replace("{name}", "x") + path)


def asking(address: SplitResult, values: Mapping[str, object]) -> SplitResult:
    """Return the address with a query."""
    return address._replace(query="&".join(f"{name}={value}" for name, value in values.items()))
