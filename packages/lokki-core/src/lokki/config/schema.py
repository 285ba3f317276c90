"""Every configuration key: its name, type, default, environment variable and bounds, each declared once.

Stage: read by `load` (values), `check` (mistakes) and `show` (people). No I/O.

Everywhere an empty text, list or table means *not set*, and None a value that is worked out when it is needed;
each key says what happens then.
"""

from __future__ import annotations

from collections.abc import Mapping

from .table import NO_ENTRIES, Key, Table, key, keys_in, plain_values, tables_in

_ARN = r"arn:.+"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""What CloudWatch Logs allows."""


class RolesConfig(Table):
    """`[aws.roles]`: ARNs of roles that exist. An empty one is generated with the stack."""

    pipeline: str = key("", "Role of the state machine.", pattern=_ARN, expects="an ARN", v1="roles.pipeline")
    lambda_: str = key("", "Role of the Lambda functions.", pattern=_ARN, expects="an ARN", v1="roles.lambda")
    batch: str = key("", "Role of the Batch jobs.", pattern=_ARN, expects="an ARN", v1="roles.batch")


class AwsConfig(Table):
    """`[aws]`: where flows are deployed and where their data lies."""

    artifact_bucket: str = key(
        "",
        "S3 bucket for data and build artifacts; empty: none, which only local runs can do with.",
        env=("LOKKI_ARTIFACT_BUCKET",),
        pattern=r"[A-Za-z0-9._-]+",
        expects="a bucket's name, without s3:// and without a path",
        v1="artifact_bucket",
    )
    image_repository: str = key(
        "",
        "Registry and repository that images are pushed to; empty: local images, nothing is pushed.",
        env=("LOKKI_IMAGE_REPOSITORY", "LOKKI_ECR_REPO_PREFIX"),
        pattern=r"(?!https?://)\S+",
        expects="a registry and repository without https://",
        older="ecr_repo_prefix",
        v1="ecr_repo_prefix",
    )
    region: str = key(
        "us-east-1",
        "AWS region.",
        env=("LOKKI_AWS_REGION",),
        pattern=r"[a-z0-9-]+",
        expects="a region's name, as eu-west-1",
    )
    endpoint: str = key(
        "",
        "URL of an AWS emulator, which also means no registry login; empty: AWS itself.",
        env=("LOKKI_AWS_ENDPOINT",),
        pattern=r"https?://\S+",
        expects="a URL with http:// or https://",
    )
    environment: str = key(
        "",
        "Suffix of every physical name and S3 prefix, as dev; empty: no suffix.",
        pattern=r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*",
        expects="letters and digits, joined by single hyphens",
    )
    kms_key: str = key("", "KMS key (id, alias or ARN) that encrypts the data; empty: the bucket's own encryption.")
    failure_topic: str = key(
        "", "SNS topic told of failed runs; empty: nobody is told.", pattern=_ARN, expects="an ARN"
    )
    tags: Mapping[str, str] = key(NO_ENTRIES, "Tags of every resource; empty: only lokki's own.")
    policies: tuple[Mapping[str, object], ...] = key(
        (), "IAM statements added to the generated roles, as plain JSON data; empty: none."
    )
    roles: RolesConfig


class VpcConfig(Table):
    """`[lambda.vpc]`: the network of the Lambda functions. Both empty: no VPC."""

    subnets: tuple[str, ...] = key((), "Subnet ids.")
    security_groups: tuple[str, ...] = key((), "Security group ids.")


class LambdaConfig(Table):
    """`[lambda]`: steps that run on Lambda. A step's own options win over these."""

    package_type: str = key("image", "How code is shipped: a container image or a zip.", choices=("image", "zip"))
    base_image: str = key("", "Image that flow images start from; empty: lokki's runtime of this version.")
    image_tag: str = key(
        "", "Tag of the flow's image; empty: the hash of its contents.",
        pattern=r"\w[\w.-]{0,127}", expects="an image tag", v1="lambda_defaults.image_tag",
    )  # fmt: skip
    timeout: int = key(900, "Longest run of one attempt.", unit="seconds", minimum=1, maximum=900,
                       v1="lambda_defaults.timeout")  # fmt: skip
    memory: int = key(512, "Memory of a function.", unit="MB", minimum=128, maximum=10240,
                      v1="lambda_defaults.memory")  # fmt: skip
    ephemeral_storage: int = key(512, "Size of a function's /tmp.", unit="MB", minimum=512, maximum=10240)
    architecture: str = key("x86_64", "Processor of functions and images.", choices=("x86_64", "arm64"))
    python: str = key("3.12", "Python version of functions and images.", choices=("3.11", "3.12", "3.13"))
    log_retention_days: int = key(30, "How long logs are kept.", unit="days", choices=_RETENTION_DAYS)
    env: Mapping[str, str] = key(
        NO_ENTRIES, "Environment variables of every function; empty: only lokki's own.",
        names=_VARIABLE, v1="lambda_env", redact=True,
    )  # fmt: skip
    vpc: VpcConfig


