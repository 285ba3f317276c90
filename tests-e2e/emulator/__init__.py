"""An AWS on this machine for the tests: MiniStack 1.5.33, and what it lacks of what our definitions use.

Runs as a process of its own, with a Python of its own (`python -m emulator`); `e2e_support.standin` starts it. What is
added was written from AWS's documentation:

    batch/      AWS Batch: jobs as containers, AWS::Batch::* in CloudFormation
    states/     Step Functions: Distributed Maps as they are (a child's own context, failure thresholds, ResultWriter),
                batch:submitJob.sync, the 256 KiB limit, definitions read strictly
    access      what the role of a state machine may do
    containers  Lambda's containers as tight as Lambda's

Modules that import nothing of MiniStack are pure, and tested on their own. The others reach into its internals, which
is why its version is pinned.
"""
