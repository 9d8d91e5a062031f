import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchvision.datasets import FashionMNIST

from nasstudio.engine.data import download as downloads
from nasstudio.engine.data import fetch as fetching
from nasstudio.engine.data.catalog import open_set
from nasstudio.engine.data.document import DataDocument
from nasstudio.engine.errors import NeedsExtra, StudioError


def md5(path):
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """torchvision's downloader closes a connection after the header, to see where it leads."""


@pytest.fixture
def server(tmp_path):
    """Address of a web server for the temporary folder."""
    with Server(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def mirror(idx_folder, server, monkeypatch):
    """torchvision's mirror of Fashion-MNIST, here and in little."""
    monkeypatch.setattr(FashionMNIST, "mirrors", [f"{server}/{idx_folder.name}/"])
    monkeypatch.setattr(
        FashionMNIST, "resources", [(p.name, md5(p)) for p in sorted(idx_folder.iterdir())]
    )


@pytest.mark.usefixtures("mirror")
def test_that_what_torchvision_downloads_is_found(tmp_path):
    assert downloads.main(["fashion_mnist", str(tmp_path / "data")]) == 0

    assert len(open_set(DataDocument("fashion_mnist"), tmp_path / "data").split("test")) == 100


def test_that_the_binary_cifar_is_downloaded_unpacked_and_found(
    cifar_folder, tmp_path, server, monkeypatch
):
    archive = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar_folder, "cifar-10-batches-bin")
    monkeypatch.setattr(downloads, "CIFAR10_BINARY", f"{server}/{archive.name}")
    monkeypatch.setattr(downloads, "CIFAR10_MD5", md5(archive))
    (tmp_path / "data").mkdir()

    assert downloads.main(["cifar10", str(tmp_path / "data")]) == 0

    assert len(open_set(DataDocument("cifar10"), tmp_path / "data").split("test")) == 20
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["cifar-10-batches-bin"]


def test_that_an_archive_that_climbs_out_of_its_folder_is_refused(
    tmp_path, server, monkeypatch, capsys
):
    archive = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../../evil"), io.BytesIO())
    monkeypatch.setattr(downloads, "CIFAR10_BINARY", f"{server}/{archive.name}")
    monkeypatch.setattr(downloads, "CIFAR10_MD5", md5(archive))
    (tmp_path / "data").mkdir()

    assert downloads.main(["cifar10", str(tmp_path / "data")]) == 1

    assert "outside" in capsys.readouterr().err
    assert not (tmp_path / "evil").exists()


@pytest.mark.usefixtures("mirror")
def test_that_a_wrong_hash_is_the_last_line_on_the_standard_error(
    tmp_path, idx_folder, monkeypatch, capsys
):
    monkeypatch.setattr(
        FashionMNIST, "resources", [(p.name, "0" * 32) for p in idx_folder.iterdir()]
    )

    assert downloads.main(["fashion_mnist", str(tmp_path / "data")]) == 1

    assert "corrupted" in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.fixture
def child(tmp_path, monkeypatch):
    """A function that replaces the interpreter of the download's child by a program."""

    def replace(program: str) -> str:
        path = tmp_path / "interpreter"
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
        return str(path)

    return replace


def test_that_a_failed_download_names_the_reason(tmp_path, child):
    with pytest.raises(StudioError, match="no route to host"):
        fetching.fetch(
            "cifar10",
            tmp_path / "data",
            lambda d, t: None,
            child("echo no route to host >&2; exit 1"),
        )


def test_that_an_interpreter_without_torchvision_needs_the_engine(tmp_path, child):
    program = 'echo "ModuleNotFoundError: No module named torchvision" >&2; exit 1'

    with pytest.raises(NeedsExtra, match="engine"):
        fetching.fetch("cifar10", tmp_path / "data", lambda d, t: None, child(program))


def test_that_an_interpreter_that_is_not_there_is_explained(tmp_path):
    with pytest.raises(StudioError, match="download failed"):
        fetching.fetch("cifar10", tmp_path, lambda d, t: None, str(tmp_path / "no-python"))


def test_that_the_download_is_told_family_and_folder(tmp_path, child):
    program = 'printf "%s\\n" "$@" > ' + str(tmp_path / "said")

    fetching.fetch("fashion_mnist", tmp_path / "data", lambda d, t: None, child(program))

    assert (tmp_path / "said").read_text().split() == [
        "-m",
        "nasstudio.engine.data.download",
        "fashion_mnist",
        str(tmp_path / "data"),
    ]


def test_that_stopping_ends_the_download(tmp_path, child):
    class Stop(Exception):
        pass

    def stop(done, total):
        raise Stop

    ended = tmp_path / "ended"
    program = child(f"trap 'touch {ended}; exit 1' TERM; while true; do sleep 0.05; done")
    with pytest.raises(Stop):
        fetching.fetch("cifar10", tmp_path / "data", stop, program)

    assert ended.exists()


def test_that_a_set_is_fetched_only_if_it_is_asked_for(tmp_path, monkeypatch, idx_folder):
    fetched = []

    def fetch(family, folder, progress):
        fetched.append(family)
        idx_folder.rename(folder / "fashion-mnist")

    monkeypatch.setattr("nasstudio.engine.data.fashion.fetch", fetch)
    (tmp_path / "data").mkdir()

    images = open_set(DataDocument("fashion_mnist", {"download": True}), tmp_path / "data")
    open_set(DataDocument("fashion_mnist", {"download": True}), tmp_path / "data")

    assert len(images.split("test")) == 100
    assert fetched == ["fashion_mnist"]
