"""The steps of a job: one class per `type`."""

from .base import Batch, Retry, StepBase
from .calls import ApiCall, LambdaInvoke, OutboxEnqueue
from .control import STEP_CLASSES, Conditional, Step
from .database import DbInsert, DbQueryOne, DbRead, DbUpdate, DbUpsert
from .files import ColumnSpec, CsvRead, CsvWrite
from .mapping import ItemStep, MappingStep, OnError, PassThrough
from .sheets import SheetsRead, SheetsWrite

__all__ = [
    "STEP_CLASSES",
    "ApiCall",
    "Batch",
    "ColumnSpec",
    "Conditional",
    "CsvRead",
    "CsvWrite",
    "DbInsert",
    "DbQueryOne",
    "DbRead",
    "DbUpdate",
    "DbUpsert",
    "ItemStep",
    "LambdaInvoke",
    "MappingStep",
    "OnError",
    "OutboxEnqueue",
    "PassThrough",
    "Retry",
    "SheetsRead",
    "SheetsWrite",
    "Step",
    "StepBase",
]
