#!/bin/sh
# MLflow before 1.30 names a run by its tag mlflow.runName, and the local store of 1.30.1 still takes that. Its server does not: it makes
# up a name first, and then refuses the run because its two names differ. The argument run_name, new in 1.30, works with both.
# Answered by MLflowMonitor, which gives run_name wherever the client knows it.
. "$(dirname "$0")/lib/finding.sh"
environment python mlflow==1.30.1 setuptools==80.9.0
observe python <<'END'
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

print("mlflow", mlflow.__version__)
folder = tempfile.mkdtemp(dir=".")
store = "sqlite:///" + os.path.abspath(folder) + "/store.db"
MlflowClient(tracking_uri=store).list_experiments()  # makes the tables before the server does
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = str(probe.getsockname()[1])
address = "http://127.0.0.1:" + port
commands = os.path.dirname(os.path.abspath(sys.executable))
server = subprocess.Popen(
    [os.path.join(commands, "mlflow"), "server", "--host", "127.0.0.1", "--port", port, "--workers", "1", "--backend-store-uri", store,
     "--default-artifact-root", os.path.abspath(folder) + "/artifacts"],
    env=dict(os.environ, PATH=commands + os.pathsep + os.environ["PATH"]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    end = time.time() + 120
    while True:
        try:
            urllib.request.urlopen(address + "/health", timeout=5).read()
            break
        except OSError:
            assert server.poll() is None and time.time() < end, "the server does not start"
            time.sleep(0.5)
    for where, uri in ("its store", store), ("its server", address):
        client = MlflowClient(tracking_uri=uri)
        for how, name in ("the tag", {"tags": {"mlflow.runName": "first"}}), ("run_name", {"run_name": "first"}):
            try:
                got = client.create_run("0", **name).data.tags["mlflow.runName"]
            except MlflowException as e:
                got = "refused, " + e.error_code
            print("named by {} in {}: {}".format(how, where, got))
finally:
    server.terminate()
    server.wait()
END
expect <<'END'
mlflow 1.30.1
named by the tag in its store: first
named by run_name in its store: first
named by the tag in its server: refused, INVALID_PARAMETER_VALUE
named by run_name in its server: first
END
