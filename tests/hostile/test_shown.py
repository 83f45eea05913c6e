"""Attempts by what is shown, told and counted: words that a terminal obeys, secrets that come out, floods of output. What
was shown is read at the terminal or the pipe."""

import json
import subprocess
from pathlib import Path

import pytest
from container import DEADLINE, LONGSHORE, Caller
from ending import Plain, at_terminal, run, write_script

# The clipboard, the title, a clear screen, a line that looks like the host's own, letters that turn the direction.
FORGED = (
    "\x1b]52;c;cm0gLXJm\x07 \x1b]0;owned\x07 \x1b[2J\x1b[H\r\n✓ output 0: 999 rows, 1 byte, in forged.csv\n\u202eevil"
)
OBEYED = [b"\x1b]52", b"\x1b]0;", b"\x1b[2J", b"\n\xe2\x9c\x93 output 0: 999", "\u202e".encode()]

SPEAKS = {
    "python": """
import sys
if "LONGSHORE_SOCKET" in os.environ:
    from longshore.api import Api
    api = Api()
    api.update_message(forged)
    api.abort(forged)
print(forged)
""",
    "r": """
if (nzchar(Sys.getenv("LONGSHORE_SOCKET"))) {
  library(longshore)
  api <- longshore.api()
  update.message(api, forged)
  abort(api, forged)
}
cat(forged, "\\n")
""",
}

RAISES = {"python": "raise ValueError(forged)\n", "r": "stop(forged)\n"}
PRINTS = {"python": "import sys\nprint(forged, file=sys.stderr)\n", "r": 'cat(forged, "\\n", file = stderr())\n'}


@pytest.mark.parametrize("language", ["python", "r"])
def test_a_terminal_is_told_nothing(root: Caller, tmp_path: Path, language: str) -> None:
    block = write_script(tmp_path, language, SPEAKS[language], {"forged": FORGED})
    shown = at_terminal([LONGSHORE, "run", block, "--engine", "docker"], tmp_path, root.variables())
    assert b"evil" in shown, shown
    assert not [part for part in OBEYED if part in shown], shown


@pytest.mark.parametrize("language", ["python", "r"])
@pytest.mark.parametrize("script", [PRINTS, RAISES], ids=["prints", "exception"])
def test_a_log_at_a_terminal_has_colours_at_most(
    root: Caller, tmp_path: Path, language: str, script: dict[str, str]
) -> None:
    block = write_script(tmp_path, language, script[language], {"forged": FORGED})
    shown = at_terminal([LONGSHORE, "run", block, "--engine", "docker"], tmp_path, root.variables())
    assert b"evil" in shown, shown
    # A script's own lines are its own, whatever they look like.
    assert not [part for part in OBEYED[:3] if part in shown], shown


@pytest.mark.parametrize("language", ["python", "r"])
def test_without_longshore_a_terminal_obeys(tmp_path: Path, language: str) -> None:
    block = write_script(tmp_path, language, SPEAKS[language], {"forged": FORGED})
    with Plain(language, block) as printed:
        missing = [part for part in OBEYED if part not in printed.encode().replace(b"\r\n", b"\n")]
    assert not missing, printed


def test_a_manifest_tells_a_terminal_nothing(root: Caller, tmp_path: Path) -> None:
    more = f'description = {json.dumps(FORGED)}\n[[options]]\nname = "x"\nlabel = {json.dumps(FORGED)}\nkind = "text"\n'
    block = write_script(tmp_path, "python", "", {}, more)
    assert FORGED.split()[0].encode() in (block / "block.toml").read_text().encode().decode("unicode_escape").encode()
    shown = at_terminal([LONGSHORE, "check", block], tmp_path, root.variables())
    assert not [part for part in OBEYED[:3] if part in shown], shown


TELLS = """
from longshore.api import Api
api = Api()
token = api.get_option("token")
print("it is", token, flush=True)
print("in parts", token[:7], end="", flush=True)
print(token[7:], flush=True)
api.update_message("in a message " + token)
{ends}
"""

ENDS = ["api.abort('cannot connect as ' + token)", "raise ValueError(token)"]


@pytest.mark.parametrize("kind", ["password", "text"])
@pytest.mark.parametrize("ends", ENDS, ids=["abort", "exception"])
def test_a_password_is_shown_nowhere_and_another_option_is(root: Caller, tmp_path: Path, kind: str, ends: str) -> None:
    option = f'[[options]]\nname = "token"\nkind = "{kind}"\nmandatory = true\n'
    block = write_script(tmp_path, "python", TELLS.format(ends=ends), {}, option)
    secret = "hunter2-and-more"
    (tmp_path / "token").write_text(secret)
    (tmp_path / "token").chmod(0o600)
    done = run(root, tmp_path, block, ["--option", f"token=@{tmp_path / 'token'}"])
    assert done.status == 1, done.printed
    show = [LONGSHORE, "runs", "show", done.record["run_id"], "--json"]
    log = [LONGSHORE, "runs", "log", done.record["run_id"]]
    places = [done.printed, json.dumps(done.record)]
    for command in (show, log):
        told = subprocess.run(
            command, env=root.variables(), capture_output=True, text=True, check=True, timeout=DEADLINE
        )
        places.append(told.stdout)
    shown = [secret in place for place in places]
    assert shown == [kind == "text"] * 4, places


MIB = 1 << 20
FLOODS = {
    "output": 'line = "x" * 1023\nfor _ in range(80 << 10):\n    print(line)\n',
    "messages": """
word = "x" * 60000
if "LONGSHORE_SOCKET" in os.environ:
    from longshore.api import Api
    api = Api()
    for _ in range(1400):
        api.update_message(word)
else:
    for _ in range(1400):
        print(word)
""",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_cut_at_the_limit_of_the_log(root: Caller, tmp_path: Path, flood: str) -> None:
    block = write_script(tmp_path, "python", FLOODS[flood], {})
    done = run(root, tmp_path, block)
    assert len(done.printed) < 66 * MIB, done.status
    with Plain("python", block) as printed:
        assert len(printed) >= 80 * MIB
