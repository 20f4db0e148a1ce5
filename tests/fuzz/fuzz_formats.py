"""The formats whose readers are fuzzed: valid samples, how they are read, and the errors that are documented."""
import gzip
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile

import numpy as np
from fuzz_format import Format, content, in_one, parts_of, written
from fuzz_messages import MESSAGES
from fuzz_runs import RUNS

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "utils"))  # caffe_models


def datapoints():
    return [[np.arange(12, dtype="u1").reshape(2, 2, 3) + k, k, "label {}".format(k), np.linspace(0, 1, 4, dtype="f4"),
             {"box": (1.5, None), "x": b"bytes"}] for k in range(4)]


def all_of(df):
    df.reset_state()
    for _ in df:
        pass


def flow_of(num_components):
    from tensorpack.dataflow import DataFromList

    return DataFromList([dp[:num_components] for dp in datapoints()], shuffle=False)


def saved(serializer, name, *args):
    """A function that makes a sample by a serializer."""
    def samples(folder):
        from tensorpack import dataflow
        from tensorpack.dataflow import serialize

        cls = getattr(dataflow, serializer, None) or getattr(serialize, serializer)
        path = os.path.join(folder, name)
        if os.path.exists(path):
            os.remove(path)
        data = datapoints()
        if args:
            data = [[dp[0], dp[1]] for dp in data]
        df = dataflow.DataFromList(data, shuffle=False)
        cls.save(df, path, *args)
        sample = content(path)
        os.remove(path)
        return [sample]
    return samples


def loaded(serializer, name, *args, **options):
    """A function that reads all datapoints."""
    def read(data, folder, rng):
        from tensorpack import dataflow
        from tensorpack.dataflow import serialize

        cls = getattr(dataflow, serializer, None) or getattr(serialize, serializer)
        all_of(cls.load(written(folder, data, name), *args, **options))
    return read


def read_lmdb(data, folder, rng):
    from tensorpack.dataflow import LMDBSerializer

    name = "{}.lmdb".format(rng.randrange(10 ** 9))  # an environment may be kept for the file
    path = written(folder, data, name)
    try:
        all_of(LMDBSerializer.load(path, shuffle=bool(rng.randrange(2))))
    finally:
        os.remove(path)


def pickles(folder):
    from tensorpack.utils.serialize import dumps

    values = datapoints() + [{"keys": [b"%08d" % k for k in range(20)]}, np.array([None, "a"], dtype=object),
                             np.zeros(2, [("a", "i4"), ("b", "O")]), np.float32(1), np.zeros(1, "M8[s]")]
    return [dumps(value) for value in values] + [pickle.dumps(value, protocol) for protocol in (2, 3) for value in values]


def msgpacks(folder):
    from tensorpack.utils.serialize import MsgpackSerializer

    return [MsgpackSerializer.dumps(value) for value in datapoints()[:2] + [np.float32(1), np.zeros(2, [("a", "i4")]), 1j]]


def read_bytes(data, folder, rng):
    from tensorpack.utils.serialize import loads

    loads(data)


def pickles_of_python_2(folder):
    value = {b"data": np.zeros((2, 3), "u1"), b"labels": [1, 2], b"names": [b"a"]}
    return [pickle.dumps(value, protocol) for protocol in (0, 1, 2)]


def read_pickle(data, folder, rng):
    from tensorpack.utils.serialize import load_pickle

    load_pickle(written(folder, data), encoding="bytes")


def npz_variables(folder):
    stream = io.BytesIO()
    np.savez(stream, **{"conv/W:0": np.zeros((3, 3), "f4"), "names": np.array([b"a", "b"], dtype=object)})
    compressed = io.BytesIO()
    np.savez_compressed(compressed, x=np.zeros(100))
    return [stream.getvalue(), compressed.getvalue()]


def npy_variables(folder):
    stream = io.BytesIO()
    np.save(stream, {"conv/W": np.zeros((3, 3), "f4"), "b": [1, 2]})
    return [stream.getvalue()]


def read_variables(ending):
    def read(data, folder, rng):
        from tensorpack.tfutils.varmanip import load_numpy_dict

        load_numpy_dict(written(folder, data, "file" + ending))
    return read


def svmlight(folder):
    return [b"1 1:0.5 3:2 7:-1e-3\n-1 2:1 # words\n0.5 qid:3 1:1 8:0\n" * 3]


