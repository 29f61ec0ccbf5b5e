"""`.npz` files that lie about what they hold, or unpack to more than they may."""

import io
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from bnnaudit.core.errors import DataError
from bnnaudit.core.file_limits import FREE_ARRAY, MOST_ARRAYS
from bnnaudit.data.npz import open_npz

IMAGES = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)


def array_bytes(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def npz(path: Path, method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def with_header(text: bytes, values: bytes = bytes(12), version: bytes = b"\x01\x00") -> bytes:
    """A member with this expression for a header."""
    length = len(text).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + length + text + values


def described(dtype: str = "'|u1'", shape: str = "(3, 2, 2)", rest: str = "") -> bytes:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}{rest}}}\n".encode()


def test_what_numpy_writes_is_read_as_numpy_reads_it(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for values in (
        IMAGES,
        np.asfortranarray(random.random((4, 3, 5))),
        random.random((2, 7)).astype(">f4"),
        IMAGES > 3,
    ):
        np.savez_compressed(tmp_path / "a.npz", x=values)
        with np.load(tmp_path / "a.npz") as expected:
            read = open_npz(tmp_path / "a.npz").values
            assert read.dtype == expected["x"].dtype
            assert np.array_equal(read, expected["x"])


def test_zeros_without_end_are_refused_before_they_take_memory(tmp_path: Path) -> None:
    size = 2 * FREE_ARRAY
    path = tmp_path / "a.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as stream,
    ):
        stream.write(with_header(described(shape=f"({size // 4}, 2, 2)"), b""))
        for _ in range(size // 2**24):
            stream.write(bytes(2**24))
    tracemalloc.start()
    start = time.process_time()
    with pytest.raises(DataError, match="as a zip bomb does"):
        open_npz(path)
    assert time.process_time() - start < 2
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize(
    "shape", ["(30000000000000,)", "(2, 99999999999999999999, 99999999999999999999)", "(9" * 60 + ")" * 60]
)
def test_shapes_that_no_memory_holds(tmp_path: Path, shape: str) -> None:
    with pytest.raises(DataError):
        open_npz(npz(tmp_path / "a.npz", x__npy=with_header(described(shape=shape))))


@pytest.mark.parametrize(
    "member",
    [
        with_header(b"{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 2L, 2L)}\n", b""),
        with_header(b"{'descr': " + b"(" * 3000 + b"\n"),
        with_header(b"{'descr': '|u1'" + b" " * 60_000 + b"\n"),
        with_header(b"\xff\xfe" * 50),
        with_header(b"__import__('os').system('ls')\n"),
        with_header(b"[" + b"1," * 4000 + b"]\n"),
        with_header(described("'no type'")),
        with_header(described("[('a', '|u1'), ('b', '|u1')]")),
        with_header(described("('|u1', (1000000, 1000))")),
        with_header(described("'V99999999999'")),
        with_header(described(shape="(-3, -2, 2)")),
        with_header(described(shape="(True, 2.5)")),
        with_header(described(rest=", 'more': 1")),
        with_header(described(), version=b"\x09\x09"),
        with_header(b"x" * 100, version=b"\x02\x00"),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
        b"\x93NUMPY\x01",
        b"",
        b"junk" * 100,
    ],
    ids=lambda member: repr(member[6:40]),
)
def test_broken_headers_are_one_error(tmp_path: Path, member: bytes) -> None:
    with pytest.raises(DataError) as caught:
        open_npz(npz(tmp_path / "a.npz", x__npy=member))
    assert "\n" not in str(caught.value)


def test_headers_of_python_2_are_read_without_a_warning(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 2L, 2L)}\n"
    assert open_npz(npz(tmp_path / "a.npz", x__npy=with_header(header))).values.shape == (3, 2, 2)


def test_a_header_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    member = b"\x93NUMPY\x02\x00" + (10**8).to_bytes(4, "little") + b" " * 10**8
    path = npz(tmp_path / "a.npz", x__npy=member)
    tracemalloc.start()
    with pytest.raises(DataError, match="damaged header"):
        open_npz(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_member_beside_the_checked_one_is_refused(tmp_path: Path) -> None:
    """`x.npy` would be checked, and `x` read."""
    for names in ({"x__npy": array_bytes(IMAGES), "x": bytes(10)}, {"x": bytes(10), "x__npy": array_bytes(IMAGES)}):
        with pytest.raises(DataError, match="holds x twice"):
            open_npz(npz(tmp_path / "a.npz", **names))


def test_pickled_objects_are_never_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="pickled Python objects"):
        open_npz(tmp_path / "a.npz")


def test_members_cut_short_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="shorter than its header says"):
        open_npz(npz(tmp_path / "a.npz", x__npy=array_bytes(IMAGES)[:-1]))
    path = npz(tmp_path / "a.npz", x__npy=array_bytes(IMAGES))
    data = bytearray(path.read_bytes())
    data[36:60] = b"\xff" * 24
    path.write_bytes(data)
    with pytest.raises(DataError, match="cannot be unpacked"):
        open_npz(path)


def test_thousands_of_members(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="arrays, more than"):
        open_npz(
            npz(tmp_path / "a.npz", zipfile.ZIP_STORED, **{f"a{number}": b"" for number in range(MOST_ARRAYS.most + 1)})
        )


@pytest.mark.parametrize("stated", [(-np.inf, np.inf), (0.0, 1e39), (0.0, 1e-40), (0.0, np.inf), (1e9, 1e9 + 1)])
def test_ranges_in_which_no_image_can_be_computed(tmp_path: Path, stated: tuple[float, float]) -> None:
    np.savez(tmp_path / "a.npz", x=IMAGES, input_range=np.array(stated))
    with pytest.raises(DataError, match="input_range"):
        open_npz(tmp_path / "a.npz")


def test_labels_beyond_all_classes(tmp_path: Path) -> None:
    for labels in ([0.0, 1e300, 1.0], [0, 2**40, 1], [0.0, -1e300, 1.0]):
        np.savez(tmp_path / "a.npz", x=IMAGES, y=np.array(labels))
        with pytest.raises(DataError, match="1 of 3 labels are beyond"):
            open_npz(tmp_path / "a.npz")
