"""What was sent per second, which Locust does not count: in its web page, as CSV, and as a picture."""

import csv
import io
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from uploadlab.analysis.cells import MB
from uploadlab.load.chart import Line, draw
from uploadlab.load.ledger import Sent

COLUMNS = ("Timestamp", "User Count", "Name", "Sent MB", "MB/s", "Goodput MB/s")
REFRESH_SECONDS = 2


class Sample(NamedTuple):
    """Sums since the test began."""

    at: float
    users: int
    sent: dict[str, Sent]

    @property
    def total(self) -> Sent:
        """Of all methods."""
        every = self.sent.values()
        return Sent(sum(one.sent_bytes for one in every), sum(one.good_bytes for one in every))


class Throughput:
    """The samples of a test. MB/s is of all that was sent, goodput of uploads that were accepted whole."""

    def __init__(self, csv_file: Path | None) -> None:
        self._csv_file = csv_file
        self._samples: list[Sample] = []
        self.begin()

    def begin(self) -> None:
        """Forget an earlier test."""
        self._samples = [Sample(time.time(), 0, {})]
        if self._csv_file:
            self._csv_file.write_text(_csv([COLUMNS]))

    def add(self, sample: Sample) -> None:
        """One more second."""
        self._samples.append(sample)
        if self._csv_file:
            with open(self._csv_file, "a") as file:
                file.write(_csv(_rows(*self._samples[-2:])))

    def lines(self) -> list[str]:
        """For a terminal: each method over the whole test."""
        return [
            f"{row['name']}: {row['sent']} MB sent, {row['rate']} MB/s, goodput {row['goodput']} MB/s"
            for row in self._summary()
        ]

    def svg(self) -> str:
        """A picture of the test so far."""
        pairs = list(zip(self._samples, self._samples[1:], strict=False))
        seconds = [after.at - self._samples[0].at for _, after in pairs]
        return draw(
            seconds,
            [
                Line("sent, MB/s", [_rate(before, after, "sent_bytes") for before, after in pairs]),
                Line("goodput, MB/s", [_rate(before, after, "good_bytes") for before, after in pairs]),
            ],
        )

    def show_in(self, web_ui: Any) -> None:
        """Add a tab to Locust's page, ``/throughput`` with the chart, and ``/throughput.csv``."""
        if web_ui is None:
            return
        columns = {"name": "Name", "sent": "Sent MB", "rate": "MB/s", "goodput": "Goodput MB/s"}
        web_ui.template_args |= {
            "extended_tabs": [{"title": "Throughput", "key": "throughput"}],
            "extended_tables": [
                {
                    "key": "throughput",
                    "structure": [{"key": key, "title": title} for key, title in columns.items()],
                }
            ],
            "extended_csv_files": [{"href": "/throughput.csv", "title": "Download throughput CSV"}],
        }
        web_ui.app.after_request(self._extend)
        web_ui.app.add_url_rule("/throughput", view_func=self._page)
        web_ui.app.add_url_rule("/throughput.csv", "throughput_csv", view_func=self._download)

    def _extend(self, response: Any) -> Any:
        """Put the tab's rows into what Locust's page asks for every two seconds."""
        from flask import request

        if request.path == "/stats/requests" and response.is_json:
            content = response.get_json() | {
                "extended_stats": [{"key": "throughput", "data": self._summary()}]
            }
            response.set_data(json.dumps(content))
        return response

    def _page(self) -> str:
        return (
            f'<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="{REFRESH_SECONDS}">'
            f"<title>Throughput</title>{self.svg()}"
        )

    def _download(self) -> tuple[str, dict[str, str]]:
        pairs = zip(self._samples, self._samples[1:], strict=False)
        text = _csv([COLUMNS, *(row for pair in pairs for row in _rows(*pair))])
        return text, {"Content-Type": "text/csv"}

    def _summary(self) -> list[dict[str, str]]:
        """Each method from the first sample to the last."""
        if len(self._samples) < 2:
            return []
        rows = _rows(self._samples[0], self._samples[-1])
        return [
            {"name": str(name), "sent": str(sent), "rate": str(rate), "goodput": str(goodput)}
            for _, _, name, sent, rate, goodput in rows
        ]


def _rows(before: Sample, after: Sample) -> Iterator[Sequence[object]]:
    """A line for each method between two samples, then one for all."""
    every = {**after.sent, "Aggregated": after.total}
    earlier = {**before.sent, "Aggregated": before.total}
    for name, sent in every.items():
        was = earlier.get(name, Sent())
        seconds = (after.at - before.at) * MB
        rates = (sent.sent_bytes - was.sent_bytes) / seconds, (sent.good_bytes - was.good_bytes) / seconds
        yield int(after.at), after.users, name, round(sent.sent_bytes / MB), *(f"{one:.1f}" for one in rates)


def _rate(before: Sample, after: Sample, field: str) -> float:
    grown = getattr(after.total, field) - getattr(before.total, field)
    return float(grown / (after.at - before.at) / MB)


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
