"""check_openapi.py URL SOUND [JOB]: asks the running server everything that its /openapi.yaml describes, and holds the answers against it:
status, content type and, of JSON, the schema. Exit code 77 where PyYAML or jsonschema is missing."""
import json
import sys
import time
import urllib.error
import urllib.request

try:
    import jsonschema
    import yaml
except ImportError:
    sys.exit(77)

URL, SOUND = sys.argv[1:3]
JOB = sys.argv[3] if len(sys.argv) > 3 else None


def ask(method, path, body=None, content_type=None):
    request = urllib.request.Request(URL + path, data=body, method=method)
    if content_type:
        request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers["Content-Type"], answer.read()


SPEC = yaml.safe_load(ask("GET", "/openapi.yaml")[2])


def resolve(node):
    while "$ref" in node:
        target = SPEC
        for key in node["$ref"].split("/")[1:]:
            target = target[key]
        node = target
    return node


def validator(schema):
    return jsonschema.Draft202012Validator({**schema, "components": SPEC["components"]})


def check(method, path, wanted, body=None, content_type=None, job="0123456789abcdef0123456789abcdef"):
    """The answer has this status, and is what the description says of it."""
    status, kind, content = ask(method, path.replace("{id}", job), body, content_type)
    where = f"{method} {path} {body[-200:]!r}" if body else f"{method} {path}"
    assert status == wanted, f"{where}: {status} {content[:300]!r}, not {wanted}"
    responses = SPEC["paths"][path][method.lower()]["responses"]
    response = resolve(responses.get(str(status)) or responses["default"])
    kinds = response["content"]
    kind = kind.split(";")[0]
    assert kind in kinds, f"{where}: {kind} is not among {sorted(kinds)}"
    if kind == "application/json":
        validator(kinds[kind]["schema"]).validate(json.loads(content))
    if kind == "text/event-stream":
        check_events(content.decode())


def form(**fields):
    """A form with the sound and these fields."""
    with open(SOUND, "rb") as file:
        sound = file.read()
    head = b'--line\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    parts = "".join(f'\r\n--line\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items())
    return head + sound + parts.encode() + b"\r\n--line--"


def check_events(text):
    schemas = SPEC["components"]["schemas"]
    for event in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.split("\n") if not line.startswith(":"))
        if lines.get("event") == "done":
            validator(schemas["Summary"]).validate(json.loads(lines["data"]))


def check_fields():
    """The fields that are described are those that the server takes."""
    schemas = SPEC["components"]["schemas"]
    body = validator(SPEC["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]["schema"])
    for name in schemas["Options"]["properties"]:
        status, _, content = ask("POST", "/v1/score", json.dumps({name: []}).encode(), "application/json")
        assert b"unknown_field" not in content and status == 400, f"{name}: {content!r}"
    assert not list(body.iter_errors({"text": "a", "window": 2, "explain": True}))
    assert list(body.iter_errors({"text": "a", "windw": 2})) and list(body.iter_errors({"window": 2}))


def main():
    text = {"text": "lovely the rest"}
    for path in ("/", "/health", "/openapi.yaml", "/v1/models", "/metrics"):
        check("GET", path, 200)
    for path in ("/v1/score", "/v1/score/stream"):
        check("POST", path, 200, json.dumps(text).encode(), "application/json")
        check("POST", path, 200, json.dumps({**text, "response_format": "verbose_json"}).encode(), "application/json")
        check("POST", path, 400, b"{", "application/json")
        check("POST", path, 400, b"{}", "application/json")
        check("POST", path, 422, b'{"text": " "}', "application/json")
        check("POST", path, 415, b"text=a", "application/x-www-form-urlencoded")
        check("POST", path, 413, json.dumps({"text": "a" * (2 << 20)}).encode(), "application/json")
        check("POST", path, 404, json.dumps({**text, "model": "other"}).encode(), "application/json")
    for kind in ("csv", "text"):
        check("POST", "/v1/score", 200, json.dumps({**text, "response_format": kind}).encode(), "application/json")
    multipart = "multipart/form-data; boundary=line"
    for kind in ("json", "verbose_json", "text", "srt", "vtt"):
        check("POST", "/v1/score", 200, form(response_format=kind, text="lovely"), multipart)
        check("POST", "/v1/audio/transcriptions", 200, form(response_format=kind, model="whisper-1"), multipart)
    check("POST", "/v1/audio/transcriptions", 404, form(model="other"), multipart)
    check("POST", "/v1/audio/transcriptions", 400, form(window=3), multipart)
    for method, path in (("GET", "/v1/jobs/{id}"), ("GET", "/v1/jobs/{id}/result"), ("DELETE", "/v1/jobs/{id}")):
        check(method, path, 404)
    if JOB:
        check_job()
    check_fields()


def check_job():
    """Of a job that was accepted: how far it is, its result, and its end."""
    while True:
        check("GET", "/v1/jobs/{id}", 200, job=JOB)
        state = json.loads(ask("GET", f"/v1/jobs/{JOB}")[2])["status"]
        if state not in ("queued", "running"):
            break
        time.sleep(0.1)
    assert state == "done", state
    check("GET", "/v1/jobs/{id}/result", 200, job=JOB)
    check("DELETE", "/v1/jobs/{id}", 200, job=JOB)
    check("GET", "/v1/jobs/{id}/result", 404, job=JOB)


main()
