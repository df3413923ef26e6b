"""``dfd``: the platform from the command line. Tables for people, ``--json`` for programs."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from dfd_client import bundle_verifier
from dfd_client.config import Config, load, save, state_folder
from dfd_client.errors import DfdError
from dfd_client.synchronous import Client

BAR = 30


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status is 1 when the platform refuses or a check fails."""
    options = _parser().parse_args(arguments)
    try:
        result: int | None = options.run(options)
        return result or 0
    except (DfdError, OSError) as error:
        print(f"dfd: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dfd: interrupted; an upload goes on when it is started again", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dfd", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the platform's own answer")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, text: str, *names: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        for argument in names:
            sub.add_argument(argument)
        sub.set_defaults(run=run)
        return sub

    login = command("login", _login, "keep address and key in a file of yours (mode 0600)", "url")
    login.add_argument("--key", help="asked for when left out; read from a pipe")
    command("me", _me, "who the key is and what it may do")
    cases = command("cases", _cases, "list cases, or open one with --new TITLE")
    cases.add_argument("--new", metavar="TITLE")
    upload = command("upload", _upload, "send recordings into evidence, resumable", "case")
    upload.add_argument("files", nargs="+", type=Path)
    upload.add_argument("--analyse", action="store_true", help="queue an analysis of each")
    analyse = command("analyse", _analyse, "queue an analysis of an exhibit", "exhibit")
    analyse.add_argument("--profile", default="standard")
    analyse.add_argument("--wait", action="store_true", help="until it is final, then the finding")
    command("status", _status, "how far an analysis is", "analysis")
    command("finding", _finding, "what the machine found", "analysis")
    report = command("report", _report, "make and fetch a report on a finding", "analysis")
    report.add_argument("--format", choices=["pdf", "html"], default="pdf")
    report.add_argument("-o", "--output", type=Path)
    bundle = command("bundle", _bundle, "make and fetch the evidence bundle of a case", "case")
    bundle.add_argument("--purpose", default="disclosure")
    bundle.add_argument("-o", "--output", type=Path)
    verify = command("verify", _verify, "verify a bundle offline (zip or folder)", "bundle")
    verify.add_argument("--key", help="the laboratory's verifier key, NAME+ID+BASE64")
    return parser


def _client() -> Client:
    config = load()
    return Client(config.url, config.key)


def _login(options: argparse.Namespace) -> None:
    key = options.key
    if key is None:
        key = getpass.getpass("API key: ") if sys.stdin.isatty() else sys.stdin.readline()
    config = Config(options.url, key.strip())
    with Client(config.url, config.key) as client:
        me = client.me()
    print(f"signed in as {me['username']}; kept in {save(config)}")


def _me(options: argparse.Namespace) -> None:
    with _client() as client:
        me = client.me()
    if options.json:
        return _json(me)
    print(f"{me['username']} by key {me['key']}: {', '.join(me['scopes'])}")
    for quota in me["quotas"]:
        print(f"{quota['measure']} of {quota['of']}: {quota['used']} of {quota['limit']} today")
    return None


def _cases(options: argparse.Namespace) -> None:
    with _client() as client:
        rows = [client.create_case(options.new)] if options.new else client.cases()
    _table(options, rows, "number", "status", "title", "id")


def _upload(options: argparse.Namespace) -> None:
    rows: list[Any] = []
    with _client() as client:
        case = client.case(options.case)
        for file in options.files:
            bar = _Bar(file.name)
            exhibit = client.upload(file, case["id"], progress=bar, state=state_folder())
            rows.append(exhibit)
            if options.analyse:
                rows[-1] = {**exhibit, "analysis": client.analyse(exhibit["id"])["id"]}
    last = "analysis" if options.analyse else "id"
    _table(options, rows, "label", "kind", "sha256", last)


def _analyse(options: argparse.Namespace) -> int:
    with _client() as client:
        analysis = client.analyse(options.exhibit, options.profile)
        if not options.wait:
            _table(options, [analysis], "id", "status")
            return 0
        done = client.wait(analysis["id"])
        if done["status"] != "complete":
            _table(options, [done], "id", "status", "error_message")
            return 1
        _show_finding(options, client.finding(done["id"]))
    return 0


def _status(options: argparse.Namespace) -> None:
    with _client() as client:
        _table(options, [client.analysis(options.analysis)], "id", "status", "percent", "stage")


def _finding(options: argparse.Namespace) -> None:
    with _client() as client:
        _show_finding(options, client.finding(options.analysis))


def _report(options: argparse.Namespace) -> int:
    with _client() as client:
        return _fetch(options, client, client.order_report(options.analysis, options.format))


def _bundle(options: argparse.Namespace) -> int:
    with _client() as client:
        case = client.case(options.case)
        return _fetch(options, client, client.order_bundle(case["id"], options.purpose))


def _fetch(options: argparse.Namespace, client: Client, ordered: Any) -> int:
    done = client.wait_for_export(ordered["id"])
    if done["status"] != "ready":
        print(f"dfd: {done['error_message']}", file=sys.stderr)
        return 1
    target = options.output or Path(str(done["filename"]).rsplit("/", 1)[-1])
    client.download_export(done["id"], target)
    _table(options, [{**done, "file": str(target)}], "file", "sha256")
    return 0


def _verify(options: argparse.Namespace) -> int:
    source = Path(options.bundle)
    with tempfile.TemporaryDirectory() as scratch:
        folder = source if source.is_dir() else _unpacked(source, Path(scratch))
        try:
            for line in bundle_verifier.verify(folder, options.key):
                print(line)
        except bundle_verifier.Wrong as wrong:
            print(f"WRONG: {wrong}")
            return 1
    return 0


def _unpacked(source: Path, scratch: Path) -> Path:
    """The one folder of the zip; the standard library drops names that lead outside."""
    try:
        with zipfile.ZipFile(source) as archive:
            archive.extractall(scratch)
    except zipfile.BadZipFile as error:
        raise DfdError(f"{source} is no zip file") from error
    inside = list(scratch.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else scratch


def _show_finding(options: argparse.Namespace, finding: Any) -> None:
    if options.json:
        return _json(finding)
    probability, ratio = finding["probability"], finding["log10_lr"]
    print(f"verdict      {finding['verdict']}")
    print(f"probability  {'none stated' if probability is None else f'{probability:.3f}'}")
    print(f"log10 LR     {'none stated' if ratio is None else f'{ratio:+.2f}'}")
    print("A finding supports a decision; it never replaces one.")
    return None


def _table(options: argparse.Namespace, rows: list[Any], *names: str) -> None:
    if options.json:
        return _json(rows)
    for row in rows:
        print("  ".join(str(row.get(name, "")) for name in names))
    return None


def _json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


class _Bar:
    """A line on the terminal that fills up; nothing where errors go to a file."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._shown = sys.stderr.isatty()

    def __call__(self, sent: int, total: int) -> None:
        if not self._shown:
            return
        full = BAR if total == 0 else BAR * sent // total
        percent = 100 if total == 0 else 100 * sent // total
        end = "\n" if sent == total else ""
        bar = "█" * full + "░" * (BAR - full)
        print(f"\r{self._name} {bar} {percent:3d} %", end=end, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