class BatchConfig(Table):
    """`[batch]`: steps that run on AWS Batch. A step's own options win over these."""

    job_queue: str = key(
        "", "Job queue (name or ARN); empty: none, or the one that create_environment makes.",
        env=("LOKKI_BATCH_JOB_QUEUE",),
    )  # fmt: skip
    job_definition_name: str = key(
        "", "Name of an existing job definition; empty: one is generated per step.",
        env=("LOKKI_BATCH_JOB_DEFINITION",),
    )  # fmt: skip
    vcpu: float = key(2, "Processors of a job.", unit="vCPUs", minimum=0.25)
    memory_mb: int = key(4096, "Memory of a job.", unit="MB", minimum=4)
    timeout_seconds: int = key(3600, "Longest run of one attempt.", unit="seconds", minimum=60)
    image: str = key("", "Image of the jobs; empty: the flow's own.")
    create_environment: bool = key(False, "Whether the stack gets a Fargate compute environment and queue.")
    subnets: tuple[str, ...] = key((), "Subnet ids of the compute environment that create_environment makes.")
    security_groups: tuple[str, ...] = key((), "Security group ids of that compute environment.")
    env: Mapping[str, str] = key(
        NO_ENTRIES, "Environment variables of every job; empty: only lokki's own.", names=_VARIABLE, redact=True
    )


class BuildConfig(Table):
    """`[build]`: how images are built."""

    dependencies: str = key(
        "image", "Where dependencies are installed: in a build stage of the image, or on this host.",
        choices=("image", "host"),
    )  # fmt: skip


class LocalConfig(Table):
    """`[local]`: runs on this machine."""

    store_type: str = key(
        "local", "Where results go: files beside the flow, or memory, which keeps nothing.",
        env=("LOKKI_STORE_TYPE",), choices=("local", "memory"),
    )  # fmt: skip
    executor: str = key("thread", "What runs the items of a map.", choices=("thread", "process"))
    workers: int | None = key(None, "Items that run at once; none: chosen from this machine's processors.", minimum=1)
    keep_runs: int = key(10, "Runs of a flow that are kept.", minimum=1)


class LoggingConfig(Table):
    """`[logging]`: what a run says about itself."""

    level: str = key("INFO", "The least severe messages shown.", env=("LOKKI_LOG_LEVEL",),
                     choices=("DEBUG", "INFO", "WARNING", "ERROR"))  # fmt: skip
    format: str = key("human", "Lines for people, or one JSON object a line.", choices=("human", "json"))
    progress_interval: int = key(10, "Time between two progress lines of a map.", unit="seconds", minimum=1)
    show_timestamps: bool = key(True, "Whether lines for people start with the time.")


class SecretsConfig(Table):
    """`[secrets]`: secrets that steps find in their environment."""

    secret_arns: Mapping[str, str] = key(
        NO_ENTRIES, "Environment variable → ARN of its secret, or ARN:SecretString:key; fetched when a step starts.",
        names=_VARIABLE, pattern=_ARN, expects="an ARN, or ARN:SecretString:key",
    )  # fmt: skip


class IncludeConfig(Table):
    """`[include]`: files that are shipped with a flow beside its own module."""

    paths: tuple[str, ...] = key((), "Globs relative to the flow file; empty: no further files.")


class LokkiConfig(Table):
    """The whole configuration: typed, frozen, and each value knows where it came from.

    `load_config` makes it from files, environment and options, and checks it. Called directly it takes
    `values` {dotted key: value} as they are, for tests and tools.
    """

    build_dir: str = key(
        "lokki-build", "Folder that builds are written to, relative to the working directory.",
        env=("LOKKI_BUILD_DIR",), v1="build_dir",
    )  # fmt: skip
    aws: AwsConfig
    lambda_: LambdaConfig
    batch: BatchConfig
    build: BuildConfig
    local: LocalConfig
    logging: LoggingConfig
    secrets: SecretsConfig
    include: IncludeConfig

    def __init__(
        self,
        values: Mapping[str, object] = NO_ENTRIES,
        origins: Mapping[str, str] = NO_ENTRIES,
        warnings: tuple[str, ...] = (),
    ) -> None:
        super().__init__(values)
        self.__dict__.update(_origins=origins, _warnings=warnings)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its reader should know though it is no mistake, one sentence each; empty for nothing."""
        found: tuple[str, ...] = self.__dict__["_warnings"]
        return found

    def origin(self, path: str) -> str:
        """Where the value of the dotted key `path` came from.

        `default`, `file PATH`, `env NAME`, `option --flag` or `option`. For a table whose entries came from
        several places: all of them, lowest first. An entry has its own: `lambda.env.NAME`.
        Raises ConfigError when there is no such key.
        """
        from .origin import origin_of  # noqa: PLC0415  # only for those who ask

        return origin_of(self.__dict__["_origins"], path)

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (plain_values(self), dict(self.__dict__["_origins"]), self.warnings))


KEYS: dict[str, Key] = dict(keys_in(LokkiConfig))
"""{dotted name: key}, every key there is, in the order they are shown."""

TABLES: dict[str, type[Table]] = dict(tables_in(LokkiConfig))
"""{dotted name: table}, every table there is."""