def read_svmlight(data, folder, rng):
    from tensorpack.dataflow import SVMLightData

    all_of(SVMLightData(written(folder, data)))


PROTOTXT = b"""name: "net"
input: "data"
input_shape { dim: 1 dim: 3 dim: 8 dim: 8 }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 5 } }
"""


def caffemodels(folder):
    from caffe_models import blob, field

    rng = np.random.RandomState(0)
    layers = [("conv", [rng.rand(4, 3, 3, 3), rng.rand(4)]), ("fc", [rng.rand(5, 64), rng.rand(5)])]
    return [b"".join(field(100, field(1, name) + field(2, "X") + b"".join(field(7, blob(array)) for array in arrays))
                     for name, arrays in layers)]


def read_caffemodel(data, folder, rng):
    from tensorpack.utils.loadcaffe import load_caffe

    load_caffe(written(folder, PROTOTXT, "deploy.prototxt"), written(folder, data, "file.caffemodel"))


def read_prototxt(data, folder, rng):
    from tensorpack.utils.loadcaffe import load_caffe

    load_caffe(written(folder, data, "deploy.prototxt"), written(folder, caffemodels(folder)[0], "file.caffemodel"))


def images(ending, *flags):
    def samples(folder):
        import cv2

        image = np.random.RandomState(0).randint(0, 255, (13, 17, 3)).astype("u1")
        return [cv2.imencode(ending, cv2.blur(each, (3, 3)), flags)[1].tobytes() for each in (image, image[:, :, 0])]
    return samples


def read_image(data, folder, rng):
    from tensorpack.dataflow import decode_image

    decode_image(data, **({"on_damaged": rng.choice(["keep", "drop", "raise"])}))


def archives(folder):
    results = []
    for mode in ("w", "w:gz"):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=mode) as archive:
            for name, kind, target in (
                    ("d/a.txt", tarfile.REGTYPE, ""), ("link", tarfile.SYMTYPE, "../../outside"),
                    ("hard", tarfile.LNKTYPE, "d/a.txt"), ("d", tarfile.DIRTYPE, ""), ("../up", tarfile.DIRTYPE, "")):
                info = tarfile.TarInfo(name)
                info.type, info.linkname, info.size = kind, target, 5 if kind == tarfile.REGTYPE else 0
                archive.addfile(info, io.BytesIO(b"hello"))
        results.append(stream.getvalue())
    return results


def read_archive(data, folder, rng):
    from tensorpack.dataflow.dataset._archive import _unpack

    target = os.path.join(folder, "target")
    shutil.rmtree(target, ignore_errors=True)
    os.mkdir(target)
    _unpack("fuzz", written(folder, data), target)


def tar_samples(folder):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for k in range(3):
            for ending in ("jpg", "cls", "npy"):
                body = io.BytesIO()
                np.save(body, np.zeros(2))
                body = body.getvalue() if ending == "npy" else b"%d" % k
                info = tarfile.TarInfo("{:03}.{}".format(k, ending))
                info.size = len(body)
                archive.addfile(info, io.BytesIO(body))
    return [stream.getvalue()]


def read_flow(cls, name, *args, **options):
    def read(data, folder, rng):
        from tensorpack import dataflow

        path = written(folder, data, name)
        all_of(getattr(dataflow, cls)(path, *args, shuffle=False, on_error=rng.choice(["raise", "skip"]), **options))
    return read


def table(kind):
    def samples(folder):
        import pyarrow as pa
        import pyarrow.parquet

        rows, stream = pa.table({"x": [1, 2, 3], "y": [b"a", b"b", None], "z": [[1.0], [], [2.0, 3.0]]}), io.BytesIO()
        if kind == "parquet":
            pyarrow.parquet.write_table(rows, stream)
        else:
            with pa.ipc.new_file(stream, rows.schema) as writer:
                writer.write_table(rows)
        return [stream.getvalue()]
    return samples


def disk_cache(folder):
    from tensorpack.dataflow.serialize import DiskCacheSerializer

    path = os.path.join(folder, "cache")
    DiskCacheSerializer.save(flow_of(5), path)
    sample = content(os.path.join(path, "cache.db"))
    shutil.rmtree(path)
    return [sample]


def read_disk_cache(data, folder, rng):
    from tensorpack.dataflow.format import DiskCacheData

    written(folder, data, "cache.db")
    all_of(DiskCacheData(folder, shuffle=False))


