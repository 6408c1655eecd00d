"""Diagnoses made by hand: one fault, many faults, none, of configs, and from a server that misuses words."""

import msgspec
from uploadlab.model.diagnoses import Alternative, Confidence, Diagnosis, Finding, KnownCause, Weight
from uploadlab.model.exchanges import Arrived, Ending, Examination, Exchange, Framing, Stop, Stored, Wire

from .hostile_server import BAD

URL = "https://example.org/upload"
CAUSES = {
    cause.id: cause
    for cause in (
        KnownCause(
            id="nginx.client_max_body_size",
            effect="size",
            default="1m",
            says="nginx answers 413 to a body over client_max_body_size",
            fix="client_max_body_size 0;  # no limit; or the largest upload that you accept: 5g",
            where="http, server or location of nginx.conf",
            finding="findings.md#nginx-refuses-more-than-1-mb",
            source="https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size",
            checked="2026-11-27",
        ),
        KnownCause(
            id="uwsgi.chunked-input",
            effect="chunked",
            says="uWSGI does not set wsgi.input_terminated, so Flask takes a chunked body for an empty one",
            fix="from uwsgi_body import UwsgiBody\n\napp.wsgi_app = UwsgiBody(app.wsgi_app)\n",
            where="the app's module",
            finding="findings.md#lost-body-a-success-and-an-empty-file",
        ),
        KnownCause(
            id="app.MAX_CONTENT_LENGTH",
            effect="size",
            says="Flask answers 413 to a body over MAX_CONTENT_LENGTH",
            fix='app.config["MAX_CONTENT_LENGTH"] = None',
            where="the app",
        ),
        KnownCause(
            id="nginx.proxy_request_buffering",
            effect="buffering",
            default="on",
            says="nginx collects the whole body before it calls the app",
            fix="proxy_request_buffering off;\nproxy_http_version 1.1;",
            where="location",
        ),
        KnownCause(id="link.rate", effect="rate", says="the line itself is slow", fix=""),
    )
}


def exchange(question: str, **more: object) -> Exchange:
    """A request that was answered 201."""
    usual = {"status": 201, "seconds": 0.02, "sent_seconds": 0.01, "is_success": True, "began": 1.8e9}
    return msgspec.convert({"question": question, "path": "/upload", **usual, **more}, Exchange)


