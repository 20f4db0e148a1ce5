"""Imports go down, one floor or more: the table is in floors.py."""
import pytest
from floors import FILES, imports, place

pytestmark = pytest.mark.slow_on(1)  # files are the same
HEAVY = {"tensorflow", "cv2", "zmq", "lmdb", "h5py", "scipy", "matplotlib", "sklearn", "filelock", "google", "google_crc32c",
         "pynvml", "pyarrow", "zarr", "datasets", "torch", "jax"}


@pytest.mark.parametrize("module", sorted(FILES), ids=lambda m: m or "tensorpack")
def test_imports_go_down(module):
    floor, package = place(module)
    for imported, relative, _ in imports(module, FILES[module]):
        if not relative:
            assert imported.split(".")[0] != "tensorpack", "{}: use relative imports inside the library".format(module)
            continue
        other_floor, other_package = place(imported)
        assert other_floor < floor or (other_package == package and other_floor == floor) \
            or (package == other_package == "callbacks" and floor > other_floor), \
            "{} (floor {}) imports {} (floor {})".format(module, floor, imported, other_floor)


def test_no_modules_import_each_other():
    """Neither at module level nor in functions, nor for type checkers alone: each file can be read after those it needs."""
    left = {module: {imported for imported, relative, _ in imports(module, path) if relative and imported in FILES} - {module}
            for module, path in FILES.items()}
    while True:
        ready = {module for module, imported in left.items() if not imported & set(left)}
        if not ready:
            break
        left = {module: imported for module, imported in left.items() if module not in ready}
    assert left == {}


@pytest.mark.parametrize("module", sorted(FILES), ids=lambda m: m or "tensorpack")
def test_heavy_packages_are_imported_where_they_belong(module):
    for imported, relative, at_module_level in imports(module, FILES[module]):
        package = imported.split(".")[0]
        if relative or package not in HEAVY or not at_module_level:
            continue
        assert package == "tensorflow" and module == "compat", "{} imports {} at module level".format(module, imported)


@pytest.mark.parametrize("module", sorted(FILES), ids=lambda m: m or "tensorpack")
def test_nothing_is_imported_from_a_package_of_another_floor(module):
    """Names come from the module that defines them, so that a package table can stay lazy."""
    if module == "" or FILES[module].endswith("__init__.py"):
        return
    for imported, relative, _ in imports(module, FILES[module]):
        if relative and "." not in imported and imported not in ("compat", "libinfo", "_exports"):
            raise AssertionError("{} imports from the package {} instead of the defining module".format(module, imported))
