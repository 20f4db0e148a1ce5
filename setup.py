import os
import re

from setuptools import find_packages, setup

ROOT = os.path.dirname(os.path.abspath(__file__))


def read(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as f:
        return f.read()


version = re.search(r'^__version__ = "(.+)"$', read("tensorpack", "libinfo.py"), re.M).group(1)

# later ones break TensorFlow 1.15
PROTOBUF = ["protobuf>=3.8; python_version >= '3.8'", "protobuf>=3.8,<3.21; python_version < '3.8'"]

# One extra for each optional package; `optional_import` names the same packages when one is missing.
extras = {
    # tensorflow-cpu serves as well, so TensorFlow cannot be a hard requirement; the newest ones leave TensorBoard out
    "tf": ["tensorflow>=1.15", "tensorboard"],
    # simplejpeg decodes JPEGs in less time than OpenCV, and in part
    "image": ["opencv-python-headless", "simplejpeg"],
    "albumentations": ["albumentations"],
    "caffe": PROTOBUF,
    # annotations and masks of COCO
    "coco": ["pycocotools"],
    "datasets": ["datasets"],
    "diskcache": ["diskcache"],
    "h5py": ["h5py"],
    "imgaug": ["imgaug"],
    "litert": ["ai-edge-litert; python_version >= '3.9'"],
    # later wheels for Python 3.7 cannot be imported
    "lmdb": ["lmdb; python_version >= '3.8'", "lmdb<2; python_version < '3.8'"],
    "matplotlib": ["matplotlib>=3.5"],
    "mlflow": ["mlflow"],
    # arrays of bfloat16 and of dtypes of 8 bits and less
    "ml-dtypes": ["ml_dtypes; python_version >= '3.9'"],
    "msgpack": ["msgpack>=1.0", "msgpack-numpy"],
    "onnx": ["tf2onnx"],
    "onnxruntime": ["onnxruntime"],
    "openvino": ["openvino"],
    # earlier ones unpickle what a file says about types, which ParquetData and ArrowData have to keep them from
    "parquet": ["pyarrow>=14.0.1; python_version >= '3.8'", "pyarrow>=12; python_version < '3.8'"],
    # pages of runs, with the images of their event files
    "report": ["bokeh>=2.4", "tensorboard"],
    "scikit-learn": ["scikit-learn"],
    "scipy": ["scipy"],
    # tf.train.Example
    "tfrecord": PROTOBUF,
    # what `python -m tensorpack.tf1` needs for programs in Python 2 and for images of scipy.misc
    "tf1": ["fissix", "Pillow", "scipy"],
    "wandb": ["wandb"],
    "zarr": ["zarr>=2.12"],
}
extras["all"] = sorted({package for name, packages in extras.items() if name != "tf" for package in packages})
extras["horovod"] = ["horovod"]
extras["ray"] = ["ray[data]"]
extras["examples"] = extras["lmdb"] + extras["coco"] + ["matplotlib", "opencv-python-headless", "scipy"] + [
    # later ones need a newer NumPy than TensorFlow 1.15
    "gymnasium; python_version >= '3.8'", "gymnasium<0.27; python_version < '3.8'"]

setup(
    name="tensorpack",
    version=version,
    description="Fast training, inference and data loading for graph-mode TensorFlow, 1.15 to 2.x",
    long_description=read("README.md"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["tensorpack", "tensorpack.*"]),
    package_data={"": ["*.pyi"], "tensorpack": ["py.typed"], "tensorpack.dataflow.dataset": ["digits/*"]},
    zip_safe=False,
    python_requires=">=3.7",
    install_requires=["numpy>=1.14", "six", "tabulate>=0.7.7", "tqdm>4.29.0", "termcolor>=1.1", "psutil>=5", "pyzmq>=16",
                      # small ones that need nothing else
                      "filelock>=3.10", "google-crc32c>=1.1", "msgpack>=1.0", "nvidia-ml-py>=11.515"],
    extras_require=extras,
    entry_points={"console_scripts": [
        "tensorpack-{}=tensorpack._cli.{}:main".format(tool, tool.replace("-", "_"))
        for tool in ("checkpoint-manipulate", "checkpoint-prof", "data-speed", "dump-model-params", "export-model",
                     "look", "ls-checkpoint", "make-key", "predict", "report")
    ] + ["tensorpack-tf1=tensorpack.tf1._run.command:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.7",
        "Programming Language :: Python :: 3.8",
        "Programming Language :: Python :: 3.9",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
