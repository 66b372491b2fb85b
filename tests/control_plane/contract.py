"""The contract (docs/api/control-plane.openapi.yaml) as a judge: requests and answers are held against it."""
import json
import pathlib
import re

import jsonschema
import yaml

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api" / "control-plane.openapi.yaml"


class Breach(Exception):
    """What was said does not follow the contract."""


class Operation:
    def __init__(self, method, template, parameters, spec):
        self.id, self.method, self.spec, self.parameters = spec["operationId"], method, spec, parameters
        names = re.findall(r"\{(\w+)\}", template)
        self.pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + "$")
        assert {p["name"] for p in parameters if p["in"] == "path"} == set(names), template


class Contract:
    def __init__(self, path=PATH):
        self.document = yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self.resolver = jsonschema.RefResolver("", self.document)
        self.operations = []
        for template, item in self.document["paths"].items():
            common = item.get("parameters", [])
            for method, spec in item.items():
                if method != "parameters":
                    parameters = [self.resolve(p) for p in common + spec.get("parameters", [])]
                    self.operations.append(Operation(method.upper(), template, parameters, spec))

    def resolve(self, thing):
        while "$ref" in thing:
            thing = self.resolver.resolve(thing["$ref"])[1]
        return thing

    def find(self, method, path):
        """(operation, path parameters), or (None, whether the path takes another method)."""
        known = False
        for operation in self.operations:
            match = operation.pattern.match(path)
            if match and operation.method == method:
                return operation, match.groupdict()
            known = known or bool(match)
        return None, known

    def check(self, what, value, schema):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        for error in validator.iter_errors(value):
            raise Breach("%s: %s: %s" % (what, "/".join(str(p) for p in error.absolute_path), error.message[:300]))

    # ---- what a node said ----

    def _parameter(self, operation, parameter, text):
        what = "%s: %s" % (operation.id, parameter["name"])
        if text is None:
            if parameter.get("required"):
                raise Breach(what + " is missing")
            return
        schema = self.resolve(parameter["schema"])
        if schema.get("type") == "integer":
            if not re.fullmatch(r"-?\d+", text):
                raise Breach("%s: %r is no integer" % (what, text))
            text = int(text)
        self.check(what, text, schema)

    def check_request(self, operation, path, query, headers, body):
        """Raises Breach; returns the decoded body, or None."""
        for parameter in operation.parameters:
            values = {"path": path, "query": query, "header": headers}[parameter["in"]]
            self._parameter(operation, parameter, values.get(parameter["name"]))
        unknown = set(query) - {p["name"] for p in operation.parameters if p["in"] == "query"}
        if unknown:
            raise Breach("%s: unknown %s" % (operation.id, sorted(unknown)))
        expected = operation.spec.get("requestBody")
        if expected is None:
            if body:
                raise Breach("%s takes no body" % operation.id)
            return None
        if headers.get("Content-Type") != "application/json":
            raise Breach("%s: Content-Type %r" % (operation.id, headers.get("Content-Type")))
        try:
            value = json.loads(body)
        except ValueError as e:
            raise Breach("%s: the body is no JSON: %s" % (operation.id, e)) from e
        self.check(operation.id, value, expected["content"]["application/json"]["schema"])
        return value

    # ---- what the server says ----

    def check_answer(self, operation, status, headers, value):
        answers = operation.spec["responses"]
        key = str(status) if str(status) in answers else "default"
        answer = self.resolve(answers[key])
        for name, header in answer.get("headers", {}).items():
            if header.get("required") and name not in headers:
                raise Breach("%s: %d without %s" % (operation.id, status, name))
        content = answer.get("content")
        if content is None:
            if value is not None:
                raise Breach("%s: %d has no body" % (operation.id, status))
            return
        self.check("%s: %d" % (operation.id, status), value, content["application/json"]["schema"])

    # ---- examples ----

    def examples(self):
        """(name, example, schema) of every example in the document."""
        for operation in self.operations:
            places = [("request", operation.spec.get("requestBody", {}))]
            places += [(status, self.resolve(a)) for status, a in operation.spec["responses"].items()]
            for where, place in places:
                for media in place.get("content", {}).values():
                    found = {name: e["value"] for name, e in media.get("examples", {}).items()}
                    if "example" in media:
                        found["example"] = media["example"]
                    for name, example in found.items():
                        yield "%s %s %s" % (operation.id, where, name), example, media["schema"]
