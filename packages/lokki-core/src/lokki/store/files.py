"""The local file system as a medium: whole files, written beside their place and renamed into it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ..errors import ObjectMissingError, StoreError
from . import urls

if TYPE_CHECKING:
    from collections.abc import Callable

    from .codec import Data

_SINK_BUFFER_BYTES = 256 * 1024
_NO_SPACE = ("there is no space left on the device.", "Free some, or keep the runs on another disk.")
_NO_ACCESS = ("permission denied.", "Check who owns the directory and its permissions.")
_NOT_A_FILE = ("a directory is where a file should be, or the reverse.", "Move it away.")
_COMPLAINTS = {
    errno.ENOSPC: _NO_SPACE,
    errno.EDQUOT: ("the disk quota is used up.", _NO_SPACE[1]),
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EROFS: ("the file system is read-only.", "Keep the runs on another disk."),
    errno.EISDIR: _NOT_A_FILE,
    errno.ENOTDIR: _NOT_A_FILE,
    errno.EEXIST: _NOT_A_FILE,
    errno.ENAMETOOLONG: ("the file's name is too long.", "Use shorter names, or a shorter directory."),
    errno.EMFILE: ("too many files are open.", "Raise the limit (ulimit -n)."),
}


@contextmanager
def os_errors(url: str, operation: str) -> Iterator[None]:
    """Raise what the operating system complains about as `StoreError`, a missing file as `ObjectMissingError`."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT and operation == "read":
            raise ObjectMissingError("nothing is stored here.", url=url, operation=operation) from error
        message, hint = _COMPLAINTS.get(error.errno or 0, (f"{error.strerror or error}.", None))
        raise StoreError(message, url=url, operation=operation, hint=hint) from error


def write_all(fd: int, data: Data) -> None:
    """Write all of `data`, by one call where the system takes it at once. Raises `OSError`."""
    written = os.write(fd, data)
    if written < len(data):
        view = memoryview(data)
        while written < len(view):
            written += os.write(fd, view[written:])


def remove_tree(path: str) -> None:
    """Remove a directory and all in it; what cannot be removed, or is gone already, is left."""
    with suppress(OSError):
        with os.scandir(path) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    remove_tree(entry.path)
                else:
                    with suppress(OSError):
                        os.unlink(entry.path)
        os.rmdir(path)


def open_new(path: str, flags: int) -> int:
    """A descriptor of `path`, which is made if need be, with its directory. Raises `OSError`."""
    flags |= os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o666)


