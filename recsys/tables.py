"""Reading delimited files column by column, and saying exactly where one is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from recsys.errors import TillerError

TYPES = {"id": pa.int64(), "int": pa.int64(), "float": pa.float64(), "text": pa.string(), "time": pa.string()}
#: Spellings of "not known" in number columns.
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None", "\\N"]


class DatasetError(TillerError, ValueError):
    """Data that cannot be read: one sentence with the file, the line and the column."""


def read_table(
    path: Path,
    columns: Mapping[str, str],
    *,
    delimiter: str = ",",
    names: Sequence[str] | None = None,
    encoding: str = "utf-8",
    quoted: bool = True,
) -> pd.DataFrame:
    """Read some columns of a delimited file.

    Parameters
    ----------
    path : the file.
    columns : name of each wanted column -> its kind: ``"id"`` (a whole number that must be
        there), ``"int"``, ``"float"``, ``"text"``, or ``"time"`` (seconds since 1970 or an
        ISO date; comes back as int64 seconds, 0 where it is missing).
    delimiter : one or more characters; more than one needs ``quoted=False``.
    names : the names of all columns when the file has no header line.
    quoted : whether fields may stand in double quotes (and then hold line ends).

    Returns
    -------
    A frame with the wanted columns in the order asked for; missing numbers are NaN, and a
    whole-number column without missing values is int64.

    Raises
    ------
    DatasetError : for a missing file or column, a row with too many or too few fields, or
        a field that is not what its column holds.
    """
    source: str | io.BytesIO = str(path)
    separator = delimiter
    try:
        if len(delimiter) > 1:  # the reader takes one character; \x1f occurs in no text
            separator = "\x1f"
            source = io.BytesIO(path.read_bytes().replace(delimiter.encode(), separator.encode()))
        table = pacsv.read_csv(
            source,
            read_options=pacsv.ReadOptions(column_names=names, encoding=encoding),
            parse_options=pacsv.ParseOptions(
                delimiter=separator,
                quote_char='"' if quoted else False,
                newlines_in_values=quoted and "text" in columns.values(),
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={name: TYPES[kind] for name, kind in columns.items()},
                include_columns=list(columns),
                null_values=MISSING,
                strings_can_be_null=False,
            ),
        )
    except FileNotFoundError:
        raise DatasetError(f"{path} is missing.") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        message = _what_is_wrong(path, columns, delimiter, names, encoding, quoted)
        raise DatasetError(message or f"{path}: {str(error).splitlines()[0]}") from None
    complete = all(table[name].null_count == 0 for name, kind in columns.items() if kind == "id")
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    times = {name: _seconds(frame[name]) for name, kind in columns.items() if kind == "time"}
    if not complete or any(seconds is None for seconds in times.values()):
        raise DatasetError(
            _what_is_wrong(path, columns, delimiter, names, encoding, quoted) or f"{path} is damaged."
        )
    return frame.assign(**times)


def _seconds(texts: pd.Series) -> pd.Series | None:
    """Seconds since 1970 of numbers or ISO dates, 0 where missing; None when one is neither."""
    seconds = pd.to_numeric(texts, errors="coerce")
    seconds = seconds.where(seconds.abs() < 2**62)  # "inf" and "1e30" are no times
    rest = seconds.isna() & ~texts.isin(MISSING)
    if rest.any():
        dates = pd.to_datetime(texts[rest], format="ISO8601", utc=True, errors="coerce")
        if dates.isna().any():
            return None
        seconds = seconds.astype(np.float64)
        seconds[rest] = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return seconds.fillna(0).astype(np.int64)


def _check(value: str, kind: str) -> str | None:
    """What is wrong with a field, as the end of a sentence."""
    if value in MISSING:
        return "is missing" if kind == "id" else None
    try:
        if kind in ("id", "int"):
            int(value)
        elif kind == "float":
            float(value)
    except ValueError:
        return "is not a number" if kind == "float" else "is not a whole number"
    if kind == "time" and _seconds(pd.Series([value])) is None:
        return "is not a time (seconds since 1970, or a date like 2024-05-31)"
    return None


def _what_is_wrong(
    path: Path,
    columns: Mapping[str, str],
    delimiter: str,
    names: Sequence[str] | None,
    encoding: str,
    quoted: bool,
) -> str | None:
    """The first thing wrong in the file, as a sentence; None when nothing is found."""
    try:
        with path.open(encoding=encoding, newline="") as file:
            if len(delimiter) > 1:
                lines: Iterator[tuple[int, list[str]]] = iter(
                    enumerate((line.rstrip("\r\n").split(delimiter) for line in file), start=1)
                )
            else:
                reader = csv.reader(
                    file, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
                )
                lines = ((reader.line_num, fields) for fields in reader)
            header = list(names) if names else next(lines, (1, []))[1]
            header = [name.removeprefix("\ufeff") for name in header]
            for name in columns:
                if name not in header:
                    known = ", ".join(header) or "none"
                    return f"{path}, line 1: there is no column {name!r}; the columns are {known}."
            for line, fields in lines:
                if not any(fields):
                    continue
                if len(fields) != len(header):
                    return f"{path}, line {line}: {len(fields)} fields where {len(header)} are expected."
                for name, kind in columns.items():
                    value = fields[header.index(name)]
                    if trouble := _check(value, kind):
                        return f"{path}, line {line}, column {name}: {value[:60]!r} {trouble}."
    except UnicodeDecodeError:
        return _undecodable(path, encoding)
    except csv.Error as error:
        return f"{path}, line {reader.line_num}: {error}."
    return None


def _undecodable(path: Path, encoding: str) -> str | None:
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            try:
                raw.decode(encoding)
            except UnicodeDecodeError as error:
                return f"{path}, line {line}: byte {error.start + 1} is not {encoding} text."
    return None


def counted(number: int, what: str) -> str:
    """A number with its noun: "1 item", "2,000 items"."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def codes(values: pd.Series) -> tuple[np.ndarray, list]:
    """Index of each value among the sorted distinct ones, and those; -1 for missing values."""
    index, distinct = pd.factorize(values, sort=True)
    return index.astype(np.int32), distinct.tolist()
