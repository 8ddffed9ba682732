"""check_json.py SCHEMA DOCUMENT: validates JSON by the part of JSON Schema that docs/json/ uses, and refuses a schema that
uses another part, so that nothing is passed over. It is stricter than JSON Schema in one thing: an object whose properties the
schema names must have no others, unless `additionalProperties` says what they are. Programs that read a document pass over keys
that they do not know, so that later versions can add some; here, each must be documented."""
import json
import sys

KNOWN = {"$schema", "title", "description", "type", "const", "enum", "properties", "required",
         "additionalProperties", "items", "anyOf"}
TYPES = {"null": lambda x: x is None,
         "boolean": lambda x: isinstance(x, bool),
         "integer": lambda x: isinstance(x, int) and not isinstance(x, bool),
         "number": lambda x: isinstance(x, (int, float)) and not isinstance(x, bool),
         "string": lambda x: isinstance(x, str),
         "array": lambda x: isinstance(x, list),
         "object": lambda x: isinstance(x, dict)}


def problems(schema, value, where="$"):
    unknown = set(schema) - KNOWN
    if unknown:
        return [f"{where}: the schema uses {sorted(unknown)}"]
    found = []
    if "anyOf" in schema:
        tried = [problems(part, value, where) for part in schema["anyOf"]]
        found += [] if [] in tried else min(tried, key=len)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(TYPES[name](value) for name in types):
        return [f"{where}: {value!r} is not {types}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is not one of {schema['enum']}")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{where}: lacks '{key}'" for key in schema.get("required", []) if key not in value]
        for key, part in value.items():
            rest = schema.get("additionalProperties", not known)
            if key not in known and rest is False:
                found.append(f"{where}: '{key}' is not in the schema")
            elif rest is not False or key in known:
                found += problems(known.get(key, rest if isinstance(rest, dict) else {}), part, f"{where}.{key}")
    if isinstance(value, list) and "items" in schema:
        for i, part in enumerate(value):
            found += problems(schema["items"], part, f"{where}[{i}]")
    return found


if __name__ == "__main__":
    with open(sys.argv[1]) as schema, open(sys.argv[2]) as document:
        found = problems(json.load(schema), json.load(document))
    print("\n".join(found[:20]))
    sys.exit(bool(found))
