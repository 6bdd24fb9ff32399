"""Reading delimited files column by column, and saying exactly where one is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv

from recsys.errors import TillerError

TYPES = {"int": pa.int64(), "float": pa.float64(), "text": pa.string()}
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
    columns : name of each wanted column -> ``"int"``, ``"float"`` or ``"text"``.
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
        a field that is not a number where one is due.
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
    return table.to_pandas(split_blocks=True, self_destruct=True)


def _what_is_wrong(
    path: Path,
    columns: Mapping[str, str],
    delimiter: str,
    names: Sequence[str] | None,
    encoding: str,
    quoted: bool,
) -> str | None:
    """The first thing wrong in the file, as a sentence; None when nothing is found."""
    parse = {"int": int, "float": float, "text": str}
    try:
        with path.open(encoding=encoding, newline="") as file:
            if len(delimiter) > 1:
                lines = iter(enumerate((line.rstrip("\r\n").split(delimiter) for line in file), start=1))
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
                    try:
                        if value not in MISSING:
                            parse[kind](value)
                    except ValueError:
                        number = "a whole number" if kind == "int" else "a number"
                        return f"{path}, line {line}, column {name}: {value[:60]!r} is not {number}."
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


def codes(values: Sequence) -> tuple[np.ndarray, list]:
    """Index of each value among the sorted distinct ones, and those; -1 for missing values."""
    index, distinct = pd.factorize(pd.Series(values), sort=True)
    return index.astype(np.int32), distinct.tolist()
