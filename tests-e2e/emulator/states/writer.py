"""What a ResultWriter stores: files of the children's results, and the manifest that names them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Child = Mapping[str, Any]
"""A child execution's record."""


def result_files(children: Sequence[Child], prefix: str, bucket: str, map_run: str) -> dict[str, bytes]:
    """{key: content} of everything that is written, the manifest last. `prefix` ends without a slash."""
    files: dict[str, bytes] = {}
    named: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
    for status in ("SUCCEEDED", "FAILED"):
        told = [_told(child) for child in children if child["status"] == status]
        if told:
            key, content = f"{prefix}/{status}_0.json", _json(told)
            files[key] = content
            named[status].append({"Key": key, "Size": len(content)})
    manifest = {"DestinationBucket": bucket, "MapRunArn": map_run, "ResultFiles": named}
    files[manifest_key(prefix)] = _json(manifest)
    return files


def manifest_key(prefix: str) -> str:
    """Where the manifest lies."""
    return f"{prefix}/manifest.json"


def _told(child: Child) -> dict[str, Any]:
    told = {
        "ExecutionArn": child["executionArn"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
        "Name": child["name"],
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE" if child["status"] == "SUCCEEDED" else "REDRIVABLE",
        "StartDate": child["startDate"],
        "StateMachineArn": child["stateMachineArn"],
        "Status": child["status"],
        "StopDate": child["stopDate"],
    }
    if child["status"] == "SUCCEEDED":
        return {**told, "Output": child["output"], "OutputDetails": {"Included": True}}
    return {**told, "Error": child.get("error"), "Cause": child.get("cause")}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
