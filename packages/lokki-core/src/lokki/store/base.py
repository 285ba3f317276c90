"""What all stores have in common: keys, codec, packs and documents over the few operations of a medium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import ObjectMissingError, StoreFormatError, StoreUrlError
from . import codec, keys
from .pack import PackWriter, Row, check_chain, decoded, dump_manifest, load_manifest, read_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .codec import Data
    from .protocol import Blobs

_READ_BYTES = 8 * 1024 * 1024


class BaseStore:
    """`TransientStore` over a medium; `lokki.store.protocol` says what each method promises."""

    def __init__(self, blobs: Blobs, *, flow_name: str | None = None) -> None:
        self._blobs = blobs
        self.flow_name = flow_name
        """The only flow whose data this store touches; None for any in its root."""

    def write(self, flow_name: str, run_id: str, step_name: str, obj: object, *, path: tuple[int, ...] = ()) -> str:
        """Store a step's result and return its URL. Raises what pickle raises."""
        return self._put(keys.output_key(flow_name, run_id, step_name, path), codec.encode(obj))

    def write_pickled(
        self, flow_name: str, run_id: str, step_name: str, payload: bytes, *, path: tuple[int, ...] = ()
    ) -> str:
        """`write` for a result that is already one pickle."""
        return self._put(keys.output_key(flow_name, run_id, step_name, path), codec.compress(payload))

    def write_partial(self, flow_name: str, run_id: str, step_name: str, obj: object, *, path: tuple[int, ...]) -> str:
        """Store what is done of a batch that is not finished and return its URL. Raises what pickle raises."""
        return self._put(keys.partial_key(flow_name, run_id, step_name, path), codec.encode(obj))

    def read(self, url: str) -> Any:
        """The object stored at `url`: exactly one pickle in exactly one gzip member."""
        return decoded(codec.decode, self._get(url), url=url)

    def read_pickled(self, url: str) -> bytes:
        """The object stored at `url`, still pickled."""
        payload: bytes = decoded(codec.decompress, self._get(url), url=url)
        return payload

    def exists(self, url: str) -> bool:
        """Whether anything is stored at `url`."""
        return self._blobs.size(self._key(url)) is not None

    def output_url(self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...] = ()) -> str:
        """Where a step's result is or will be; pure."""
        return self._blobs.url(keys.output_key(flow_name, run_id, step_name, path))

    def partial_url(self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...]) -> str:
        """Where what is done of an unfinished batch is or will be; pure."""
        return self._blobs.url(keys.partial_key(flow_name, run_id, step_name, path))

    def manifest_url(self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...] = ()) -> str:
        """Where the manifest of a step's pack is or will be; pure."""
        return self._blobs.url(keys.manifest_key(flow_name, run_id, step_name, path))

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
        data_key = self._own(keys.output_key(flow_name, run_id, step_name, path))
        manifest_key = keys.manifest_key(flow_name, run_id, step_name, path)
        return PackWriter(
            lambda: self._blobs.open_sink(data_key),
            url=self._blobs.url(data_key),
            manifest_url=self._blobs.url(manifest_key),
            withdraw=lambda: self._blobs.withdraw(manifest_key),
            publish=lambda data: self._blobs.put(manifest_key, data),
            max_items=max_items,
            max_bytes=max_bytes,
        )

    def write_manifest(
        self, flow_name: str, run_id: str, step_name: str, rows: Iterable[Row], *, path: tuple[int, ...] = ()
    ) -> str:
        """Store a manifest and return its URL."""
        return self._put(keys.manifest_key(flow_name, run_id, step_name, path), dump_manifest(rows))

    def read_manifest(self, url: str) -> list[Row]:
        """The rows of a manifest, in item order, without gaps."""
        return load_manifest(self._get(url), url=url)

    def read_batch(self, pack_url: str, row: Row) -> list[Any]:
        """The items of one batch, by one ranged read."""
        data = self._blobs.get_range(self._key(pack_url), row.offset, row.length)
        return read_items(data, row, url=pack_url)

    def iter_pack(self, pack_url: str, rows: Sequence[Row]) -> Iterator[Any]:
        """All items of a pack in order, some megabytes at a time; `rows` is the whole manifest.

        The object must be exactly as long as the manifest says.
        """
        key = self._key(pack_url)
        _, expected = check_chain(rows, url=pack_url)
        self._demand_size(key, expected if rows else len(codec.compress(b"")))
        return self._iter_items(key, pack_url, rows)

    def _demand_size(self, key: str, expected: int) -> None:
        size = self._blobs.size(key)
        url = self._blobs.url(key)
        if size is None:
            raise ObjectMissingError("nothing is stored here.", url=url, operation="read")
        if size != expected:
            raise StoreFormatError(
                f"the pack is {size} bytes long, but its manifest names {expected}.",
                url=url,
                operation="read",
                hint="Run the step that wrote it again.",
            )

    def _iter_items(self, key: str, url: str, rows: Sequence[Row]) -> Iterator[Any]:
        for group in _groups(rows):
            start = group[0].offset
            data = memoryview(self._blobs.get_range(key, start, group[-1].end - start))
            for row in group:
                yield from read_items(data[row.offset - start : row.end - start], row, url=url)

    def write_error(
        self, flow_name: str, run_id: str, step_name: str, record: dict[str, Any], *, path: tuple[int, ...] = ()
    ) -> str:
        """Store why a step failed, JSON values only, and return its URL."""
        return self._put_json(keys.error_key(flow_name, run_id, step_name, path), record)

    def read_error(
        self, flow_name: str, run_id: str, step_name: str, *, path: tuple[int, ...] = ()
    ) -> dict[str, Any] | None:
        """Why a step failed; None when nothing is stored."""
        record = self._get_json(keys.error_key(flow_name, run_id, step_name, path))
        return record if isinstance(record, dict) else None

    def create_bindings(self, flow_name: str, run_id: str, obj: object) -> bool:
        """Store what the flow body bound, once: False when it was already there, and is kept."""
        return self._blobs.create(self._own(keys.bindings_key(flow_name, run_id)), codec.encode(obj))

    def read_bindings(self, flow_name: str, run_id: str) -> Any:
        """What the flow body bound. Raises `ObjectMissingError` before `create_bindings`."""
        return self.read(self._blobs.url(self._own(keys.bindings_key(flow_name, run_id))))

    def write_json(self, flow_name: str, run_id: str, name: str, value: Any) -> str:
        """Store a small document of the run, as `run.json`, and return its URL."""
        return self._put_json(keys.document_key(flow_name, run_id, name), value)

    def read_json(self, flow_name: str, run_id: str, name: str) -> Any:
        """A small document of the run; None when there is none."""
        return self._get_json(keys.document_key(flow_name, run_id, name))

    def _put(self, key: str, data: bytes) -> str:
        self._blobs.put(self._own(key), data)
        return self._blobs.url(key)

    def _get(self, url: str) -> Data:
        return self._blobs.get(self._key(url))

    def _key(self, url: str) -> str:
        return self._own(self._blobs.key(url))

    def _own(self, key: str) -> str:
        """`key`, if it belongs to this store's flow."""
        if self.flow_name is not None and not key.startswith(f"{self.flow_name}/"):
            raise StoreUrlError(
                f"this belongs to another flow than '{self.flow_name}', whose data this store may touch.",
                url=self._blobs.url(key),
                operation="access",
            )
        return key

    def _put_json(self, key: str, value: Any) -> str:
        import json  # noqa: PLC0415  # only where there is JSON

        return self._put(key, json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass"))

    def _get_json(self, key: str) -> Any:
        import json  # noqa: PLC0415  # only where there is JSON

        try:
            data = self._blobs.get(self._own(key))
        except ObjectMissingError:
            return None
        try:
            return json.loads(bytes(data))
        except ValueError as error:
            url = self._blobs.url(key)
            raise StoreFormatError(f"this is no JSON ({error}).", url=url, operation="read") from error


def _groups(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Neighbouring rows of some megabytes together; at least one each."""
    begin = 0
    for position, row in enumerate(rows):
        if row.end - rows[begin].offset > _READ_BYTES and position > begin:
            yield rows[begin:position]
            begin = position
    if rows:
        yield rows[begin:]
