"""The run folder. The only module that writes results."""

import gzip
import os
import shutil
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from uploadlab.errors import LabError
from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Measurement, Profiled
from uploadlab.model.order import Order
from uploadlab.model.runs import SCHEMA_VERSION, Run
from uploadlab.paths import in_container, program, shown

Line = TypeVar("Line")


RUN_FILE = "run.json"
ORDER_FILE = "order.json"


MEASUREMENTS = "measurements.jsonl"


REPORT = "report.html"


LOGS = "logs"


PROFILES = "profiles"


PROFILED = "profiles.jsonl"


LOAD_UPLOADS = "load/uploads.jsonl"


LOAD_STEPS = "load/steps.jsonl"


CHECKS = "checks.jsonl"


class RunFolder:
    """One run on disk; each measurement is safe there as soon as it is made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None

    @classmethod
    def create(cls, out: Path, run_id: str) -> "RunFolder":
        """A new folder; a second run of the same second gets a number. Raises LabError."""
        for number in range(1, 1000):
            path = out / (run_id if number == 1 else f"{run_id}-{number}")
            try:
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise LabError(f"cannot create {shown(path)}: {error.strerror}; {_elsewhere()}") from None
            return cls(path)
        raise LabError(f"{shown(out)} is full of runs named {run_id}: {_elsewhere()}")

    @property
    def logs(self) -> Path:
        """Where servers' logs go."""
        folder = self.path / LOGS
        folder.mkdir(exist_ok=True)
        return folder

    def keep_configs(self, texts: Mapping[str, str]) -> None:
        """Write configs that the run has made, by their path below this folder; raises LabError."""
        try:
            for name, text in texts.items():
                path = self.path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
        except OSError as error:
            raise self._cannot_write(error) from None

    def write_run(self, run: Run) -> None:
        """Write or replace run.json in one step."""
        self._replace(RUN_FILE, msgspec.json.format(msgspec.json.encode(run), indent=1))

    def write_order(self, order: Order) -> None:
        """Leave an order for the client's container; raise LabError."""
        self._replace(ORDER_FILE, msgspec.json.encode(order))

    def read_order(self) -> Order:
        """Return the order that the host left; raise LabError."""
        try:
            return msgspec.json.decode((self.path / ORDER_FILE).read_bytes(), type=Order)
        except (OSError, msgspec.DecodeError) as error:
            raise LabError(f"no order in {shown(self.path)} ({error}): only the host starts this") from None

    def read_run(self) -> Run:
        """run.json; raises LabError."""
        path = self.path / RUN_FILE
        try:
            run = msgspec.json.decode(path.read_bytes(), type=Run)
        except OSError as error:
            hint = f"name a folder that holds {RUN_FILE}"
            raise LabError(f"no run at {shown(self.path)} ({error.strerror}): {hint}") from None
        except msgspec.DecodeError as error:
            raise LabError(f"{shown(path)} is damaged ({error}): start a new run") from None
        if run.schema_version != SCHEMA_VERSION:
            schemas = f"schema {run.schema_version}, this lab reads {SCHEMA_VERSION}"
            raise LabError(f"{shown(path)} has {schemas}: start a new run")
        return run

    def append(self, measurement: Measurement) -> None:
        """Save one measurement now; raises LabError."""
        line = msgspec.json.encode(measurement) + b"\n"
        try:
            if self._file is None:
                self._drop_torn_line(self.path / MEASUREMENTS)
                self._file = open(self.path / MEASUREMENTS, "ab", buffering=0)  # noqa: SIM115  for the run
            written = self._file.write(line)
            if written != len(line):
                raise OSError(0, "the disk is full")
        except OSError as error:
            raise self._cannot_write(error) from None

    def read_measurements(self) -> list[Measurement]:
        """All that was measured; a last line cut short by a kill is left out. Raises LabError."""
        return self._read_lines(MEASUREMENTS, Measurement)

    def keep_profile(self, cell: Cell, files: dict[str, bytes]) -> list[str]:
        """Write the files of a profile; returns their names below this folder. Raises LabError."""
        folder = self.path / PROFILES / cell.deployment / cell.method
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                (folder / Path(name).name).write_bytes(content)
        except OSError as error:
            raise self._cannot_write(error) from None
        return [str((folder / Path(name).name).relative_to(self.path)) for name in files]

    def append_profile(self, profiled: Profiled) -> None:
        """Remember that a profile was made; raises LabError."""
        self._append_lines(PROFILED, [profiled])

    def read_profiled(self) -> list[Profiled]:
        """The last try of each profile, likewise."""
        tries = self._read_lines(PROFILED, Profiled)
        return list({(one.cell_id, one.kind): one for one in tries}.values())

    @property
    def uploads_file(self) -> Path:
        """Where the rows of concurrent uploads are."""
        return self.path / LOAD_UPLOADS

    def append_uploads(self, uploads: Sequence[LoadUpload]) -> None:
        """Save rows that belong to no step of the lab; raises LabError."""
        self._append_lines(LOAD_UPLOADS, uploads)

    def append_step(self, step: LoadStep, uploads: Sequence[LoadUpload]) -> None:
        """Save a step with its rows, all or nothing even if it is cut short; raises LabError."""
        try:
            self._drop_rows_without_step()
        except OSError as error:
            raise self._cannot_write(error) from None
        self._append_lines(LOAD_UPLOADS, uploads)
        step.uploads_end = self._size(LOAD_UPLOADS)
        self._append_lines(LOAD_STEPS, [step])

    def read_steps(self) -> list[LoadStep]:
        """The last try of each step that was done; raises LabError."""
        return list({one.step_id: one for one in self._read_lines(LOAD_STEPS, LoadStep)}.values())

    def read_uploads(self) -> list[LoadUpload]:
        """The rows of all finished steps, or of a folder without steps all of them; raises LabError."""
        steps = self._read_lines(LOAD_STEPS, LoadStep)
        return self._read_lines(LOAD_UPLOADS, LoadUpload, steps[-1].uploads_end if steps else None)

    def append_checks(self, checks: Sequence[Check]) -> None:
        """Save all attempts of one case at one target; raises LabError."""
        self._append_lines(CHECKS, checks)

    def read_checks(self) -> list[Check]:
        """The attempts of all cases that were tried; raises LabError."""
        return self._read_lines(CHECKS, Check)

    def read_good_lines(self, name: str, kind: type[Line], end: int | None = None) -> tuple[list[Line], int]:
        """The lines of a file that can be read, and how many cannot; a last one cut short is no line."""
        good: list[Line] = []
        lines = self._lines(name, end)
        for line in lines:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                good.append(msgspec.json.decode(line, type=kind))
        return good, len(lines) - len(good)

    def write_report(self, text: str) -> None:
        """Write or replace the report in one step; raises LabError."""
        self._replace(REPORT, text.encode())

    def has_results(self) -> bool:
        """Whether anything was measured."""
        return sum(map(self._size, (MEASUREMENTS, LOAD_STEPS, CHECKS))) > 0

    def remove_if_empty(self) -> None:
        """Leave nothing behind of a run that measured nothing."""
        if not self.has_results():
            shutil.rmtree(self.path, ignore_errors=True)

    def _replace(self, name: str, content: bytes) -> None:
        temporary = self.path / f"{name}.tmp"
        try:
            temporary.write_bytes(content)
            temporary.replace(self.path / name)
        except OSError as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise self._cannot_write(error) from None

    def _append_lines(self, name: str, lines: Sequence[object]) -> None:
        path = self.path / name
        encoder = msgspec.json.Encoder()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._drop_torn_line(path)
            with open(path, "ab") as file:
                file.write(b"".join(encoder.encode(line) + b"\n" for line in lines))
        except OSError as error:
            raise self._cannot_write(error) from None

    def _drop_rows_without_step(self) -> None:
        steps = self._read_lines(LOAD_STEPS, LoadStep)
        _unpack(self.uploads_file)
        if self._size(LOAD_UPLOADS):
            os.truncate(self.uploads_file, steps[-1].uploads_end if steps else 0)

    def _size(self, name: str) -> int:
        path = self.path / name
        return sum(one.stat().st_size for one in (path, _packed(path)) if one.exists())

    def _read_lines(self, name: str, kind: type[Line], end: int | None = None) -> list[Line]:
        try:
            return [msgspec.json.decode(line, type=kind) for line in self._lines(name, end)]
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LabError(f"{shown(self.path / name)} is damaged ({error}): start a new run") from None

    def _lines(self, name: str, end: int | None) -> list[bytes]:
        """A file's lines up to there, without a last one cut short."""
        content = _content(self.path / name)[:end]
        return content[: content.rfind(b"\n") + 1].splitlines()

    def _drop_torn_line(self, path: Path) -> None:
        _unpack(path)
        if path.exists():
            with open(path, "r+b") as file:
                file.truncate(file.read().rfind(b"\n") + 1)

    def _cannot_write(self, error: OSError) -> LabError:
        then = _elsewhere()
        if self.has_results():
            command = f"{program()} resume {shown(self.path)}"
            then = f"what was measured is kept; free some space and go on with: {command}"
        return LabError(f"cannot write to {shown(self.path)}: {error.strerror}; {then}")


