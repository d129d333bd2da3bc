"""Write a results folder whole or not at all.

Everything goes into a hidden sibling of the target, is flushed to the disk, and gets its name by one rename. A run that
is killed leaves at most a hidden folder ``.<name>.<number>.partial``, which may be deleted.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FORMAT = "countersmuggling-results"
#: the file by which a results folder is known
MARKER = "provenance.json"


class FolderError(Exception):
    """A results folder cannot be read or written; the message is for the user."""


def is_results_folder(path: Path) -> bool:
    """Whether `path` is a folder that this package has written."""
    try:
        content = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("format") == FORMAT


@contextmanager
def explaining(
    target: Path, then: str = "Nothing was left under that name; choose another place with --out."
) -> Iterator[None]:
    """Turn an operating system's error into one sentence about `target`; `then` says what that means."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full",
            errno.EDQUOT: "the disk quota is used up",
            errno.EROFS: "the disk is read-only",
            errno.EACCES: "you may not write there",
            errno.EPERM: "you may not write there",
            errno.ENOTDIR: "a part of the path is a file, not a folder",
            errno.ENAMETOOLONG: "the name is too long",
            errno.EFBIG: "the file would be too large for the disk or a limit",
        }
        reason = reasons.get(error.errno or 0) or error.strerror or str(error)
        raise FolderError(f"cannot write results to {target}: {reason}. {then}") from error


def put(path: Path, content: bytes | str) -> None:
    """Write one file and flush it to the disk."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def replace_file(path: Path, content: bytes | str) -> None:
    """Replace one file of a folder that stands, by a rename."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        put(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_target(target: Path) -> None:
    """Refuse a target that is something else than a results folder, an empty folder, or nothing.

    Raises
    ------
    FolderError
    """
    if target.is_symlink() and not target.exists():
        raise FolderError(f"{target} is a link to nothing; choose another place with --out")
    if target.exists() and not target.is_dir():
        raise FolderError(f"{target} is a file; --out names a folder")
    if target.is_dir() and not is_results_folder(target) and any(target.iterdir()):
        raise FolderError(
            f"{target} exists and is not a results folder (it has no {MARKER} of this program): not overwritten. "
            "Choose another place with --out."
        )


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `target` when the block ends well, and vanishes otherwise.

    Parameters
    ----------
    target : Path
        May exist only as an empty folder or as a results folder, which is then replaced.

    Raises
    ------
    FolderError
        When the target may not be overwritten or cannot be written, before the block begins if that can be known.
    """
    target = Path(os.path.abspath(target))
    if target.exists() and target.is_dir():
        target = target.resolve()  # through links, so that the rename happens where the folder is
    with explaining(target):
        check_target(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.partial")
        temporary.mkdir()
    try:
        yield temporary
        with explaining(target):
            flush_folders(temporary)
            _swap(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(temporary: Path, target: Path) -> None:
    check_target(target)
    if not target.exists():
        os.rename(temporary, target)
    elif not any(target.iterdir()):
        target.rmdir()
        os.rename(temporary, target)
    else:
        aside = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}.old")
        os.rename(target, aside)
        try:
            os.rename(temporary, target)
        except BaseException:
            os.rename(aside, target)
            raise
        shutil.rmtree(aside, ignore_errors=True)
    flush_folder(target.parent)


def flush_folders(root: Path) -> None:
    """Flush a folder and all below it to the disk."""
    for folder, _, _ in os.walk(root):
        flush_folder(Path(folder))


def flush_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where that can be done."""
    # a folder cannot be opened on Windows, and some network disks refuse to flush one
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
