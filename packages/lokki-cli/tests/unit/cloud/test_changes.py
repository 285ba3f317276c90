"""What a change comes to, for people."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lokki_cli import changesview
from lokki_cli.aws.stacks import Change
from lokki_cli.ops.changes import Diff, Line, diff, differences
from lokki_cli.ops.policies import statements
from lokki_cli.ops.states import states

TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]
}
ARN = {"Fn::Sub": "arn:${AWS::Partition}:s3:::${S3Bucket}/*"}


def machine(states: dict[str, Any]) -> str:
    return json.dumps({"StartAt": "A", "States": states})


def template() -> dict[str, Any]:
    return {
        "Resources": {
            "LambdaRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "AssumeRolePolicyDocument": TRUST,
                    "Policies": [
                        {
                            "PolicyDocument": {
                                "Statement": [
                                    {"Sid": "UseRuns", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ARN},
                                    {"Sid": "Trace", "Effect": "Allow", "Action": ["xray:Put"], "Resource": "*"},
                                ]
                            }
                        }
                    ],
                },
            },
            "Flap": {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 512, "Description": "a", "Env": {}}},
            "FlapVersion1": {"Type": "AWS::Lambda::Version", "Properties": {}},
            "StateMachine": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "DefinitionString": machine(
                        {
                            "A": {"Type": "Task", "Next": "M", "TimeoutSeconds": 60},
                            "M": {
                                "Type": "Map",
                                "End": True,
                                "ItemProcessor": {"States": {"B": {"Type": "Task", "End": True}}},
                            },
                        }
                    )
                },
            },
        }
    }


def test_everything_of_a_new_stack_is_added() -> None:
    new = template()
    changes = [Change("Add", name, one["Type"], "") for name, one in new["Resources"].items()]
    found = diff({}, new, changes)
    assert found.resources == (
        Line("+", "LambdaRole (IAM::Role)"),
        Line("+", "Flap (Lambda::Function)"),
        Line("+", "StateMachine (StepFunctions::StateMachine)"),
        Line("+", "1 version of functions", "the old ones are kept"),
    )
    assert found.statements == (
        Line("+", "LambdaRole trust", "Allow lambda.amazonaws.com: sts:AssumeRole"),
        Line("+", "LambdaRole UseRuns", "Allow s3:GetObject on arn:${AWS::Partition}:s3:::${S3Bucket}/*"),
        Line("+", "LambdaRole Trace", "Allow xray:Put on *"),
    )
    assert found.states == (Line("+", "A", "Task"), Line("+", "M", "Map"), Line("+", "M/B", "Task"))


def test_what_changes_is_named_with_its_values() -> None:
    old, new = template(), template()
    flap = new["Resources"]["Flap"]["Properties"]
    flap |= {"MemorySize": 1024, "Description": "b", "Env": {"X": "1"}}
    policy = new["Resources"]["LambdaRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    policy[0]["Action"].append("s3:PutObject")
    policy[1]["Sid"] = "Other"
    definition = json.loads(new["Resources"]["StateMachine"]["Properties"]["DefinitionString"])
    definition["States"]["A"] |= {"TimeoutSeconds": 90, "Retry": []}
    definition["States"]["M"]["ItemProcessor"]["States"] = {"C": {"Type": "Task", "End": True}}
    new["Resources"]["StateMachine"]["Properties"]["DefinitionString"] = json.dumps(definition)
    del new["Resources"]["FlapVersion1"]
    new["Resources"]["FlapVersion2"] = {"Type": "AWS::Lambda::Version"}
    changes = [
        Change("Modify", "Flap", "AWS::Lambda::Function", "False"),
        Change("Modify", "LambdaRole", "AWS::IAM::Role", "True"),
        Change("Add", "FlapVersion2", "AWS::Lambda::Version", ""),
        Change("Remove", "FlapVersion1", "AWS::Lambda::Version", ""),
        Change("Remove", "Gone", "AWS::Logs::LogGroup", ""),
        Change("Modify", "StateMachine", "AWS::StepFunctions::StateMachine", "False"),
    ]
    found = diff(old, new, changes)
    assert found.resources == (
        Line("~", "LambdaRole (IAM::Role)", "made anew"),
        Line("~", "Flap (Lambda::Function)", "MemorySize 512 → 1024, code, Env"),
        Line("~", "StateMachine (StepFunctions::StateMachine)"),
        Line("-", "Gone (Logs::LogGroup)"),
        Line("+", "1 version of functions", "the old ones are kept"),
    )
    old_arn = "on arn:${AWS::Partition}:s3:::${S3Bucket}/*"
    assert found.statements == (
        Line("+", "LambdaRole Other", "Allow xray:Put on *"),
        Line("~", "LambdaRole UseRuns", f"Allow s3:GetObject {old_arn} → Allow s3:GetObject, s3:PutObject {old_arn}"),
        Line("-", "LambdaRole Trace", "Allow xray:Put on *"),
    )
    assert found.states == (
        Line("+", "M/C", "Task"),
        Line("~", "A", "TimeoutSeconds 60 → 90, Retry"),
        Line("-", "M/B", "Task"),
    )
    assert not found.empty
    assert found.to_dict()["states"][1] == {"change": "change", "name": "A", "detail": "TimeoutSeconds 60 → 90, Retry"}


def test_nothing_changes() -> None:
    assert diff(template(), template(), []) == Diff((), (), ())
    assert Diff((), (), ()).empty


def test_statements_as_people_may_write_them() -> None:
    policy = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyDocument": {
                "Statement": {
                    "Effect": "Deny",
                    "NotAction": "s3:*",
                    "NotResource": [{"Ref": "X"}, {"Fn::GetAtt": ["Y", "Arn"]}, {"Fn::GetAtt": "Z.Arn"}],
                    "Condition": {"Bool": {"a": ["b", {"Ref": "C"}]}},
                }
            }
        },
    }
    twice = copy.deepcopy(policy)
    twice["Properties"]["PolicyDocument"]["Statement"] = [  # type: ignore[index]  # a template is loosely typed
        {"Sid": "A", "Action": "x", "Resource": {"a": 1, "b": 2}},
        {"Sid": "A", "Action": "y"},
    ]
    found = statements({"P": policy, "Q": twice, "R": {"Type": "AWS::S3::Bucket"}})
    assert found == {
        "P 1": 'Deny all but s3:* on all but ${X}, ${Y.Arn}, ${Z.Arn} if {"Bool": {"a": ["b", "${C}"]}}',
        "Q A": 'Allow x on {"a": 1, "b": 2}',
        "Q A 2": "Allow y",
    }


def test_machines_that_cannot_be_read_have_no_states() -> None:
    kind = "AWS::StepFunctions::StateMachine"
    for properties in ({}, {"DefinitionString": "{"}, {"DefinitionString": "3"}, {"DefinitionString": {"Ref": "X"}}):
        assert states({"M": {"Type": kind, "Properties": properties}}) == {}
    definition = {"States": {"P": {"Type": "Parallel", "Branches": [{"States": {"Q": {"Type": "Pass"}}}]}}}
    assert list(states({"M": {"Type": kind, "Properties": {"Definition": definition}}})) == ["P", "P/Q"]


values = st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.text(min_size=1), values), st.dictionaries(st.text(min_size=1), values))
def test_differences_name_exactly_what_differs(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = differences(old, new)
    assert len(found) == sum(1 for key in {*old, *new} if old.get(key) != new.get(key))
    assert differences(old, old) == []


def plain(found: Diff, columns: int) -> list[str]:
    return ["".join(piece for _, piece in row).rstrip() for row in changesview.rows(found, columns)]


def test_a_diff_is_shown_with_signs_below_headings() -> None:
    found = Diff((Line("+", "A (X)"), Line("~", "B", "c → d")), (), (Line("-", "S", "Task"),))
    assert plain(found, 80) == [
        "resources",
        "  + A (X)",
        "  ~ B      c → d",
        "states",
        "  - S  Task",
    ]
    assert next(iter(changesview.rows(found, 80)))[0][0] == "title"


def test_long_details_stay_in_their_column() -> None:
    found = Diff((), (Line("+", "Role UseRuns", "Allow one, two, three, four, five, six, seven"),), ())
    assert plain(found, 50) == [
        "permissions",
        "  + Role UseRuns  Allow one, two, three, four,",
        "                  five, six, seven",
    ]
    assert plain(found, 30) == [
        "permissions",
        "  + Role UseRuns",
        "      Allow one, two, three,",
        "      four, five, six, seven",
    ]


def test_parameters_are_filled_in() -> None:
    found = diff({}, template(), [], {"S3Bucket": "ours", "AWS::Partition": "aws-cn"})
    assert found.statements[1].detail == "Allow s3:GetObject on arn:aws-cn:s3:::ours/*"
