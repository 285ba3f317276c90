"""AWS, typed: the only place that imports boto3, and only when a command really talks to AWS.

`clients` opens it, `errors` explains what it says, `names` knows how things of a flow are called there; the other
modules each speak to one service. No click, nothing printed.
"""
