"""Holds commands of the AWS CLI in shell scripts to botocore's models of the services: operations, parameters, required
ones, and what --query asks of the answer. Reads a JSON object of scripts by name; writes what it checked and what is wrong."""

import json
import re
import shlex
import sys

import botocore.session
import jmespath
from botocore import xform_name

# What every command of the CLI knows.
GLOBAL = {"output", "query", "region", "no-cli-pager", "only-show-errors", "profile"}
# Commands of the CLI that are no operation of a service.
CUSTOM = {("s3", "cp"), ("ecs", "execute-command")}
COMMAND = re.compile(r"(?<![\w./-])aws ([a-z0-9-]+) ([a-z0-9-]+)((?:[^\n|;&)\"']|\"(?:[^\"\\]|\\.)*\"|'[^']*')*)")

session = botocore.session.get_session()
models = {}


def model_of(service):
    if service not in models:
        models[service] = session.get_service_model(service)
    return models[service]


def operation_of(service, command):
    model = model_of(service)
    return next((model.operation_model(name) for name in model.operation_names if xform_name(name, "-") == command), None)


def first_fields(expression):
    """The fields that an expression asks of the whole answer."""
    if expression["type"] == "field":
        return {expression["value"]}
    children = expression.get("children", [])
    # What stands right of a dot or of brackets is asked of what is left of them.
    asked = children if expression["type"].startswith("multi_select") else children[:1]
    return set().union(*(first_fields(child) for child in asked)) if asked else set()


def check(service, command, text):
    if service not in session.get_available_services() and (service, command) not in CUSTOM:
        return [f"there is no service {service}"]
    operation = None if service == "s3" else operation_of(service, command)
    if operation is None:
        return [] if (service, command) in CUSTOM else ["there is no such operation"]
    members = operation.input_shape.members if operation.input_shape else {}
    known = {xform_name(name, "-"): name for name in members}
    given, wrong, query = set(), [], None
    words = shlex.split(text)
    for at, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name = word[2:].split("=")[0]
        if name == "query":
            query = words[at + 1]
        if name in GLOBAL:
            continue
        positive = name.removeprefix("no-")
        if name in known:
            given.add(known[name])
        elif positive in known and members[known[positive]].type_name == "boolean":
            given.add(known[positive])
        elif (service, command) not in CUSTOM:
            wrong.append(f"there is no parameter --{name}")
    required = set(operation.input_shape.required_members if operation.input_shape else [])
    wrong += [f"it needs --{xform_name(name, '-')}" for name in sorted(required - given)]
    if query is not None and "$" not in query:
        fields = first_fields(jmespath.compile(query).parsed)
        answer = operation.output_shape.members if operation.output_shape else {}
        wrong += [f"its answer has no {field}" for field in sorted(fields - set(answer))]
    return wrong


checked, faults = set(), []
for name, script in json.load(sys.stdin).items():
    joined = re.sub(r"\\\n\s*", " ", script)
    lines = "\n".join(line for line in joined.split("\n") if not line.lstrip().startswith("#"))
    for service, command, text in COMMAND.findall(lines):
        checked.add(f"{service} {command}")
        try:
            faults += [f"{name}: aws {service} {command}: {fault}" for fault in check(service, command, text)]
        except ValueError as error:
            faults.append(f"{name}: aws {service} {command}: cannot be read: {error}")
json.dump({"checked": sorted(checked), "faults": faults}, sys.stdout)
