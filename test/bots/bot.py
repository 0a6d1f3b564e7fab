"""A bot that plays: bot.py URL TOKEN USER CODE WORD...

Joins by the code, and tries the words at every question that is a text.  What it knows of the interface it has from
GET /openapi.json: method, place and name of each parameter.
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

if len(sys.argv) < 5:
    sys.exit("usage: bot.py URL TOKEN USER CODE WORD...")
url, token, user, code, *words = sys.argv[1:]
with urllib.request.urlopen(url + "/openapi.json") as document:
    api = json.load(document)
operations = {
    operation["operationId"]: (path, method.upper(), operation)
    for path, methods in api["paths"].items()
    for method, operation in methods.items()
}


def resolve(node):
    if "$ref" not in node:
        return node
    at = api
    for key in node["$ref"][2:].split("/"):
        at = at[key]
    return at


def call(name, values):
    """Calls an operation with values by name; where each goes, and whether it is needed, the document says."""
    path, method, operation = operations[name]
    headers = {"Authorization": f"Bearer {token}"}
    query, left, body = {}, dict(values), None
    for parameter in map(resolve, operation.get("parameters", [])):
        if parameter["name"] not in left:
            if parameter.get("required"):
                raise KeyError(f"{name} needs {parameter['name']}")
            continue
        value = left.pop(parameter["name"])
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", urllib.parse.quote(value, safe=""))
        elif parameter["in"] == "query":
            query[parameter["name"]] = value
        else:
            headers[parameter["name"]] = value
    if "requestBody" in operation:
        schema = resolve(operation["requestBody"]["content"]["application/json"]["schema"])
        wrong = (set(schema.get("required", [])) - set(left)) | (set(left) - set(schema["properties"]))
        if wrong:
            raise KeyError(f"{name}: {wrong}")
        headers["Content-Type"] = "application/json"
        body = json.dumps(left).encode()
    elif left:
        raise KeyError(f"{name} knows no {list(left)}")
    target = url + path + ("?" + urllib.parse.urlencode(query) if query else "")
    with urllib.request.urlopen(urllib.request.Request(target, body, headers, method=method)) as answer:
        said = json.load(answer)
    shape = resolve(operation["responses"]["200"]["content"]["application/json"]["schema"])
    missing = {key for key in shape.get("required", []) if key not in said}
    if missing:
        raise KeyError(f"{name}: no {missing} in the answer")
    return said


game = call("POST_competition_join", {"code": code, "userId": user, "Idempotency-Key": str(uuid.uuid4())})
for placed in game["challenges"]:
    challenge = call("GET_challenge_details", {"challenge_id": placed["challengeId"]})
    for question in challenge["questions"]:
        if question["type"] != "TEXT":
            continue
        for answer in words:
            judged = call("POST_question_attempt", {"user_id": user, "question_id": question["id"],
                                                    "group_challenge_id": placed["id"], "answer": answer,
                                                    "Idempotency-Key": str(uuid.uuid4())})
            if judged["isCorrect"]:
                break
board = call("GET_competition_group_id_leaderboard", {"group_id": game["id"]})
print(next((row["points"] for row in board if row["userId"] == user), 0))
