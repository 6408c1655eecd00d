"""The run folder. The only module that writes results."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from uploadlab.errors import LabError, problem_of
from uploadlab.model.cells import Cell
from uploadlab.model.checks import Check
from uploadlab.model.load import LoadStep, LoadUpload
from uploadlab.model.measurements import Measurement, Profiled
from uploadlab.model.order import Order
from uploadlab.model.profiles import COUNTS
from uploadlab.model.runs import SCHEMA_VERSION, Run
from uploadlab.paths import in_container, missing_folders, program, shown
from uploadlab.storage.decoding import Row, decoded, sound_row, sound_rows
from uploadlab.storage.files import (
    CHECKS,
    LOAD_STEPS,
    LOAD_UPLOADS,
    LOGS,
    MEASUREMENTS,
    ORDER_FILE,
    PROFILED,
    PROFILES,
    REPORT,
    RUN_FILE,
    SUMMARY,
    Unreadable,
    content_of,
    drop_torn_line,
    packed,
    size_of,
    unpack,
    unpacked,
    whole_lines,
)
from uploadlab.storage.old_runs import decode_run, with_code
from uploadlab.storage.run_files import RunFiles

MOST_RUN_BYTES = 16 << 20
"""Of run.json."""


class RunFolder:
    """One run on disk; each measurement is safe there as soon as it is made.

    Methods that write raise LabError. Methods that read rows leave out damaged lines.
    """

    def __init__(self, path: Path, made: Sequence[Path] = ()) -> None:
        """Take the folders that were made for this run, the deepest first; none for a run that was there."""
        self.path = path
        self.files = RunFiles(path)
        self._made = made
        self.damage: dict[str, str] = {}
        """What was left out of the files read so far, by their names."""

    @classmethod
    def create(cls, out: Path, run_id: str) -> "RunFolder":
        """Create a folder for a run; a second run of the same second gets a number. Raises LabError."""
        for number in range(1, 1000):
            path = out / (run_id if number == 1 else f"{run_id}-{number}")
            try:
                made = missing_folders(path)
                path.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                raise LabError(f"cannot create {shown(path)}: {error.strerror}; {_elsewhere()}") from None
            return cls(path, made)
        raise LabError(f"{shown(out)} is full of runs named {run_id}: {_elsewhere()}")

    @property
    def logs(self) -> Path:
        """Where servers' logs go."""
        try:
            return self.files.make_folder(LOGS)
        except OSError as error:
            raise self._cannot_write(error) from None

    @property
    def uploads_file(self) -> Path:
        """Where the rows of concurrent uploads are."""
        return self.path / LOAD_UPLOADS

    def keep_configs(self, texts: Mapping[str, str]) -> None:
        """Write configs that the run has made, by their path below this folder."""
        for name, text in texts.items():
            self._replace(name, text.encode())

    def keep_log(self, name: str, text: str) -> None:
        """Write or replace the log of a server."""
        self._replace(f"{LOGS}/{name}", text.encode())

    def keep_profile(self, cell: Cell, files: dict[str, bytes]) -> list[str]:
        """Write the files of a profile and return their names below this folder, without that of counts."""
        folder = f"{PROFILES}/{cell.deployment}/{cell.method}"
        contents = {f"{folder}/{Path(name).name}": content for name, content in files.items()}
        for name, content in contents.items():
            self._replace(name, content)
        return [name for name in contents if not name.endswith(COUNTS)]

    def write_run(self, run: Run) -> None:
        """Write or replace run.json in one step."""
        self._replace(RUN_FILE, msgspec.json.format(msgspec.json.encode(run), indent=1))
        self.files.remove(packed(RUN_FILE))
        self.files.remove(ORDER_FILE)  # run.json holds the order from now on

    def write_order(self, order: Order) -> None:
        """Leave an order for the client's container."""
        self._replace(ORDER_FILE, msgspec.json.encode(order))

    def write_report(self, text: str) -> None:
        """Write or replace the report in one step."""
        self._replace(REPORT, text.encode())

    def write_summary(self, content: bytes) -> None:
        """Write or replace what the viewer's list reads, in one step."""
        self._replace(SUMMARY, content)

    def append(self, measurement: Measurement) -> None:
        """Save one measurement now."""
        self._append_lines(MEASUREMENTS, [measurement])

    def append_profile(self, profiled: Profiled) -> None:
        """Save that a profile was made."""
        self._append_lines(PROFILED, [profiled])

    def append_checks(self, checks: Sequence[Check]) -> None:
        """Save all attempts of one case at one target."""
        self._append_lines(CHECKS, checks)

    def append_uploads(self, uploads: Sequence[LoadUpload]) -> None:
        """Save uploads that belong to no step of the lab."""
        self._append_lines(LOAD_UPLOADS, uploads)

    def append_step(self, step: LoadStep, uploads: Sequence[LoadUpload]) -> None:
        """Save a step with its uploads, all or nothing even if a kill cuts the writing short."""
        try:
            for name in (LOAD_STEPS, LOAD_UPLOADS):
                unpack(self.files, name)
            if size_bytes := self.files.size(LOAD_UPLOADS):
                tries = self._read(LOAD_STEPS, LoadStep)
                with self.files.append(LOAD_UPLOADS) as file:
                    file.truncate(min(tries[-1].uploads_end if tries else 0, size_bytes))
        except OSError as error:
            raise self._cannot_write(error) from None
        self._append_lines(LOAD_UPLOADS, uploads)
        step.uploads_end = self.files.size(LOAD_UPLOADS)
        self._append_lines(LOAD_STEPS, [step])

    def read_order(self) -> Order:
        """Return the order that the host left; raises LabError."""
        try:
            return decoded(self.files.read(ORDER_FILE, MOST_RUN_BYTES), msgspec.json.Decoder(Order))
        except (OSError, msgspec.DecodeError) as error:
            raise LabError(
                f"no order in {shown(self.path)} ({problem_of(error)}): only the host starts this"
            ) from None

    def read_run(self) -> Run:
        """Return run.json, to go on with the run; raises LabError if that cannot be."""
        path = self.path / RUN_FILE
        try:
            run = self.decode_run_file()
        except OSError as error:
            hint = f"name a folder that holds {RUN_FILE}"
            raise LabError(f"no run at {shown(self.path)} ({error.strerror}): {hint}") from None
        except msgspec.DecodeError as error:
            raise LabError(f"{shown(path)} is damaged ({error}): start a new run") from None
        if run.schema_version > SCHEMA_VERSION:
            schemas = f"schema {run.schema_version}, this lab reads {SCHEMA_VERSION}"
            raise LabError(f"{shown(path)} has {schemas}: start a new run")
        return run

    def decode_run_file(self) -> Run:
        """Return run.json as it is, packed or not; raises OSError, DecodeError, Unreadable."""
        try:
            content = self.files.read(RUN_FILE, MOST_RUN_BYTES)
        except FileNotFoundError:
            content = unpacked(self.files, RUN_FILE, MOST_RUN_BYTES)
        return decode_run(content)

    def read_measurements(self) -> list[Measurement]:
        """Return the timed uploads."""
        return self._read(MEASUREMENTS, Measurement)

    def read_profiled(self) -> list[Profiled]:
        """Return the last try of each profile."""
        tries = self._read(PROFILED, Profiled)
        return list({(profile.cell_id, profile.kind): profile for profile in tries}.values())

    def read_steps(self) -> list[LoadStep]:
        """Return the last try of each load step."""
        return list({step.step_id: step for step in self._read(LOAD_STEPS, LoadStep)}.values())

    def read_uploads(self) -> list[LoadUpload]:
        """Return the uploads of all finished steps; in a folder without steps, all uploads.

        A step owns the rows between the end of the step before it and its own end. Rows of another step there
        are left over from a step whose own line is damaged: it is done again, and must not count twice.
        """
        tries = self._read(LOAD_STEPS, LoadStep)
        if not tries:
            return self._read(LOAD_UPLOADS, LoadUpload)
        owned: dict[str, range] = {}
        begin = 0
        for step in tries:
            if begin > step.uploads_end:  # a power cut lost rows that an earlier step counts
                begin = 0
            owned[step.step_id] = range(begin, step.uploads_end)
            begin = step.uploads_end
        last = max(step.uploads_end for step in tries)
        uploads: list[LoadUpload] = []
        damaged = place = 0
        decoder = msgspec.json.Decoder(LoadUpload)
        for line in whole_lines(self._content(LOAD_UPLOADS)[:last]):
            row = sound_row(line, decoder)
            if row and place in owned.get(row.step_id, ()):
                uploads.append(row)
            damaged += row is None
            place += len(line) + 1
        self._note_damage(LOAD_UPLOADS, damaged)
        return uploads

    def read_checks(self) -> list[Check]:
        """Return the attempts of the check."""
        return list(map(with_code, self._read(CHECKS, Check)))

    def has_results(self) -> bool:
        """Return whether anything was measured."""
        return any(size_of(self.files, name) for name in (MEASUREMENTS, LOAD_STEPS, CHECKS))

    def remove_if_empty(self) -> None:
        """Remove the folder of a run that measured nothing, and those around it, if they were made for it."""
        if self._made and not self.has_results():
            shutil.rmtree(self.path, ignore_errors=True)
            for folder in self._made[1:]:
                with suppress(OSError):  # other runs are in there
                    folder.rmdir()

    def _read(self, name: str, kind: type[Row]) -> list[Row]:
        rows, damaged = sound_rows(whole_lines(self._content(name)), kind)
        self._note_damage(name, damaged)
        return rows

    def _content(self, name: str) -> bytes:
        try:
            return content_of(self.files, name)
        except Unreadable as error:
            self.damage[name] = error.notice
            return b""

    def _note_damage(self, name: str, count: int) -> None:
        if count:
            lines = "1 line is" if count == 1 else f"{count} lines are"
            self.damage[name] = f"{name}: {lines} damaged and left out."

    def _replace(self, name: str, content: bytes) -> None:
        try:
            self.files.replace(name, content)
        except OSError as error:
            raise self._cannot_write(error) from None

    def interrupted(self, what: str, first: str = "") -> str:
        """Return a message that says what ended the run, what to do ``first``, and how it goes on."""
        return f"{what}; what was measured is kept; {first}go on with: {program()} resume {shown(self.path)}"

    def _append_lines(self, name: str, lines: Sequence[object]) -> None:
        try:
            unpack(self.files, name)
            with self.files.append(name) as file:
                drop_torn_line(file, name)
                file.write(msgspec.json.Encoder().encode_lines(lines))
        except OSError as error:
            raise self._cannot_write(error) from None

    def _cannot_write(self, error: OSError) -> LabError:
        what = f"cannot write to {shown(self.path)}: {_problem(error)}"
        if self.has_results():
            return LabError(self.interrupted(what, "free some space and "))
        return LabError(f"{what}; {_elsewhere()}")


def _problem(error: OSError) -> str:
    """Return what is wrong, with the file's name where the error knows one."""
    return f"{error.filename}: {error.strerror}" if error.filename else problem_of(error)


def _elsewhere() -> str:
    return "make benchmark/ writable for its owner" if in_container() else "choose another --out"
