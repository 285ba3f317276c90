"""What runs: the build context of a flow's image, or its zip, and the hashes of their parts.

Input: a BuildRequest. Output: `Bundle`: {path: content} below `lambdas/`. Pure. Raises PackagingError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from lokki.wire import WIRE_VERSION

from ..errors import PackagingError
from ..limits import check
from ..request import BuildRequest
from .base import PLATFORMS, RUNTIME_VERSION, base_image, pinned
from .digest import tree_digest
from .dockerfile import Layers, dockerfile
from .requirements import SECRETS_REQUIREMENTS, clean, names
from .zip import make_zip, merge

FLOW_FILE = "lokki-flow.json"
ZIP_FILE = "function.zip"


@dataclass(frozen=True)
class Bundle:
    """A flow's code, packed."""

    files: Mapping[str, bytes]
    """{path below `lambdas/`: content}."""
    executable: frozenset[str]
    """Those of `files` that may be executed."""
    content_hash: str
    """What all of it is: the image's tag, the zip's key."""
    layers: Mapping[str, str]
    """{`dependencies`, `flow`: hash}. Editing a flow's file changes `flow` only."""
    findings: tuple[str, ...] = ()
    """What AWS would refuse, one line each."""


def make_bundle(request: BuildRequest) -> Bundle:
    """The image's build context or the zip, as the configuration wants."""
    return _zip(request) if request.config.lambda_.package_type == "zip" else _context(request)


def flow_document(request: BuildRequest) -> bytes:
    """`lokki-flow.json`: what the runtime needs to know of the flow, as JSON."""
    graph = request.resolved.graph
    document = {
        "wire": WIRE_VERSION,
        "flow": graph.name,
        "module": request.flow.module,
        "file": request.flow.file,
        "function": request.function,
        "graph": graph.to_dict(),
        "shape": graph.shape_hash(),
    }
    return (json.dumps(document, indent=2) + "\n").encode()


def wants_secrets(request: BuildRequest) -> bool:
    """Whether an image needs what fetches secrets: a function has some, and the flow does not bring boto3 itself."""
    on_lambda = any(task.options.job_type == "lambda" for task in request.resolved.graph.tasks())
    own = "boto3" in names(request.dependencies.requirements)
    image = request.config.lambda_.package_type == "image"
    return bool(request.config.secrets.secret_arns) and on_lambda and image and not own


def _context(request: BuildRequest) -> Bundle:
    packages = _package_files(request)
    flow = _flow_files(request)
    text = dockerfile(_layers(request, packages)).encode()
    files = {"Dockerfile": text, **packages, **flow}
    executable = frozenset(f"flow/{path}" for path in request.flow.executable)
    facts = _facts(request)
    return Bundle(
        files,
        executable,
        tree_digest(files, *facts, executable=executable),
        {"dependencies": tree_digest(packages, *facts), "flow": tree_digest(flow, executable=executable)},
    )


def _zip(request: BuildRequest) -> Bundle:
    flow = merge(("the flow", request.flow.files), ("lokki", {FLOW_FILE: flow_document(request)}))
    if not request.installed.packages:
        raise PackagingError("a zip needs lokki-runtime and the flow's packages, but none were installed for it.")
    files = merge(
        ("the flow", flow), ("an installed package", request.installed.packages), ("", request.installed.bytecode)
    )
    executable = request.flow.executable
    facts = (request.config.lambda_.python, request.config.lambda_.architecture)
    unpacked = sum(map(len, files.values()))
    over = check("lambda_zip", unpacked, f"the zip of flow '{request.resolved.graph.name}'", "Use an image.")
    return Bundle(
        {ZIP_FILE: make_zip(files, executable)},
        frozenset(),
        tree_digest(files, *facts, executable=executable),
        {
            "dependencies": tree_digest(request.installed.packages, *facts),
            "flow": tree_digest(flow, executable=executable),
        },
        tuple(finding.text for finding in over),
    )


def _flow_files(request: BuildRequest) -> dict[str, bytes]:
    if FLOW_FILE in request.flow.files:
        raise PackagingError(f"{FLOW_FILE}: lokki writes this file itself.", hint="Rename yours.")
    own = {f"flow/{path}": content for path, content in request.flow.files.items()}
    return {FLOW_FILE: flow_document(request), **dict(sorted(own.items()))}


def _package_files(request: BuildRequest) -> dict[str, bytes]:
    """Requirements to install, or what was installed already."""
    requirements = clean(request.dependencies.requirements)
    files = {"requirements.txt": requirements.encode()} if requirements else {}
    if wants_secrets(request):
        files["requirements-secrets.txt"] = SECRETS_REQUIREMENTS.encode()
    if request.config.build.dependencies == "host":
        files |= _prefixed("packages/", request.installed.packages)
        files |= _prefixed("secrets/", request.installed.secrets)
    return files


def _has(files: Mapping[str, bytes], beginning: str) -> bool:
    return any(path.startswith(beginning) for path in files)


def _prefixed(folder: str, tree: Mapping[str, bytes]) -> dict[str, bytes]:
    return {folder + path: tree[path] for path in sorted(tree)}


def _layers(request: BuildRequest, packages: Mapping[str, bytes]) -> Layers:
    from_host = request.config.build.dependencies == "host"
    graph = request.resolved.graph
    version = request.versions.get("lokki-runtime", RUNTIME_VERSION)
    return Layers(
        base=pinned(base_image(request.config, version), request.base_digest),
        packages=_has(packages, "packages/" if from_host else "requirements.txt"),
        secrets=_has(packages, "secrets/" if from_host else "requirements-secrets.txt"),
        from_host=from_host,
        locked=request.dependencies.locked,
        labels={"org.opencontainers.image.title": graph.name, "io.lokki.flow": graph.name},
    )


def _facts(request: BuildRequest) -> tuple[str, ...]:
    """What the packages in an image depend on besides their files."""
    settings = request.config.lambda_
    version = request.versions.get("lokki-runtime", RUNTIME_VERSION)
    base = pinned(base_image(request.config, version), request.base_digest)
    return (base, settings.python, PLATFORMS[settings.architecture])