class FileSink:
    """`Sink` into a temporary file beside `path`, under a name that no URL can have."""

    def __init__(self, path: str, url: str) -> None:
        directory, name = os.path.split(path)
        self._path = path
        self._url = url
        self._temporary = f"{directory}/.{name}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
        self._buffer: list[Data] = []
        self._buffered_bytes = 0
        with os_errors(url, "write"):
            self._fd = open_new(self._temporary, os.O_WRONLY | os.O_EXCL)

    def write(self, data: Data) -> None:
        """Add `data` at the end. Raises `StoreError`."""
        self._buffer.append(data)
        self._buffered_bytes += len(data)
        if self._buffered_bytes >= _SINK_BUFFER_BYTES:
            with os_errors(self._url, "write"):
                self._flush()

    def commit(self) -> None:
        """Give the file its place, replacing what was there. Raises `StoreError`."""
        with os_errors(self._url, "write"):
            self._place(os.replace)

    def create(self) -> bool:
        """Give the file its place unless that is taken; whether it did. Raises `StoreError`."""
        try:
            with os_errors(self._url, "write"):
                self._place(os.link)
        except StoreError as error:
            if isinstance(error.__cause__, FileExistsError):
                return False
            raise
        with suppress(OSError):
            os.unlink(self._temporary)
        return True

    def abort(self) -> None:
        """Remove the temporary file, if there is one; raises nothing."""
        self._close()
        with suppress(OSError):
            os.unlink(self._temporary)

    def _place(self, place: Callable[[str, str], None]) -> None:
        try:
            self._flush()
            self._close()
            place(self._temporary, self._path)
        except OSError:
            self.abort()
            raise

    def _flush(self) -> None:
        data = self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)
        self._buffer = []
        self._buffered_bytes = 0
        write_all(self._fd, data)

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class FileLog:
    """`Log` in a file; each addition is one call of the system, so it outlives the process once made."""

    def __init__(self, path: str, url: str) -> None:
        self._url = url
        with os_errors(url, "write"):
            self._fd = open_new(path, os.O_WRONLY | os.O_APPEND)
            self.size = os.fstat(self._fd).st_size

    def append(self, data: Data) -> None:
        """Add `data`, or raise `StoreError` and leave the log as it was."""
        with os_errors(self._url, "write"):
            try:
                write_all(self._fd, data)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._fd, self.size)
                raise
            self.size += len(data)

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` bytes. Raises `StoreError`."""
        if size < self.size:
            with os_errors(self._url, "write"):
                os.ftruncate(self._fd, size)
            self.size = size

    def close(self) -> None:
        """Close the file; raises nothing."""
        with suppress(OSError):
            os.close(self._fd)


class FileReader:
    """`Reader` of a file, as it is now and as it grows."""

    def __init__(self, path: str, url: str) -> None:
        self._url = url
        with os_errors(url, "read"):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the file ends before."""
        with os_errors(self._url, "read"):
            data = os.pread(self._fd, length, offset)
            if len(data) == length or not data:
                return data
            return data + self.read(offset + len(data), length - len(data))

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class FileBlobs:
    """`JournalBlobs` in the directory `root`, an absolute path; directories come into being with their first file."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._base = f"file://{urls.quote(root)}/"

    def path(self, key: str) -> str:
        """The file of `key`."""
        return f"{self.root}/{key}"

    def url(self, key: str) -> str:
        """The `file://` URL of `key`, percent-encoded."""
        return self._base + urls.quote(key)

    def key(self, url: str) -> str:
        """The key of `url`. Raises `StoreUrlError` for anything outside `root`."""
        return urls.key_of(url, self._base)

    def put(self, key: str, data: Data) -> None:
        """Store `data` by a temporary file and a rename."""
        sink = self._filled_sink(key, data)
        sink.commit()

    def create(self, key: str, data: Data) -> bool:
        """Store `data` by a temporary file and a hard link, which fails if the name is taken."""
        return self._filled_sink(key, data).create()

    def get(self, key: str) -> bytes:
        """All of the file."""
        return self._read(key, 0, None)

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the file ends before."""
        return self._read(key, offset, length)

    def size(self, key: str) -> int | None:
        """Bytes of the file; None when there is none."""
        try:
            with os_errors(self.url(key), "read"):
                return os.stat(self.path(key)).st_size
        except ObjectMissingError:
            return None

    def open_sink(self, key: str) -> FileSink:
        """Begin a file that is written bit by bit."""
        return FileSink(self.path(key), self.url(key))

    def withdraw(self, key: str) -> None:
        """Remove the file, if there is one."""
        with os_errors(self.url(key), "write"), suppress(FileNotFoundError):
            os.unlink(self.path(key))

    def open_log(self, key: str) -> FileLog:
        """Open a log to add to, made if need be."""
        return FileLog(self.path(key), self.url(key))

    def open_reader(self, key: str) -> FileReader:
        """Open a log to read from."""
        return FileReader(self.path(key), self.url(key))

    def names(self, prefix: str) -> list[str]:
        """The names of the files directly under `prefix`, in no order; none where there is no such directory."""
        try:
            with os_errors(self.url(prefix), "read"):
                return os.listdir(self.path(prefix))
        except ObjectMissingError:
            return []

    def _filled_sink(self, key: str, data: Data) -> FileSink:
        sink = self.open_sink(key)
        try:
            sink.write(data)
        except BaseException:
            sink.abort()
            raise
        return sink

    def _read(self, key: str, offset: int, length: int | None) -> bytes:
        with os_errors(self.url(key), "read"), open(self.path(key), "rb", buffering=0) as file:
            if length is None:
                return file.read()
            file.seek(offset)
            return file.read(length) or b""
