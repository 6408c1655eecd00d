"""Limits that platforms publish, and what is seen of them."""

import pytest
from uploadlab.doctoring.platforms import KINDS_OF_LIMIT, UNITS, load_limits, platform_matches
from uploadlab.units import MIB


def platforms(kind: str, value: float) -> list[str]:
    return [match.partition(":")[0] for match in platform_matches(kind, value)]


@pytest.mark.parametrize(
    ("kind", "value", "platform"),
    [
        ("size", 101e6, "Cloudflare, Free and Pro plan"),
        ("size", 100 * MIB + 1, "Cloudflare, Free and Pro plan"),
        ("size", 32 * MIB + 65536, "Google Cloud Run over HTTP/1"),
        ("size", 4.6e6, "Vercel functions"),
        ("size", MIB + 1, "Kubernetes ingress-nginx, by default"),
        ("silence", 60.4, "AWS Application Load Balancer, by default"),
        ("answer", 30.2, "Heroku"),
        ("answer", 231.0, "Azure App Service"),
    ],
)
def test_a_limit_is_recognized_by_what_is_seen_of_it(kind: str, value: float, platform: str) -> None:
    assert platform in platforms(kind, value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("size", 99e6), ("size", 17 * MIB), ("size", 0), ("silence", 4.1), ("silence", 58.0), ("answer", 25.0)],
)
def test_no_limit_is_near(kind: str, value: float) -> None:
    assert platform_matches(kind, value) == []


def test_a_match_has_the_limit_and_its_page() -> None:
    assert "Vercel functions: 4.5 MB (https://vercel.com/docs/errors/FUNCTION_PAYLOAD_TOO_LARGE)" in (
        platform_matches("size", 4.5 * MIB)
    )


def test_an_unknown_kind_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no limits of 'speed'; it has size, silence"):
        platform_matches("speed", 1.0)


def test_every_limit_is_complete() -> None:
    for limit in load_limits():
        assert limit.kind in KINDS_OF_LIMIT
        assert limit.unit in UNITS
        assert (limit.unit == "s") is (limit.kind != "size")
        assert limit.source.startswith("https://")
        assert limit.value > 0