def idx(folder):
    content = b"\x00\x00\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (2, 3, 4)) + bytes(24)
    return [content, gzip.compress(content)]


def read_idx(data, folder, rng):
    from tensorpack.dataflow.dataset._idx import read_idx

    read_idx(written(folder, data if data.startswith(b"\x1f\x8b") else gzip.compress(data, 1)))


_ZARR = {}  # the files of a group


def zarr_files(folder):
    from tensorpack.dataflow import ZarrSerializer

    if not _ZARR:
        path = os.path.join(folder, "a.zarr")
        ZarrSerializer.save(flow_of(2), path, ["x", "y"], group_size=2)
        for directory, _, names in os.walk(path):
            for name in names:
                whole = os.path.join(directory, name)
                _ZARR[os.path.relpath(whole, folder)] = content(whole)
        shutil.rmtree(path)
    return _ZARR


def read_zarr(data, folder, rng):
    from tensorpack.dataflow import ZarrData

    shutil.rmtree(os.path.join(folder, "a.zarr"), ignore_errors=True)
    parts_of(data, folder, _ZARR)
    all_of(ZarrData(os.path.join(folder, "a.zarr"), shuffle=False, on_error=rng.choice(["raise", "skip"])))


def settings(folder):
    return [json.dumps({"cluster": {"chief": ["a:1"], "worker": ["b:2222", "[::1]:3"]},
                        "task": {"type": "worker", "index": 1}}).encode()]


def read_settings(data, folder, rng):
    from tensorpack.train._distributed.cluster import cluster_from_environment

    cluster_from_environment({"TF_CONFIG": data.decode("latin1")})


SLURM = {"SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "1", "SLURM_STEP_NODELIST": "node[1-2]",
         "SLURM_STEP_TASKS_PER_NODE": "2,1", "SLURM_NODEID": "0", "SLURM_LOCALID": "1",
         "SLURM_JOB_ID": "77", "SLURM_DISTRIBUTION": "block"}


def slurm(folder):
    return ["\n".join("{}={}".format(*item) for item in SLURM.items()).encode()]


def read_slurm(data, folder, rng):
    from tensorpack.train._distributed.cluster import cluster_from_environment

    cluster_from_environment(dict(line.split("=", 1) for line in data.decode("latin1").split("\n") if "=" in line))


def stats(folder):
    return [json.dumps([{"epoch_num": k, "global_step": 10 * k, "cost": 0.5, "error": None} for k in (1, 2, 3)]).encode()]


def read_stats(data, folder, rng):
    from tensorpack.callbacks._monitors.json_stats import read_records, records_to_keep

    records_to_keep(read_records(written(folder, data, "stats.json")), 3, 20)


def entries(folder):
    return [json.dumps({"model-10": {"epoch_num": 1, "epoch_finished": True, "global_step": 10}, "min-x": {
        "epoch_num": 2, "epoch_finished": False, "global_step": 15, "values": {"15": 0.5}}}, indent=1).encode()]


def read_resume(data, folder, rng):
    from tensorpack.callbacks import _resume

    written(folder, data, "resume.json")
    for name in ("model-10", "min-x"):
        path = os.path.join(folder, name)
        _resume.starting_epoch_after(path)
        _resume.recorded_value(path, 15)
        _resume.stopped_inside_epoch(folder, 2, 15)


_PARTS = {}  # of a checkpoint: the bytes of its files, by their names


def checkpoint(part):
    def samples(folder):
        if not _PARTS:
            _write_checkpoint(folder)
        return [_PARTS[part]]
    return samples


def _write_checkpoint(folder):
    """In a process of its own: one with a session cannot be forked."""
    path = os.path.join(folder, "checkpoint")
    os.mkdir(path)
    code = ("import sys, numpy as np; from tensorpack.tfutils.varmanip import save_checkpoint_vars as save; save({'conv/W': "
            "np.arange(600, dtype='f4').reshape(20, 30), 'global_step': np.int64(3)}, sys.argv[1] + '/model')")
    subprocess.run([sys.executable, "-c", code, path], check=True, env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)))
    _PARTS.update({name: content(os.path.join(path, name)) for name in os.listdir(path) if name.startswith("model.")})
    shutil.rmtree(path)


