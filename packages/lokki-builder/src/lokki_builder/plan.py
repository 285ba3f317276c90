"""Plans a build: everything that will be written, as data.

Input: a BuildRequest. Output: `BuildPlan`, {path: bytes} and what to say about it. No I/O. Raises BuildError with
everything that is wrong at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lokki.graph import FlowGraph, StepOptions

from . import sam
from .asl.functions import assign_functions
from .asl.machine import FunctionRef, Machine, MachineOptions, build_machine
from .asl.names import assign_names
from .cfn.batch import LOST_HOSTS, job_documents
from .cfn.compute import zip_name
from .cfn.stack import Code, MachineParts, Stack, Step
from .cfn.template import Template, build_template
from .errors import AslError, LimitError, TemplateError
from .image.bundle import Bundle, make_bundle
from .image.requirements import local_paths
from .manifest import MANIFEST, manifest
from .request import BuildRequest
from .summary import Facts, summary_lines

STATE_MACHINE = "statemachine.json"
TEMPLATE = "template.yaml"
SAM = "sam.yaml"
JOBS = "batch/job-definitions.json"


@dataclass(frozen=True)
class BuildPlan:
    """A build, ready to be written, and what whoever deploys it needs to know."""

    files: Mapping[str, bytes]
    """{path below the build folder: content}."""
    executable: frozenset[str]
    """Those of `files` that may be executed."""
    flow: str
    """The flow's name."""
    stack_name: str
    """FlowName's default: the flow's name and the environment."""
    image: str
    """`repository:tag` of the image; empty for a zip."""
    image_tag: str
    zip_key: str
    """The zip's key in the bucket; empty for an image."""
    platform: str
    """What the image is built for, as Docker says it."""
    parameters: Mapping[str, str]
    """{template parameter: default}; empty for one without a default."""
    template_needs_upload: bool
    """Whether the template is too large for an API call and goes through S3."""
    layers: Mapping[str, str]
    """{`dependencies`, `flow`: hash}."""
    warnings: tuple[str, ...]
    """What the user should know though it is no mistake, one sentence each."""
    summary: tuple[str, ...]
    """What was built, line by line, for people."""


def plan_build(request: BuildRequest) -> BuildPlan:
    """Everything a build writes.

    Raises TemplateError with every finding, of whichever part; AslError for a fault in a definition; PackagingError.
    """
    graph = request.resolved.graph
    bundle = make_bundle(request)
    machine, findings = _machine(request)
    stack = make_stack(request, machine, bundle)
    template = build_template(stack)
    findings += [*bundle.findings, *template.findings]
    if findings or machine is None:
        raise TemplateError(_listed(graph.name, findings))
    return _plan(request, stack, machine, bundle, template)


def machine_options(request: BuildRequest) -> MachineOptions:
    """What the configuration decides about the state machine."""
    config = request.config
    return MachineOptions(
        lambda_timeout_s=config.lambda_.timeout,
        batch_timeout_s=config.batch.timeout_seconds,
        batch_attempts=LOST_HOSTS,
    )


def make_stack(request: BuildRequest, machine: Machine | None, bundle: Bundle) -> Stack:
    """What the template is made from; without a machine, what can be judged all the same."""
    graph = request.resolved.graph
    functions = machine.functions if machine else _functions(request)
    steps = _steps(graph, functions)
    return Stack(
        flow=graph.name,
        schedule=graph.schedule,
        timezone=graph.timezone,
        config=request.config,
        code=_code(request, bundle),
        machine=_parts(machine) if machine else MachineParts("", (), has_maps=False),
        functions=tuple(step for kind, step in steps if kind != "batch"),
        jobs=tuple(step for kind, step in steps if kind == "batch"),
        versions=dict(sorted(request.versions.items())),
    )


def _parts(machine: Machine) -> MachineParts:
    return MachineParts(machine.text, tuple(machine.substitutions), bool(machine.maps))


def _functions(request: BuildRequest) -> dict[str, FunctionRef]:
    """The functions of a flow whose state machine has mistakes."""
    graph = request.resolved.graph
    return assign_functions(graph, assign_names(graph), machine_options(request))


