"""Writing a report to its file."""

import errno
import os
from pathlib import Path

import pytest

from pytest_mxperf.report.output import Output, save


@pytest.fixture
def refuses(monkeypatch):
    """Lets no file take another's place, for the given reason."""

    def refuses(number):
        def replace(old, new):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "replace", replace)

    return refuses


def test_a_full_disk_leaves_the_report_of_before(tmp_path, refuses):
    path = tmp_path / "report.html"
    save(path, b"before")
    refuses(errno.ENOSPC)
    with pytest.raises(OSError, match="No space left"):
        save(path, b"now")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"report.html": b"before"}


def test_a_file_that_can_only_be_written_in_place_is(tmp_path, refuses):
    """For example one that is mounted into a container."""
    path = tmp_path / "report.html"
    save(path, b"before, and longer")
    refuses(errno.EBUSY)
    save(path, b"now")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"report.html": b"now"}


def test_a_file_that_is_read_only_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    save(path, b"before")
    usual = Path.open

    def refuse(self, mode="r", *more, **named):  # root may write everything, so chmod would not do
        if self == path and mode[0] in "wa+":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return usual(self, mode, *more, **named)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError, match=r"Permission denied: '.*report\.html'"):
        save(path, b"now")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"report.html": b"before"}


def test_its_mode_stays_and_its_name_may_be_as_long_as_any(tmp_path):
    path = tmp_path / ("r" * 250 + ".html")
    save(path, b"before")
    path.chmod(0o600)
    save(path, b"now")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"now", 0o600)


def test_a_link_keeps_pointing_to_the_report(tmp_path):
    link = tmp_path / "latest.html"
    link.symlink_to(tmp_path / "report.html")
    save(link, b"now")
    assert link.is_symlink()
    assert (tmp_path / "report.html").read_bytes() == b"now"


def test_what_is_no_regular_file_is_written_to():
    reader, writer = os.pipe()
    with open(writer, "wb"), open(reader, "rb") as stream:
        save(Path(f"/dev/fd/{writer}"), b"now")
        assert os.read(stream.fileno(), 9) == b"now"


def test_texts_are_added_or_replace_the_file(tmp_path):
    made = Output(written={tmp_path / "a": "one"}, appended={tmp_path / "b": "\udcff"})
    assert list(made.files()) == [(tmp_path / "a", b"one", False), (tmp_path / "b", b"\\udcff", True)]
    for _ in range(2):
        for path, content, adds in made.files():
            save(path, content, adds=adds)
    assert (tmp_path / "a").read_bytes() == b"one"
    assert (tmp_path / "b").read_bytes() == b"\\udcff\\udcff"
