"""Validates documents against their JSON Schemas, with Python's own jsonschema as the judge.

Standard input: a list of {"name", "schema", "document"}. Besides the schema as it is published, which lets fields be added,
a closed one is asked: a field that a schema does not name is a mistake here.
"""

import copy
import json
import sys

# The folder of this file comes first, and has a `numbers` of its own.
sys.path.pop(0)

from jsonschema import Draft202012Validator, FormatChecker


def closed(schema):
    """The same schema without room for fields that it does not name."""
    schema = copy.deepcopy(schema)

    def walk(node):
        if isinstance(node, dict):
            if "properties" in node and "more fields" not in node.get("description", ""):
                node["additionalProperties"] = False
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(schema)
    return schema


def main():
    mistakes = 0
    for entry in json.load(sys.stdin):
        schema = entry["schema"]
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema", schema
        Draft202012Validator.check_schema(schema)
        for form in (schema, closed(schema)):
            validator = Draft202012Validator(form, format_checker=FormatChecker())
            for error in validator.iter_errors(entry["document"]):
                # Of several shapes that fit none, the nearest says most.
                deep = [e for e in error.context or [] if "apiVersion" not in e.message and e.validator != "const"]
                for e in deep or [error]:
                    print(f"{entry['name']}: at {e.json_path}: {e.message[:300]}")
                mistakes += 1
    sys.exit(1 if mistakes else 0)


main()
