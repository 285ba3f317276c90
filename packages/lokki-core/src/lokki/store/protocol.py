"""What the rest of lokki may ask of a store, and what a store asks of the medium below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .codec import Data
    from .pack import PackWriter, Row


class Sink(Protocol):
    """An object being written; nobody sees it before `commit`. All methods raise `StoreError`."""

    def write(self, data: bytes) -> None:
        """Add `data` at the end."""

    def commit(self) -> None:
        """Make the object visible, whole."""

    def abort(self) -> None:
        """Forget the object; raises nothing."""


class Blobs(Protocol):
    """A medium: whole objects of bytes under keys. Everything raises `StoreError` or a subclass."""

    def url(self, key: str) -> str:
        """The URL of `key`; pure."""

    def key(self, url: str) -> str:
        """The key of `url`; pure. Raises `StoreUrlError` for a URL outside this medium."""

    def put(self, key: str, data: Data) -> None:
        """Store `data`, replacing what was there; readers see all of it or what was there before."""

    def create(self, key: str, data: Data) -> bool:
        """Store `data` if nothing is there, else return False; of several callers at once exactly one succeeds."""

    def get(self, key: str) -> Data:
        """All of the object. Raises `ObjectMissingError`."""

    def get_range(self, key: str, offset: int, length: int) -> Data:
        """`length` bytes from `offset`, fewer where the object ends before. Raises `ObjectMissingError`."""

    def size(self, key: str) -> int | None:
        """Bytes of the object; None when there is none."""

    def open_sink(self, key: str) -> Sink:
        """Begin an object that is written bit by bit."""

    def withdraw(self, key: str) -> None:
        """Remove an outdated manifest before its data are replaced; a medium may leave it where it is."""


class Log(Protocol):
    """A file that grows at its end."""

    @property
    def size(self) -> int:
        """Bytes so far."""

    def append(self, data: bytes) -> None:
        """Add `data`, or raise `StoreError` and leave the log as it was."""

    def truncate(self, size: int) -> None:
        """Forget all but the first `size` bytes. Raises `StoreError`."""

    def close(self) -> None:
        """Let go of the file; raises nothing."""


class Reader(Protocol):
    """A log open for reading at any place."""

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer where the log ends before. Raises `StoreError`."""

    def close(self) -> None:
        """Let go of the file."""


class JournalBlobs(Blobs, Protocol):
    """A medium that also has logs."""

    def open_log(self, key: str) -> Log:
        """Open a log to add to, made if need be."""

    def open_reader(self, key: str) -> Reader:
        """Open a log to read from. Raises `ObjectMissingError`."""

    def names(self, prefix: str) -> list[str]:
        """The names of the objects directly under `prefix`, in no order."""


class TransientStore(Protocol):
    """Keeps the data of runs. Locations follow from flow, run, step and path (see `lokki.store.keys`).

    `path` is the first index of each enclosing batch. URLs are this store's own; any other, and any outside the
    store's flow, raises `StoreUrlError` before anything is read. Whatever else goes wrong raises `StoreError`:
    `ObjectMissingError` where nothing is stored, `StoreFormatError` where what is stored is damaged or foreign.
    """

    def write(self, flow_name: str, run_id: str, step_name: str, obj: object, *, path: tuple[int, ...] = ()) -> str:
        """Store a step's result and return its URL. Raises what pickle raises."""

    def write_pickled(
        self, flow_name: str, run_id: str, step_name: str, payload: bytes, *, path: tuple[int, ...] = ()
    ) -> str:
        """`write` for a result that is already one pickle."""

    def write_partial(self, flow_name: str, run_id: str, step_name: str, obj: object, *, path: tuple[int, ...]) -> str:
        """Store what is done of a batch that is not finished and return its URL. Raises what pickle raises."""

    def read(self, url: str) -> Any:
        """The object stored at `url`."""

    def read_pickled(self, url: str) -> bytes:
        """The object stored at `url`, still pickled."""

    def exists(self, url: str) -> bool:
        """Whether anything is stored at `url`."""

    def output_url(self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...] = ()) -> str:
        """Where a step's result is or will be; pure."""

    def partial_url(self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...]) -> str:
        """Where what is done of an unfinished batch is or will be; pure."""

    def manifest_url(self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...] = ()) -> str:
        """Where the manifest of a step's pack is or will be; pure."""

    def open_pack(
        self,
        flow_name: str,
        run_id: str,
        step_name: str,
        *,
        path: tuple[int, ...] = (),
        max_items: int = 1,
        max_bytes: int | None = None,
    ) -> PackWriter:
        """Begin the pack of a step's result: batches of at most `max_items` items and `max_bytes` pickled bytes."""

    def write_manifest(
        self, flow_name: str, run_id: str, step_name: str, rows: Iterable[Row], *, path: tuple[int, ...] = ()
    ) -> str:
        """Store a manifest and return its URL."""

    def read_manifest(self, url: str) -> list[Row]:
        """The rows of a manifest, in item order, without gaps."""

    def read_batch(self, pack_url: str, row: Row) -> list[Any]:
        """The items of one batch, by one ranged read."""

    def iter_pack(self, pack_url: str, rows: Sequence[Row]) -> Iterator[Any]:
        """All items of a pack in order, in bounded memory; `rows` is the whole manifest."""

    def write_error(
        self, flow_name: str, run_id: str, step_name: str, record: dict[str, Any], *, path: tuple[int, ...] = ()
    ) -> str:
        """Store why a step failed, JSON values only, and return its URL."""

    def read_error(
        self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...] = ()
    ) -> dict[str, Any] | None:
        """Why a step failed; None when nothing is stored."""

    def create_bindings(self, flow_name: str, run_id: str, obj: object) -> bool:
        """Store what the flow body bound, once: False when it was already there, and is kept."""

    def read_bindings(self, flow_name: str, run_id: str) -> Any:
        """What the flow body bound. Raises `ObjectMissingError` before `create_bindings`."""

    def write_json(self, flow_name: str, run_id: str, name: str, value: Any) -> str:
        """Store a small document of the run, as `run.json`, and return its URL."""

    def read_json(self, flow_name: str, run_id: str, name: str) -> Any:
        """A small document of the run; None when there is none."""
