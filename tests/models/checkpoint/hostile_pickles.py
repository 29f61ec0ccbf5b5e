"""Pickles written by hand, in the zip or the older format that torch reads."""

import io
import pickle
import zipfile

PROTOCOL = b"\x80\x02"
ORDERED = b"ccollections\nOrderedDict\n"


def zipped(pickled: bytes, method: int = zipfile.ZIP_STORED, **members: bytes) -> bytes:
    """What torch.save would write around the pickle; further members by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return buffer.getvalue()


def in_the_old_format(pickled: bytes) -> bytes:
    """The five pickles of the older format, with this one for the values."""
    before = (0x1950A86A20F9469CFC6C, 1001, {})
    return b"".join(pickle.dumps(part, 2) for part in before) + pickled + pickle.dumps([], 2)


def doubling(levels: int = 40, start: bytes = b"K\x01\x85") -> bytes:
    """A tuple that holds the last one twice, `levels` times over: 2**levels entries in 5 bytes a level."""
    return start + b"".join(b"q%ch%c\x86" % (level, level) for level in range(levels))


HOSTILE = {
    "a key that doubles": PROTOCOL + b"}" + doubling() + b"K\x01s.",
    "a value that doubles": PROTOCOL + b"}K\x01" + doubling() + b"s.",
    "a deep key": PROTOCOL + b"})" + b"\x85" * 100_000 + b"K\x01s.",
    "deep lists": PROTOCOL + b"]" * 100_000 + b"a" * 99_999 + b".",
    "a call that doubles": PROTOCOL + b"}" + doubling(30, ORDERED + b")R") + b"K\x01s.",
    "an ordered dictionary of deep keys": PROTOCOL + ORDERED + b"]" + doubling() + b"K\x01\x86a\x85R.",
    "a set of what doubles": PROTOCOL + b"c__builtin__\nset\n]" + doubling() + b"a\x85R.",
    "a size of what doubles": PROTOCOL + b"}ctorch\nSize\n" + doubling(30) + b"\x85RK\x01s.",
    "calls in calls": PROTOCOL + b"ctorch\nSize\n" * 5_000 + b")" + b"\x85R" * 5_000 + b".",
    "a list in itself": PROTOCOL + b"]q\x00h\x00a.",
    "a dictionary in itself": PROTOCOL + b"}q\x00K\x01h\x00s.",
    "a terabyte of zeros": PROTOCOL + b"c__builtin__\nbytearray\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
    "a tensor of a million million": PROTOCOL + b"ctorch\nFloatTensor\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85R.",
    "a new tensor of any size": PROTOCOL + b"ctorch\nTensor\n\x8a\x06\x00\x00\x00\x00\x00\x01\x85\x81.",
    "code": PROTOCOL + b"cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
    "too many instructions": PROTOCOL + b"(" + b"K\x01" * 1_000_001 + b"t.",
    "an empty stack": PROTOCOL + b"R.",
    "what was never kept": PROTOCOL + b"h\x07.",
    "no end": PROTOCOL + b"}",
    "nothing": b"",
    "a later protocol": pickle.dumps({"a": [1, 2]}, 4),
    "a storage that is none": PROTOCOL + b"K\x01\x85Q.",
}