LIMITED = Finding(
    symptom="Bodies of more than 1 MiB are refused with 413",
    weight=Weight.PROBLEM,
    cause="nginx.client_max_body_size",
    confidence=Confidence.PROVEN,
    evidence=[
        "a POST of 1 MiB: 201; a POST that announced 1048577 bytes: 413 before any of them was sent",
        "the answer 413 has Server: nginx/1.22.1, and a page of nginx in it",
        "the far end was not called for it",
    ],
    others=[
        Alternative(
            cause="app.MAX_CONTENT_LENGTH", test="send 2 MB to the app's own port: a 413 there is the app's"
        )
    ],
    matches=["Cloudflare Free refuses more than 100 MB, https://developers.cloudflare.com/workers/limits"],
)
LOST = Finding(
    symptom="Bodies in chunks are stored empty, although the answer is 201",
    weight=Weight.LOSS,
    cause="uwsgi.chunked-input",
    confidence=Confidence.LIKELY,
    evidence=["64 KiB in chunks: 201, and 0 bytes stored", "64 KiB with a length: 201, and all stored"],
)
BUFFERED = Finding(
    symptom="The app gets an upload only when all of it has arrived",
    weight=Weight.NOTE,
    cause="nginx.proxy_request_buffering",
    confidence=Confidence.POSSIBLE,
    evidence=["the body took 5 s to send, and the app was called after its last byte"],
)
SLOW = Finding(
    symptom="Uploads are as slow as the line",
    weight=Weight.NOTE,
    cause="link.rate",
    confidence=Confidence.LIKELY,
    evidence=["1.2 MB/s by one connection, 1.2 MB/s by four"],
)
EXAMINATION = Examination(
    url=URL,
    started_at="2026-11-27T14:43:00.000+00:00",
    version="1.0",
    budget_bytes=100_000_000,
    budget_seconds=300,
    rungs=[5, 30, 60],
    wire=Wire(tls="TLSv1.3", versions=["HTTP/1.1", "HTTP/2"], window_bytes=65535, round_trip_seconds=0.0123),
    exchanges=[
        exchange("size", body_bytes=1 << 20, sent_bytes=1 << 20),
        exchange(
            "size", label="announced", body_bytes=1048577, status=413, is_success=False, sent_seconds=None
        ),
        exchange("chunked", framing=Framing.CHUNKED, body_bytes=9, sent_bytes=9, stored=Stored.NOTHING),
        exchange("silence", status=None, ending=Ending.RESET, error="connection reset", began=1.8e9 + 41),
    ],
    left=["upload-lab-0123456789ab.bin"],
)
FACTS = ["Bodies up to 1 MiB arrive whole", "One connection: 87 MB/s; four: 91 MB/s"]
ONE_FAULT = Diagnosis(
    subject=URL,
    hops=["nginx 1.22.1", "uWSGI"],
    findings=[LIMITED],
    facts=FACTS,
    unasked=["Whether HTTP/2 loses bodies: pip install h2, then ask again"],
    left=["upload-lab-0123456789ab.bin"],
)
FOUR_FAULTS = msgspec.structs.replace(ONE_FAULT, findings=[LOST, LIMITED, BUFFERED, SLOW])
HEALTHY = Diagnosis(subject=URL, hops=["gunicorn"], facts=FACTS)
UNUSABLE = Diagnosis(subject=URL, unasked=["everything: a POST of one byte was answered 405"])
UNUSABLE_EXAMINATION = msgspec.structs.replace(
    EXAMINATION, exchanges=[], left=[], stop=Stop.UNUSABLE, why="a POST of one byte was answered 405"
)
OF_CONFIGS = Diagnosis(
    subject="/etc/nginx/nginx.conf, uwsgi.ini",
    findings=[
        msgspec.structs.replace(
            LIMITED, place="nginx.conf:12", evidence=["no line client_max_body_size"], matches=[]
        ),
        msgspec.structs.replace(LOST, place="uwsgi.ini:1", confidence=Confidence.PROVEN),
    ],
    facts=["21 lines were read, 3 of them matter"],
)
LONG_WORD = "x" * 300
WORST = Diagnosis(
    subject=f"https://{LONG_WORD}.example.org/{LONG_WORD}",
    hops=[f"{LONG_WORD} {number}" for number in range(6)],
    findings=[
        Finding(
            symptom=f"{LONG_WORD} {'is refused and ' * 20}",
            weight=list(Weight)[number // 6],
            cause=f"unknown-{number}.a setting that causes.toml does not have",
            confidence=Confidence.POSSIBLE,
            evidence=[f"{LONG_WORD} {'and more ' * 40}"] * 12,
            others=[Alternative(cause="app.field", test="try it with another field " * 10)] * 5,
            fix="a: 1\n" * 30,
            place=f"/{LONG_WORD}/nginx.conf:1",
        )
        for number in range(18)
    ],
    facts=["fact " * 100] * 30,
    unasked=["nobody knows " * 30] * 30,
    left=[f"upload-lab-{number:012}.bin" for number in range(300)],
)
HOSTILE = Diagnosis(
    subject=URL,
    hops=[BAD],
    findings=[
        Finding(
            symptom=BAD,
            weight=Weight.LOSS,
            cause=f"app.{BAD}",
            confidence=Confidence.LIKELY,
            evidence=[BAD],
            others=[Alternative(cause=f"nginx.{BAD}", test=BAD)],
            matches=[BAD],
            fix=BAD,
            place=BAD,
        )
    ],
    facts=[BAD],
    unasked=[BAD],
    left=[BAD],
)
HOSTILE_EXAMINATION = msgspec.structs.replace(
    EXAMINATION,
    exchanges=[
        exchange("size", label=BAD, headers=[("server", BAD)], content=BAD, error=BAD),
        exchange("size", status=None, ending=Ending.CLOSED, error=BAD),
        exchange("far end", arrived=Arrived(size_bytes=1, digest=BAD, began=0.0, server=BAD, error=BAD)),
    ],
    left=[BAD],
    why=BAD,
    stop=Stop.LIMITED,
)
