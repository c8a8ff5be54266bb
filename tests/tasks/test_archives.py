"""Zip and tar archives that lie, climb, link or swell."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from liafbench.baselines.errors import UsageError
from liafbench.bench.tasks.common import trees
from liafbench.bench.tasks.common.tars import unpack
from liafbench.bench.tasks.common.trees import Folder, Zip, open_tree


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, data in entries:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def plain(name: str, data: bytes = b"data") -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), data


CLIMBING = ["../up.bin", "/root.bin", "a/../../up.bin", "..\\up.bin", "C:/up.bin"]


def test_a_zip_and_the_folder_it_holds_are_read_alike(tmp_path):
    files = {"Train/0/1.bin": b"one", "Train/9/2.bin": b"two", "Train/readme.txt": b"no"}
    archive = Zip(zipped(tmp_path / "Train.zip", files), ".bin")
    with zipfile.ZipFile(tmp_path / "Train.zip") as opened:
        opened.extractall(tmp_path)
    folder = open_tree(tmp_path, "Train", ".bin")
    assert isinstance(folder, Folder)
    for tree in (archive, folder):
        assert tree.names() == ["0/1.bin", "9/2.bin"]
        assert tree.read("9/2.bin", 10) == b"two"
        assert len(tree.checksum(tree.names())) == 64


@pytest.mark.parametrize("name", CLIMBING)
def test_members_that_climb_are_refused(tmp_path, name):
    path = zipped(tmp_path / "up.zip", {"a.bin": b"", "placeholder.bin": b"x"})
    data = path.read_bytes()
    assert len(name) <= len("placeholder.bin")
    shorter = zipped(tmp_path / "named.zip", {name: b"x"}) if "\\" not in name else None
    if shorter is None:
        padded = name.encode().ljust(len("placeholder.bin"), b"b")
        path.write_bytes(data.replace(b"placeholder.bin", padded))
    with pytest.raises(UsageError, match=r"zip holds the member .* leads out of its folder"):
        Zip(shorter or path, ".bin")
    with pytest.raises(
        UsageError,
        match=r"gz .*leads out of its folder|up\.tar\.gz is not a valid .*outside the destination",
    ):
        unpack(tarred(tmp_path / "up.tar.gz", plain(name)), tmp_path / "target", 10**6)
    assert not (tmp_path / "target").exists() or not any((tmp_path / "target").iterdir())


def test_links_in_a_zip_are_refused(tmp_path):
    info = zipfile.ZipInfo("link.bin")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UsageError, match=r"link\.zip holds a link, 'link\.bin'"):
        Zip(tmp_path / "link.zip", ".bin")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_whatever_is_no_plain_file_in_a_tar_is_refused(tmp_path, kind):
    member = tarfile.TarInfo("inside/odd")
    member.type, member.linkname = kind, "../../secret"
    with pytest.raises(UsageError, match=r"odd\.tar\.gz holds 'inside/odd', which is not a plain"):
        unpack(tarred(tmp_path / "odd.tar.gz", plain("inside/a"), (member, b"")), tmp_path, 10**6)
    assert [path.name for path in tmp_path.iterdir()] == ["odd.tar.gz"]


def test_a_zip_bomb_stops_at_the_bound(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"big.bin": bytes(1 << 24)})
    assert path.stat().st_size < 1 << 15
    with pytest.raises(UsageError, match=r"bomb\.zip: big\.bin unpacks to more than 1000 bytes"):
        Zip(path, ".bin").read("big.bin", 1000)


def test_a_zip_that_lies_about_a_size(tmp_path):
    path = zipped(tmp_path / "lie.zip", {"big.bin": bytes(5000)})
    data = bytearray(path.read_bytes())
    for place in (data.find(b"PK\x03\x04") + 22, data.find(b"PK\x01\x02") + 24):
        data[place : place + 4] = struct.pack("<I", 10)
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"lie\.zip"):
        Zip(path, ".bin").read("big.bin", 1 << 20)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_cannot_be_read_in_bounded_pieces_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w", method) as archive:
        archive.writestr("a.bin", bytes(1 << 20))
    with pytest.raises(UsageError, match=r"odd\.zip: 'a\.bin' is compressed by method 1[24]"):
        Zip(tmp_path / "odd.zip", ".bin")


def test_a_directory_that_claims_too_much_is_refused(tmp_path, monkeypatch):
    path = zipped(tmp_path / "many.zip", {f"{number}.bin": b"" for number in range(50)})
    assert len(Zip(path, ".bin").names()) == 50
    monkeypatch.setattr(trees, "MAX_DIRECTORY", 2000)
    with pytest.raises(
        UsageError, match=r"many\.zip is not a valid zip archive: a directory of more"
    ):
        Zip(path, ".bin")


def test_a_zip_with_a_comment_is_read(tmp_path):
    path = zipped(tmp_path / "said.zip", {"a.bin": b"data"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"by hand"
    assert Zip(path, ".bin").read("a.bin", 10) == b"data"


def test_a_zip_replaced_while_it_is_read_is_noticed(tmp_path):
    archive = Zip(zipped(tmp_path / "a.zip", {"a.bin": b"old"}), ".bin")
    zipped(tmp_path / "b.zip", {"a.bin": b"new"}).replace(tmp_path / "a.zip")
    with pytest.raises(UsageError, match=r"a\.zip changed while it was read"):
        archive.read("a.bin", 10)


def test_a_named_pipe_for_a_zip_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "Train.zip")
    with pytest.raises(UsageError, match=r"Train\.zip is not a regular file"):
        open_tree(tmp_path, "Train", ".bin")


def test_two_members_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.bin", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.bin", b"2")
    with pytest.raises(UsageError, match=r"two\.zip holds two members of one name"):
        Zip(tmp_path / "two.zip", ".bin")


def test_an_encrypted_member_is_named(tmp_path):
    path = zipped(tmp_path / "secret.zip", {"a.bin": b"abc"})
    data = bytearray(path.read_bytes())
    for place in (data.find(b"PK\x03\x04") + 6, data.find(b"PK\x01\x02") + 8):
        data[place] |= 1
    path.write_bytes(data)
    with pytest.raises(UsageError, match=r"secret\.zip is not a valid zip archive: .*encrypted"):
        Zip(path, ".bin").read("a.bin", 100)


def test_a_zip_truncated_at_every_byte(tmp_path):
    whole = zipped(tmp_path / "whole.zip", {"a.bin": b"0123456789"}).read_bytes()
    path = tmp_path / "cut.zip"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"cut\.zip"):
            Zip(path, ".bin").read("a.bin", 100)


def test_a_tar_is_unpacked_whole_or_not_at_all(tmp_path):
    path = tarred(tmp_path / "a.tar.gz", plain("top/a.txt", b"a" * 3000), plain("top/b.txt", b"b"))
    whole = path.read_bytes()
    target = tmp_path / "target"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(UsageError, match=r"a\.tar\.gz"):
            unpack(path, target, 10**6)
        assert not target.exists() or list(target.iterdir()) == []
    path.write_bytes(whole)
    unpack(path, target, 10**6)
    assert (target / "top" / "a.txt").read_bytes() == b"a" * 3000
    assert [p.name for p in target.iterdir()] == ["top"]


def test_what_is_there_already_stays(tmp_path):
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "a.txt").write_text("mine")
    archive = tarred(tmp_path / "a.tar.gz", plain("top/a.txt", b"theirs"), plain("top/b.txt"))
    unpack(archive, tmp_path, 10**6)
    assert (tmp_path / "top" / "a.txt").read_text() == "mine"
    assert (tmp_path / "top" / "b.txt").read_text() == "data"


def test_a_tar_bomb_stops_at_the_bound(tmp_path):
    path = tarred(tmp_path / "bomb.tar.gz", plain("big", bytes(1 << 24)))
    with pytest.raises(UsageError, match=r"bomb\.tar\.gz unpacks to more than"):
        unpack(path, tmp_path, 1 << 20)
    assert [p.name for p in tmp_path.iterdir()] == ["bomb.tar.gz"]


def test_a_header_that_claims_a_huge_text_is_refused(tmp_path):
    member = tarfile.TarInfo("pax")
    member.type, member.size = tarfile.XHDTYPE, 1 << 33
    path = tmp_path / "pax.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf() + bytes(1 << 20)))
    with pytest.raises(UsageError, match=r"pax\.tar\.gz"):
        unpack(path, tmp_path, 1 << 24)


def test_text_headers_without_end_are_refused(tmp_path):
    member = tarfile.TarInfo("pax")
    member.type = tarfile.XHDTYPE
    path = tmp_path / "chain.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) * 3000 + bytes(1024)))
    with pytest.raises(UsageError, match=r"chain\.tar\.gz is not a valid \.tar\.gz archive"):
        unpack(path, tmp_path, 1 << 30)


def test_a_text_header_that_claims_more_than_a_machine_word_is_refused(tmp_path):
    member = tarfile.TarInfo("pax")
    member.type, text = tarfile.XHDTYPE, b"9" * 30 + b" path=a\n"
    member.size = len(text)
    path = tmp_path / "word.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf() + text.ljust(512, b"\0") + bytes(1024)))
    with pytest.raises(UsageError, match=r"word\.tar\.gz is not a valid \.tar\.gz archive"):
        unpack(path, tmp_path, 1 << 30)


def test_a_sparse_member_is_refused(tmp_path):
    member = tarfile.TarInfo("sparse")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "sparse.tar.gz"
    path.write_bytes(gzip.compress(bytes(header) + bytes(1024)))
    with pytest.raises(UsageError, match=r"sparse\.tar\.gz holds 'sparse', which is not a plain"):
        unpack(path, tmp_path, 1 << 20)


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path, monkeypatch):
    for digit in "01":
        (tmp_path / "Train" / digit).mkdir(parents=True)
        (tmp_path / "Train" / digit / "1.bin").write_bytes(b"x")
    real = os.scandir

    def denied(path):
        if str(path).endswith("Train/1"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UsageError, match=r"cannot list .*Train/1: Permission denied"):
        Folder(tmp_path / "Train", ".bin").names()


def test_linked_folders_are_not_entered(tmp_path):
    (tmp_path / "Train" / "0").mkdir(parents=True)
    (tmp_path / "Train" / "0" / "1.bin").write_bytes(b"x")
    (tmp_path / "Train" / "loop").symlink_to(tmp_path / "Train")
    assert Folder(tmp_path / "Train", ".bin").names() == ["0/1.bin"]