def _machine(request: BuildRequest) -> tuple[Machine | None, list[str]]:
    """The state machine, or what is wrong with it."""
    try:
        return build_machine(request.resolved.graph, machine_options(request)), []
    except LimitError as error:
        return None, [finding.text for finding in error.findings]
    except AslError as error:
        return None, list(error.findings)


def _steps(graph: FlowGraph, functions: Mapping[str, FunctionRef]) -> list[tuple[str, Step]]:
    """(kind, function or job definition), each once, in the flow's order."""
    options = {task.node: task.options for task in graph.tasks()}
    found: dict[str, tuple[str, Step]] = {}
    for ref in functions.values():
        found.setdefault(ref["logical"], (ref["kind"], _step(ref, options.get(ref["node"], StepOptions()))))
    return list(found.values())


def _step(ref: FunctionRef, options: StepOptions) -> Step:
    name = "lokki-collect" if ref["kind"] == "collect" else ref["node"]
    return Step(ref["node"], name, ref["logical"], ref["substitution"], ref["timeout_s"], options)


def _code(request: BuildRequest, bundle: Bundle) -> Code:
    config = request.config
    return Code(
        package_type="zip" if config.lambda_.package_type == "zip" else "image",
        content_hash=bundle.content_hash,
        image_tag=config.lambda_.image_tag or bundle.content_hash,
        image_repository=config.aws.image_repository or request.resolved.graph.name,
    )


def _plan(request: BuildRequest, stack: Stack, machine: Machine, bundle: Bundle, template: Template) -> BuildPlan:
    image = stack.code.package_type == "image"
    warnings = (*request.warnings, *_warnings(request, stack))
    facts = Facts(stack, machine, template, request.dependencies.source, bundle.layers, warnings)
    files = _files(stack, machine, bundle, template)
    files[MANIFEST] = manifest(request, stack, template, bundle.layers, files)
    return BuildPlan(
        files=files,
        executable=frozenset(f"lambdas/{path}" for path in bundle.executable),
        flow=stack.flow,
        stack_name=stack.name,
        image=f"{stack.code.image_repository}:{stack.code.image_tag}" if image else "",
        image_tag=stack.code.image_tag if image else "",
        zip_key="" if image else f"{stack.name}/{zip_name(bundle.content_hash)}",
        platform=facts.platform,
        parameters=template.parameters,
        template_needs_upload=template.needs_upload,
        layers=bundle.layers,
        warnings=warnings,
        summary=summary_lines(facts),
    )


def _files(stack: Stack, machine: Machine, bundle: Bundle, template: Template) -> dict[str, bytes]:
    files = {
        STATE_MACHINE: machine.text.encode(),
        TEMPLATE: template.text.encode(),
        SAM: sam.document(stack).encode(),
        **{f"lambdas/{path}": content for path, content in bundle.files.items()},
    }
    return files | ({JOBS: job_documents(stack).encode()} if stack.jobs else {})


def _warnings(request: BuildRequest, stack: Stack) -> list[str]:
    """What a user should know of this configuration."""
    warnings = []
    config = request.config
    if request.dependencies.source == "project":
        warnings.append("there is no uv.lock: versions are chosen anew by each build of the image. Run: uv lock")
    warnings += [
        f"the dependency '{line}' is a path on this machine and is left out; add it to include.paths"
        for line in local_paths(request.dependencies.requirements)
    ]
    if config.lambda_.image_tag and stack.code.package_type == "image":
        warnings.append("lambda.image_tag is set: functions keep their code when another image is pushed under it")
    if stack.jobs and config.batch.job_definition_name:
        warnings.append(
            f"the job definition '{config.batch.job_definition_name}' is yours: it has to set LOKKI_ARTIFACT_BUCKET,"
            " LOKKI_FLOW_NAME and LOKKI_WIRE_VERSION, and to run: python -m lokki_runtime batch"
        )
    if config.aws.failure_topic:
        warnings.append("the policy of aws.failure_topic has to let events.amazonaws.com publish to it")
    return warnings


def _listed(flow: str, findings: list[str]) -> str:
    count = f"{len(findings)} mistakes" if len(findings) != 1 else "1 mistake"
    return "\n  ".join([f"flow '{flow}' cannot be built, it has {count}:", *findings])
