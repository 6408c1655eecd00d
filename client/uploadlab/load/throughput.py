"""What was sent per second, which Locust does not count: in its web page, as CSV, and as a picture."""

import csv
import io
import json
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from uploadlab.analysis.cells import MB
from uploadlab.load.chart import Curve, draw
from uploadlab.load.ledger import Sent

AGGREGATED = "Aggregated"
"""Locust's name for all methods together."""
FIGURES = {"name": "Name", "sent": "Sent MB", "rate": "MB/s", "goodput": "Goodput MB/s"}
COLUMNS = ("Timestamp", "User Count", *FIGURES.values())


class Sample(NamedTuple):
    """The sums since the test began, at one moment."""

    at: float
    users: int
    sent: dict[str, Sent]
    """By method, the last is AGGREGATED."""


class Throughput:
    """The samples of a test. MB/s is of all that was sent, goodput of uploads that were accepted whole."""

    def __init__(self, csv_file: Path | None) -> None:
        self._csv_file = csv_file
        self.begin()

    def begin(self) -> None:
        """Forget an earlier test."""
        self._samples = [Sample(time.time(), 0, {})]
        if self._csv_file:
            self._csv_file.write_text(_csv([COLUMNS]))

    def add(self, sample: Sample) -> None:
        """Add a second to the test."""
        self._samples.append(sample)
        if self._csv_file:
            with open(self._csv_file, "a") as file:
                file.write(_csv(_rows(*self._samples[-2:])))

    def lines(self) -> list[str]:
        """Return each method over the whole test, for a terminal."""
        return [
            f"{row['name']}: {row['sent']} MB sent, {row['rate']} MB/s, goodput {row['goodput']} MB/s"
            for row in self._summary()
        ]

    def show_in(self, web_ui: Any) -> None:
        """Add a tab to Locust's page, ``/throughput`` with the chart, and ``/throughput.csv``."""
        if web_ui is None:
            return
        structure = [{"key": key, "title": title} for key, title in FIGURES.items()]
        web_ui.template_args |= {
            "extended_tabs": [{"title": "Throughput", "key": "throughput"}],
            "extended_tables": [{"key": "throughput", "structure": structure}],
            "extended_csv_files": [{"href": "/throughput.csv", "title": "Download throughput CSV"}],
        }
        web_ui.app.after_request(self._extend)
        web_ui.app.add_url_rule("/throughput", view_func=self._page)
        web_ui.app.add_url_rule("/throughput.csv", "throughput_csv", view_func=self._download)

    def _extend(self, response: Any) -> Any:
        """Put the tab's rows into the answer that Locust's page asks for every two seconds."""
        from flask import request

        if request.path == "/stats/requests" and response.is_json:
            rows = {"extended_stats": [{"key": "throughput", "data": self._summary()}]}
            response.set_data(json.dumps(response.get_json() | rows))
        return response

    def _page(self) -> str:
        """Return the chart of the test so far."""
        seconds = [sample.at - self._samples[0].at for sample in self._samples[1:]]
        rates = [_rates(before, after, AGGREGATED) for before, after in pairwise(self._samples)]
        sent = Curve("sent, MB/s", [sent for sent, _ in rates])
        goodput = Curve("goodput, MB/s", [good for _, good in rates])
        return (
            '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="2">'
            f"<title>Throughput</title>{draw(seconds, [sent, goodput])}"
        )

    def _download(self) -> tuple[str, dict[str, str]]:
        text = _csv([COLUMNS, *(row for pair in pairwise(self._samples) for row in _rows(*pair))])
        return text, {"Content-Type": "text/csv"}

    def _summary(self) -> list[dict[str, str]]:
        """Return each method from the first sample to the last."""
        rows = _rows(self._samples[0], self._samples[-1])
        return [dict(zip(FIGURES, map(str, row[2:]), strict=True)) for row in rows]


def _rows(before: Sample, after: Sample) -> Iterator[Sequence[object]]:
    """Yield a line for each method between two samples, then one for all."""
    for name, sent in after.sent.items():
        rate, goodput = _rates(before, after, name)
        sent_mb = round(sent.sent_bytes / MB)
        yield int(after.at), after.users, name, sent_mb, f"{rate:.1f}", f"{goodput:.1f}"


def _rates(before: Sample, after: Sample, name: str) -> tuple[float, float]:
    """Return MB/s and goodput of a method between two samples."""
    was, now = (sample.sent.get(name, Sent()) for sample in (before, after))
    mb_seconds = (after.at - before.at) * MB
    return (now.sent_bytes - was.sent_bytes) / mb_seconds, (now.good_bytes - was.good_bytes) / mb_seconds


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
