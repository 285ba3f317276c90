"""What all container tests share: one engine, one runtime image, one S3; each flow is built once."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from e2e_support.aws import AWS_ITSELF, Aws, chosen_endpoint
from e2e_support.containers import Containers, running
from e2e_support.deployed import BuildFlow, Built, Deploy, Deployed, build_flow, deployed, load_flow
from e2e_support.docker import Docker, EngineMissingError, engine_in_use, load_base
from e2e_support.images import build_runtime
from e2e_support.managed import build_managed
from e2e_support.places import flow_file
from e2e_support.project import MakeProject, Project, copy_flow
from e2e_support.stacks import DeployedStack, DeployStack
from e2e_support.standin import StandIn
from e2e_support.storage import Storage, serving
from e2e_support.values import RunLocally
from e2e_support.weights import Tell
from e2e_support.wheels import emulator, runtime_wheels
from lokki import environment
from lokki.runner.local import LocalRunner
from lokki.runs import Run
from lokki_builder.gather import BuildOptions

TABLES = pytest.StashKey[list[str]]()
"""Lines that tests have for whoever reads the end of the output."""

STANDIN = pytest.StashKey[StandIn]()
"""The emulator of this run, once it has been started."""


@pytest.fixture
def tell(pytestconfig: pytest.Config) -> Tell:
    """`tell(lines)`: show them below the tests' results, whether these passed or not."""
    return pytestconfig.stash.setdefault(TABLES, []).extend


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show what tests told."""
    for line in config.stash.get(TABLES, []):
        terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the emulator's log beside what failed."""
    report = yield
    standin = item.config.stash.get(STANDIN, None)
    if report.failed and standin is not None and "aws" in getattr(item, "fixturenames", ()):
        report.sections.append((f"the emulator's log, {standin.emulator.log}", standin.emulator.tail()))
    return report


@pytest.fixture(scope="session")
def docker() -> Iterator[Docker]:
    """The engine. Without one the tests are skipped with the reason; in CI that is a failure."""
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(engine_in_use(keep=bool(environment.get("LOKKI_E2E_KEEP_ENGINE"))))
        except EngineMissingError as error:
            pytest.skip(str(error))
        yield engine


@pytest.fixture(scope="session")
def base_image(docker: Docker) -> str:
    """Debian with its own Python."""
    return load_base()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheels of lokki-runtime and of what it needs."""
    return runtime_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def runtime_image(docker: Docker, base_image: str, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image flows start from, built of docker/runtime."""
    return build_runtime(docker, base_image, wheels, tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def storage(docker: Docker) -> Iterator[Storage]:
    """An S3 at the engine's bridge."""
    with serving(docker.bridge_address()) as storage:
        yield storage


@pytest.fixture(scope="session")
def aws(docker: Docker, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Aws]:
    """The AWS that flows are deployed to (`LOKKI_E2E_ENDPOINT`): by default an emulator of this test run's own."""
    endpoint = chosen_endpoint()
    if endpoint:
        yield Aws(None if endpoint == AWS_ITSELF else endpoint)
        return
    standin = StandIn.of_its_own(docker, tmp_path_factory.mktemp("standin"))
    pytestconfig.stash[STANDIN] = standin
    try:
        yield standin.up()
    finally:
        standin.down()


@pytest.fixture(scope="session")
def bucket(aws: Aws) -> Iterator[str]:
    """A bucket for all that is deployed."""
    name = aws.make_bucket()
    yield name
    aws.remove_bucket(name)


@pytest.fixture(scope="session")
def project(
    docker: Docker,
    aws: Aws,
    bucket: str,
    runtime_image: str,
    managed_image: str,
    wheels: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeProject:
    """`project("birds_flow", lambda_={"memory": 512})`: a copy of a flow of `flows/` or `examples/`, to work with."""

    def made(name: str, **tables: Mapping[str, object]) -> Project:
        file = copy_flow(flow_file(name), tmp_path_factory.mktemp(name))
        made = Project(file, load_flow(flow_file(name), name), aws, docker, bucket, wheels)
        made.configure(**{table.rstrip("_"): values for table, values in tables.items()})
        return made

    return made


@pytest.fixture
def deploy_stack() -> Iterator[DeployStack]:
    """`deploy_stack(project)`: its stack, for the length of the test."""
    with ExitStack() as stack:

        def made(project: Project) -> DeployedStack:
            deployed = DeployedStack.make(project)
            stack.callback(deployed.remove)
            return deployed

        yield made


@pytest.fixture(scope="session")
def managed_image(docker: Docker, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What zips run in."""
    return build_managed(docker, base_image, tmp_path_factory.mktemp("managed"))


@pytest.fixture
def containers(docker: Docker, storage: Storage) -> Iterator[Containers]:
    """Containers of one test, gone afterwards."""
    with running(Containers(docker, emulator(), storage.variables())) as containers:
        yield containers


@pytest.fixture(scope="session")
def build(docker: Docker, runtime_image: str, tmp_path_factory: pytest.TempPathFactory) -> BuildFlow:
    """`build("retry_flow")`: a flow of `flows/` or `examples/`, built; the same one for equal arguments."""
    known: dict[str, Built] = {}

    def made(name: str, options: BuildOptions | None = None, file: Path | None = None, **config: Any) -> Built:
        key = f"{name} {file} {options} {sorted(config.items())}"
        if key not in known:
            settings = {option.replace("__", "."): value for option, value in config.items()}
            flow = load_flow(file or flow_file(name), name)
            known[key] = build_flow(docker, flow, tmp_path_factory.mktemp(name), settings, options)
        return known[key]

    return made


@pytest.fixture
def deploy(build: BuildFlow, storage: Storage, containers: Containers) -> Iterator[Deploy]:
    """`deploy("retry_flow")`: as `build`, and its functions may be invoked until the test ends."""
    with ExitStack() as stack:

        def made(name: str, **config: Any) -> Deployed:
            return stack.enter_context(deployed(build(name, **config), storage, containers))

        yield made


@pytest.fixture
def run_locally(tmp_path: Path) -> RunLocally:
    """`run_locally(flow, params)`: the same flow on this machine, as an author runs it."""

    def run(flow: Any, params: Any = None) -> Run:
        root = str(tmp_path / "runs")
        done = LocalRunner(root=root).run(flow, params)
        return Run(flow.name, done.run_id, root=root)

    return run
