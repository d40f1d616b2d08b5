"""The other side of `strata bench comparison`: MLflow's and trackio's own Python calls on the same runs and points, as one line of JSON.

Each tool makes its store and one run by its own calls; the many others are then written into its tables by SQL, which is what takes the
time otherwise and is not measured. Every round looks at other runs, so that nothing was read before.
"""

import json
import logging
import os
import sqlite3
import sys
import time

job = json.load(open(sys.argv[1], encoding="utf-8"))
scratch, runs, steps, rounds, compared = job["scratch"], job["runs"], job["steps"], job["rounds"], job["compared"]
os.environ["TRACKIO_DIR"] = os.path.join(scratch, "trackio")
os.environ["MLFLOW_TRACKING_URI"] = "sqlite:///" + os.path.join(scratch, "mlflow.db")
logging.disable(logging.WARNING)

STEPS = f"WITH RECURSIVE step(at) AS (VALUES (0) UNION ALL SELECT at + 1 FROM step WHERE at < {steps - 1})"
NEW, OLD = (formula.replace(":run", "?1").replace(":steps", str(steps)) for formula in (job["lossNew"], job["lossOld"]))


def timed(call):
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def measure_mlflow():
    import mlflow
    from mlflow.entities import ViewType
    from mlflow.tracking import MlflowClient

    client = MlflowClient()
    experiment = client.create_experiment("bench")
    first = client.create_run(experiment, run_name="run 0").info.run_id
    client.log_metric(first, "loss.new", 1.0, step=0)
    client.log_param(first, "replayShare", "0.1")
    client.set_terminated(first)
    store = sqlite3.connect(os.path.join(scratch, "mlflow.db"))
    store.execute("PRAGMA synchronous = OFF")
    columns = [row[1] for row in store.execute("PRAGMA table_info(runs)")]
    template = store.execute("SELECT * FROM runs").fetchone()
    store.execute("DELETE FROM metrics")
    store.execute("DELETE FROM latest_metrics")
    ids = [first] + [f"{number:032x}" for number in range(1, runs)]
    for number, run in enumerate(ids):
        row = dict(zip(columns, template), run_uuid=run, name=f"run {number}", start_time=1_700_000_000_000 + number)
        if number > 0:
            store.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(columns))})", [row[column] for column in columns])
            store.execute("INSERT INTO params (key, value, run_uuid) VALUES ('replayShare', '0.1', ?)", [run])
            store.execute("INSERT INTO tags (key, value, run_uuid) VALUES ('mlflow.runName', ?, ?)", [f"run {number}", run])
        for key, formula in (("loss.new", NEW), ("loss.old", OLD)):
            store.execute(
                f"{STEPS} INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) SELECT '{key}', {formula}, 1700000000000 + at, ?2, at, 0 FROM step",
                [number, run],
            )
            store.execute(
                f"INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) SELECT key, value, timestamp, step, 0, run_uuid FROM metrics "
                f"WHERE key = '{key}' AND run_uuid = ? AND timestamp = ? AND step = ?",
                [run, 1700000000000 + steps - 1, steps - 1],
            )
        store.commit()
    store.close()

    def history(round_number):
        for run in ids[round_number * compared : (round_number + 1) * compared]:
            for key in ("loss.new", "loss.old"):
                assert len(client.get_metric_history(run, key)) == steps

    def listing():
        found = client.search_runs([experiment], run_view_type=ViewType.ACTIVE_ONLY, max_results=runs)
        assert len(found) == runs

    return {
        "version": mlflow.__version__,
        "list": [timed(listing) for _ in range(rounds)],
        "compare": [timed(lambda: history(number)) for number in range(rounds)],
    }


def measure_trackio():
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    SQLiteStorage.init_db("bench")
    store = sqlite3.connect(SQLiteStorage.get_project_db_path("bench"))
    store.execute("PRAGMA synchronous = OFF")
    for number in range(runs):
        store.execute(
            "INSERT INTO configs (run_id, run_name, config, created_at) VALUES (?, ?, ?, '2026-01-01T00:00:00')",
            [f"id-{number}", f"run {number}", json.dumps({"replayShare": 0.1})],
        )
        store.execute(
            f"{STEPS} INSERT INTO metrics (run_id, timestamp, run_name, step, metrics) SELECT 'id-' || ?1, "
            f"strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + at, 'unixepoch'), 'run ' || ?1, at, json_object('loss.new', {NEW}, 'loss.old', {OLD}) FROM step",
            [number],
        )
        store.commit()
    store.close()

    def listing():
        found = list(trackio.Api().runs("bench"))
        assert len(found) == runs and all(run.config is not None for run in found)

    def history(round_number):
        wanted = [{"run": f"run {number}", "run_id": f"id-{number}"} for number in range(round_number * compared, (round_number + 1) * compared)]
        # What its own dashboard asks for, thinned to as many points as Strata's pages show.
        found = SQLiteStorage.get_logs_batch("bench", wanted, max_points=job["shown"], scalar_only=True)
        assert len(found) == compared and all(len(each["logs"]) > 0 for each in found)

    return {
        "version": trackio.__version__,
        "list": [timed(listing) for _ in range(rounds)],
        "compare": [timed(lambda: history(number)) for number in range(rounds)],
    }


print(json.dumps({"mlflow": measure_mlflow, "trackio": measure_trackio}[job["peer"]]()))
