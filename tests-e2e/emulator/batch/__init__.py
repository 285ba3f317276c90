"""AWS Batch: a queue is a name, a job is a container of the engine."""