def read_checkpoint(part):
    def read(data, folder, rng):
        from tensorpack.tfutils.varmanip import load_checkpoint_vars

        for name, whole in _PARTS.items():
            written(folder, data if name == part else whole, name)
        load_checkpoint_vars(os.path.join(folder, "model"))
    return read


def state(folder):
    return [b'model_checkpoint_path: "model-20"\nall_model_checkpoint_paths: "model-10"\n'
            b'all_model_checkpoint_paths: "model-20"\n']


def read_log_directory(data, folder, rng):
    from tensorpack.tfutils.varmanip import get_checkpoint_path

    written(folder, data, "checkpoint")
    for name in "model-10.index", "model-10.data-00000-of-00001", "model-20":  # only looked for
        written(folder, b"", name)
    get_checkpoint_path(folder)


_CLUSTER, _WEIGHTS = ("tensorpack.train._distributed.cluster",), ("tensorpack.tfutils.varmanip",)
FORMATS = {
    "pickle of datapoints": Format(pickles, read_bytes),
    "pickle of Python 2": Format(pickles_of_python_2, read_pickle),
    "msgpack of datapoints": Format(msgpacks, read_bytes, needs=("msgpack", "msgpack_numpy")),
    "LMDB": Format(saved("LMDBSerializer", "a.lmdb"), read_lmdb, (ValueError, KeyError, RuntimeError), "lmdb", ("lmdb",)),
    "TFRecord": Format(saved("TFRecordSerializer", "a.tfrecord"), loaded("TFRecordSerializer", "a.tfrecord")),
    "npz of datapoints": Format(saved("NumpySerializer", "a.npz"), loaded("NumpySerializer", "a.npz")),
    "HDF5": Format(saved("HDF5Serializer", "a.h5", ["x", "y"]), loaded("HDF5Serializer", "a.h5", ["x", "y"]),
                   (ValueError, KeyError), "libhdf5", ("h5py",)),
    "SVMLight": Format(svmlight, read_svmlight, needs=("sklearn.datasets",), native="scikit-learn"),
    "caffemodel": Format(caffemodels, read_caffemodel),
    "prototxt": Format(lambda folder: [PROTOTXT], read_prototxt),
    "JPEG": Format(images(".jpg"), read_image, native="OpenCV, simplejpeg", needs=("cv2",)),
    "PNG": Format(images(".png"), read_image, native="OpenCV", needs=("cv2",)),
    "archive of a dataset": Format(archives, read_archive),
    "tar of datapoints": Format(tar_samples, read_flow("TarData", "a.tar")),
    "tf.train.Example": Format(saved("TFExampleSerializer", "a.tfr", ["x", "y"]), read_flow("TFExampleData", "a.tfr")),
    "Parquet": Format(table("parquet"), read_flow("ParquetData", "a.parquet"), native="pyarrow", needs=("pyarrow.parquet",)),
    "Arrow": Format(table("arrow"), read_flow("ArrowData", "a.arrow"), native="pyarrow", needs=("pyarrow.ipc",)),
    "zarr": Format(lambda folder: in_one(zarr_files(folder)), read_zarr, native="zarr, numcodecs", needs=("zarr",)),
    "diskcache": Format(disk_cache, read_disk_cache, native="SQLite", needs=("diskcache",)),
    "idx of MNIST": Format(idx, read_idx),
    "TF_CONFIG": Format(settings, read_settings, needs=_CLUSTER),
    "variables of Slurm": Format(slurm, read_slurm, needs=_CLUSTER),
    "stats.json": Format(stats, read_stats, needs=("tensorpack.callbacks._monitors.json_stats",)),
    "resume.json": Format(entries, read_resume, needs=("tensorpack.callbacks._resume",)),
    "npz of variables": Format(npz_variables, read_variables(".npz"), (ValueError, TypeError), needs=_WEIGHTS),
    "npy of variables": Format(npy_variables, read_variables(".npy"), (ValueError, TypeError), needs=_WEIGHTS),
    "checkpoint, index": Format(checkpoint("model.index"), read_checkpoint("model.index"), native="TensorFlow", needs=_WEIGHTS),
    "checkpoint, data": Format(checkpoint("model.data-00000-of-00001"), read_checkpoint("model.data-00000-of-00001"),
                               native="TensorFlow", needs=_WEIGHTS),
    "list of checkpoints": Format(state, read_log_directory, needs=_WEIGHTS),
}
FORMATS.update(MESSAGES)
FORMATS.update(RUNS)
