"""Functions and APIs: one interface, one module for each kind."""

from portl.retry import RetryPolicy

from .base import Client, HttpRequest, LambdaRequest, Reply, Request

__all__ = ["Client", "HttpRequest", "LambdaRequest", "Reply", "Request", "RetryPolicy"]