def _packed(path: Path) -> Path:
    """What `gzip` makes of a file, as in runs that are kept in git."""
    return path.with_name(f"{path.name}.gz")


def _content(path: Path) -> bytes:
    """Of a file, packed or not; nothing if there is none. Raises LabError."""
    packed = _packed(path)
    if path.exists() or not packed.exists():  # both: it was unpacked to go on with
        return path.read_bytes() if path.exists() else b""
    try:
        return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise LabError(f"{shown(packed)} is damaged ({error}): take it from where it came again") from None


def _unpack(path: Path) -> None:
    """Have the file as it was, to append to it."""
    if _packed(path).exists() and not path.exists():
        temporary = path.with_name(f"{path.name}.tmp")
        temporary.write_bytes(_content(path))
        temporary.replace(path)
    _packed(path).unlink(missing_ok=True)


def last_run(out: Path) -> RunFolder:
    """The newest run of a folder; raises LabError if there is none."""
    folders = [RunFolder(path.parent) for path in out.glob(f"*/{RUN_FILE}")]
    if not folders:
        raise LabError(f"no run in {shown(out)} yet: name another --out")
    return max(folders, key=lambda folder: folder.read_run().started_at)


def _elsewhere() -> str:
    return "make benchmark/ writable for its owner" if in_container() else "choose another --out"
