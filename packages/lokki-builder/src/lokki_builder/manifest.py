"""`manifest.json`: what was built from what.

Input: the parts of a plan. Output: JSON. It is also how `write` knows a folder, and the files in it, for lokki's.
Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lokki.wire import WIRE_VERSION

from .cfn.stack import Stack
from .cfn.template import Template
from .cfn.variables import function_variables, variables_bytes
from .image.base import base_image, pinned
from .image.digest import digest
from .limits import LIMITS
from .request import BuildRequest

MANIFEST = "manifest.json"
FORMAT = "lokki-build/1"


def manifest(
    request: BuildRequest, stack: Stack, template: Template, layers: Mapping[str, str], files: Mapping[str, bytes]
) -> bytes:
    """The manifest of a build that consists of `files` and itself."""
    document = {
        "format": FORMAT,
        "flow": _flow(request, stack),
        "wire": WIRE_VERSION,
        "versions": dict(sorted(request.versions.items())),
        "code": _code(request, stack, layers),
        "dependencies": _dependencies(request),
        "functions": {step.node: step.logical for step in (*stack.functions, *stack.jobs)},
        "template": {"parameters": dict(template.parameters), "through_s3": template.needs_upload},
        "limits": _limits(stack, template),
        "files": {path: digest(files[path]) for path in sorted(files)},
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def files_of(text: bytes) -> list[str] | None:
    """Paths of the build whose manifest says `text`, itself included; None where that is no manifest of lokki's."""
    try:
        document = json.loads(text)
        known = document["format"] == FORMAT
        return [*map(str, document["files"]), MANIFEST] if known else None
    except (ValueError, KeyError, TypeError):
        return None


def _flow(request: BuildRequest, stack: Stack) -> dict[str, Any]:
    return {
        "name": stack.flow,
        "stack": stack.name,
        "module": request.flow.module,
        "function": request.function,
        "shape": request.resolved.graph.shape_hash(),
    }


def _code(request: BuildRequest, stack: Stack, layers: Mapping[str, str]) -> dict[str, Any]:
    settings = request.config.lambda_
    code: dict[str, Any] = {
        "package_type": stack.code.package_type,
        "hash": stack.code.content_hash,
        "layers": dict(layers),
        "python": settings.python,
        "architecture": settings.architecture,
    }
    if stack.code.package_type == "image":
        base = pinned(base_image(request.config), request.base_digest)
        code |= {"image": f"{stack.code.image_repository}:{stack.code.image_tag}", "base_image": base}
    return code


def _dependencies(request: BuildRequest) -> dict[str, Any]:
    text = request.dependencies.requirements
    return {"source": request.dependencies.source, "sha256": digest(text.encode()) if text else None}


def _limits(stack: Stack, template: Template) -> dict[str, Any]:
    """{limit: what was found and what is allowed}, for those that grow with a flow."""
    environments = [variables_bytes(function_variables(stack, step), stack.name) for step in stack.functions]
    found = {
        "definition": len(stack.machine.text.encode()),
        "template": template.bytes,
        "template_resources": template.resources,
        "lambda_env": max(environments, default=0),
        "state_machine_name": len(stack.name),
    }
    return {name: {"found": size, "allowed": int(LIMITS[name].value)} for name, size in found.items()}
