"""The kind of service that this replaces: one call of the same SQL function for each request."""
from flask import Flask, jsonify, request
from psycopg2.pool import ThreadedConnectionPool

app = Flask(__name__)
pool = None


def call(sql, values):
    global pool
    if pool is None:  # after the fork
        pool = ThreadedConnectionPool(1, 16, "")
    connection = pool.getconn()
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchone()[0]
    finally:
        pool.putconn(connection)


@app.get("/get_points")
def get_points():
    return jsonify(points=call("SELECT edurange.get_points(%s, %s)",
                               (request.args["user_id"], request.args["group_id"])))


@app.post("/add_points")
def add_points():
    body = request.get_json()
    return jsonify(call("SELECT edurange.wire(t) FROM edurange.add_points(%s, %s, %s) t",
                        (body["user_id"], body["group_id"], body["points"])))
