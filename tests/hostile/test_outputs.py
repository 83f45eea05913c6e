"""Attempts to have the host write where it was not told to: the script puts links in the place of folders and files that
outputs and kept files go to. A writer that goes by path, as `cp` does, follows them; Longshore's must not."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import pytest
from container import Caller
from ending import Plain, run, write_script

PLANTS = {
    "python": """
def swap(name, to):
    os.rename(f"{writable}/{name}", f"{writable}/{name}.old")
    os.symlink(to, f"{writable}/{name}")

swap("folder", private)
swap("keeping", private)
swap("file.csv", f"{private}/precious")
for name in os.listdir(f"{writable}/within"):
    swap(f"within/{name}", private)
open("authorized_keys", "w").write("hostile")
os.symlink(f"{private}/precious", "link")
if "LONGSHORE_SOCKET" in os.environ:
    from longshore.api import Api
    api = Api()
    for output in range(2):
        api.write_output_records({"a": ["hostile"]}, output)
    api.commit("done")
""",
    "r": """
swap <- function(name, to) {
  file.rename(file.path(writable, name), file.path(writable, paste0(name, ".old")))
  file.symlink(to, file.path(writable, name))
}
swap("folder", private)
swap("keeping", private)
swap("file.csv", file.path(private, "precious"))
for (name in list.files(file.path(writable, "within"), all.files = TRUE, no.. = TRUE)) {
  swap(file.path("within", name), private)
}
writeLines("hostile", "authorized_keys")
file.symlink(file.path(private, "precious"), "link")
if (nzchar(Sys.getenv("LONGSHORE_SOCKET"))) {
  library(longshore)
  api <- longshore.api()
  for (output in 1:2) write.output.records(api, data.frame(a = "hostile"), output)
  commit(api, "done")
}
""",
}


class Place:
    """A folder that a script may write to, and one that nobody gave it."""

    def __init__(self, folder: Path) -> None:
        self.private, self.writable = folder / "private", folder / "writable"
        self.private.mkdir()
        (self.private / "precious").write_text(secrets.token_hex(8))
        self.before = self.files()
        for made in (self.writable, *(self.writable / name for name in ("folder", "keeping", "within"))):
            made.mkdir()
            made.chmod(0o777)
        (self.writable / "file.csv").write_text("old\n")
        folder.chmod(0o755)

    def files(self) -> dict[str, str]:
        """Everything in the folder that is nobody's."""
        return {path.name: path.read_text() if path.is_file() else "no file" for path in self.private.iterdir()}

    @property
    def given(self) -> dict[str, Any]:
        """What the script knows of both."""
        return {"private": str(self.private), "writable": str(self.writable)}


@pytest.mark.parametrize("language", ["python", "r"])
@pytest.mark.parametrize("kept", ["keeping/kept", "within/kept"])
def test_nothing_is_written_where_links_lead(root: Caller, tmp_path: Path, language: str, kept: str) -> None:
    place = Place(tmp_path)
    block = write_script(tmp_path, language, PLANTS[language], place.given)
    arguments: list[str | Path] = ["--mount", f"{place.writable}:rw", "--keep", place.writable / kept]
    arguments += ["-o", place.writable / "folder/out.csv", "-o", place.writable / "file.csv"]
    done = run(root, tmp_path, block, arguments)
    assert place.files() == place.before, done.printed
    precious = place.before["precious"]
    assert not any(precious in path.read_text(errors="replace") for path in kept_files(place)), done.printed


def kept_files(place: Place) -> list[Path]:
    """Files that were kept, wherever they are by now; links are not theirs."""
    return [path for path in place.writable.rglob("*") if path.is_file() and not path.is_symlink()]


@pytest.mark.parametrize("language", ["python", "r"])
def test_a_writer_that_goes_by_path_follows_them(tmp_path: Path, language: str) -> None:
    place = Place(tmp_path)
    block = write_script(tmp_path, language, PLANTS[language], place.given)
    (place.writable / "within/.temporary").mkdir()
    (place.writable / "within").chmod(0o777)
    with Plain(language, block, {"mounts": ["-v", f"{place.writable}:{place.writable}"]}):
        (place.writable / "folder/out.csv").write_text("hostile")
        (place.writable / "file.csv").write_text("hostile")
        kept = tmp_path / "authorized_keys"
        kept.write_text("hostile")
        for name in ("keeping/by-keep", "within/.temporary/by-temporary"):
            shutil.copy(kept, place.writable / name)
    expected = {"out.csv": "hostile", "precious": "hostile", "by-keep": "hostile", "by-temporary": "hostile"}
    assert place.files() == expected
