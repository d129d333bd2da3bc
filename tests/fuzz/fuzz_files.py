"""Feeds generated files to what reads scenarios, designs and cluster files, and watches what happens.

    python tests/fuzz/fuzz_files.py                        100,000 inputs in all, a quarter of them by coverage
    python tests/fuzz/fuzz_files.py --inputs 2000 --kinds schema bytes
    python tests/fuzz/fuzz_files.py --tally done.jsonl --minutes 10      in pieces: again and again until it says that all is done
    python tests/fuzz/fuzz_files.py --replay FILE          one input again, with what it leads to

Four ways of making an input: ``hypothesis`` (whole files drawn over the schema by Hypothesis, which also shrinks what it
finds), ``schema`` (the same by a plain generator, most of them with a few things wrong), ``bytes`` (bundled files with bytes,
lines and pieces of syntax changed), and ``coverage`` (Atheris, a coverage-guided fuzzer: ``pip install atheris``; the corpus
is made on the fly).  Every input is written to a folder of its own and read.  What must hold:

- the reader gives its object, or a `ScenarioError` with at least one problem that names a file, of reasonable length;
- it takes less than a second of CPU time, and memory stays below 200 MB (interpreter and libraries included, the fuzzers' own apart);
- no file is opened but those of the input's folder and the package's own; nothing is compiled, executed, unpickled, started
  or connected to (Python's audit hooks).

What fails is kept as ``finding-<digest>.<what>.yaml`` in ``--keep`` (default: the working folder), and the exit code is 1.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

WHATS = ("scenario", "design", "cluster")
KINDS = ("hypothesis", "schema", "bytes", "coverage")
SECONDS, MEGABYTES, LONGEST_REPORT = 1.0, 200.0, 100_000
#: what reading a file has no business with
FORBIDDEN = (
    "compile", "exec", "pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen",
    "socket.", "ctypes.dlopen", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.symlink", "os.truncate", "shutil.",
)  # fmt: skip
TOKENS = [
    b"", b":", b": ", b"\n", b"  ", b"- ", b"&a ", b"*a", b"!!python/object/apply:os.system [id]", b"!!int ", b"<<: ", b"---\n", b"...\n",
    b"%YAML 1.1\n", b"? ", b"|\n", b">-\n", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8",
    b"~", b"null", b"true", b"1e400", b".nan", b"-0", b"9" * 400, b"2025-02-30", b"extends: ", b"extends: ../../../etc/passwd\n",
    b"extends: /dev/zero\n", b"extends: beside\n", b"extends: outside\n", b"[" * 30, b"{a: " * 30, b"a" * 5000, b"\\x41", b"\r", b"\r\n",
    b"scenario: /dev/zero\n", b"allocation: /dev/zero\n", b"allocation: ../outside.csv\n", b"<script>alert(1)</script>", b"${HOME}",
]  # fmt: skip


@dataclass
class Told:
    """What was measured."""

    inputs: int = 0
    accepted: int = 0
    refused: int = 0
    findings: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0
    total_seconds: float = 0.0
    longest_report: int = 0
    peak_mb: float = 0.0


class Watch:
    """Looks at what the interpreter does while a reader is at work."""

    def __init__(self, folder: Path, packages: Sequence[Path]) -> None:
        self.allowed = tuple(str(each) + os.sep for each in (folder, *packages))
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            name = arguments[0]
            if isinstance(name, int):
                return
            path = os.path.realpath(os.fsdecode(name))
            if not path.startswith(self.allowed):
                self.seen.append(f"opened {path}")
        elif event.startswith(FORBIDDEN):
            self.seen.append(f"{event} {str(arguments)[:200]}")

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self.seen.clear()
        self.on = True
        try:
            yield
        finally:
            self.on = False


def memory_mb() -> float:
    """Peak memory of this process."""
    # not `ru_maxrss` where it can be helped: it begins with what the parent of this process held
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def resident_mb() -> float:
    """Memory of this process now; its peak where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return memory_mb()
    return pages * resource.getpagesize() / 1024**2


class Fuzzer:
    """Reads inputs and keeps the score.

    Parameters
    ----------
    folder : Path
        Inputs are written here; a folder with a secret is made beside it.
    keep : Path
        Where findings go.
    """

    def __init__(self, folder: Path, keep: Path) -> None:
        from countersmuggling import scenarios
        from countersmuggling.experiments import designs
        from countersmuggling.experiments.dask_cluster import read_cluster_file
        from countersmuggling.experiments.designs import load_design
        from countersmuggling.scenarios import ScenarioError, load

        self.keep, self.refusal = keep, ScenarioError
        self.readers: dict[str, Callable[[Path], object]] = {
            "scenario": load, "design": load_design, "cluster": read_cluster_file}  # fmt: skip
        self.folder = folder.resolve() / "own"
        self.folder.mkdir()
        (self.folder / "beside.yaml").write_text("extends: baseline-2025\ntitle: beside\n", encoding="utf-8")
        (folder / "outside.yaml").write_text("extends: baseline-2025\ntitle: secret\n", encoding="utf-8")
        (folder / "outside.csv").write_text("resource,place,quarter,staff\n", encoding="utf-8")
        with contextlib.suppress(OSError):
            (self.folder / "outside.yaml").symlink_to(folder / "outside.yaml")
        self.path = self.folder / "input.yaml"
        self.told = {what: Told() for what in WHATS}
        # what is imported and read once is read before anything is watched
        for what, text in (("scenario", b"extends: baseline-2025\nx: 1\n"), ("design", b"policies: {a: beside.yaml}\n"), ("cluster", b"jobs: 1\n")):
            self.path.write_bytes(text)
            with contextlib.suppress(ScenarioError):
                self.readers[what](self.path)
        import pandas  # a design's allocation is read with it; it looks up the number of cores once

        pandas.read_csv(folder / "outside.csv")
        with contextlib.suppress(ScenarioError):
            load("europol-regulatoin")
        # bundled scenarios, the registry and the tables; bundled designs
        own = Path(scenarios.__file__).resolve().parent, Path(designs.__file__).resolve().parent / "bundled_designs"
        self.watch = Watch(self.folder, own)
        self.idle_mb = memory_mb()

    def read(self, data: bytes, what: str) -> str | None:
        """One input; returns what is wrong with how it was read."""
        told = self.told[what]
        self.path.write_bytes(data)
        wrong: list[str] = []
        highest, resident = memory_mb(), resident_mb()
        before = time.process_time()
        try:
            with self.watch.watching():
                self.readers[what](self.path)
            told.accepted += 1
        except self.refusal as error:
            told.refused += 1
            report = str(error)
            told.longest_report = max(told.longest_report, len(report))
            if not error.problems or not all(problem.file for problem in error.problems):
                wrong.append("a refusal that names no file")
            if len(report) > LONGEST_REPORT or "Traceback" in report:
                wrong.append(f"a report of {len(report):,} characters")
        except Exception:  # noqa: BLE001  whatever it is, it is a finding
            wrong.append(traceback.format_exc())
        seconds = time.process_time() - before
        told.inputs += 1
        told.total_seconds += seconds
        told.slowest_seconds = max(told.slowest_seconds, seconds)
        # the fuzzers keep what they have seen; what reading needs is what it adds to the interpreter with the libraries
        peak = self.idle_mb + (memory_mb() - resident if memory_mb() > highest else 0.0)
        if peak > MEGABYTES:
            wrong.append(f"{peak:.0f} MB of memory")
        told.peak_mb = max(told.peak_mb, peak)
        if seconds > SECONDS:
            wrong.append(f"{seconds:.2f} CPU seconds")
        wrong += self.watch.seen
        if not wrong:
            return None
        self.keep.mkdir(parents=True, exist_ok=True)
        name = f"finding-{hashlib.sha256(data).hexdigest()[:12]}.{what}.yaml"
        (self.keep / name).write_bytes(data)
        told.findings.append(name)
        return f"{name}: {'; '.join(wrong)}"


# ---------------------------------------------------------------------------------------------- making inputs


def seeds(what: str) -> list[bytes]:
    """Files to start from."""
    from countersmuggling.experiments.designs import bundled_design_path, bundled_designs
    from countersmuggling.scenarios import bundled
    from countersmuggling.scenarios.loader import bundled_path

    if what == "scenario":
        return [bundled_path(name).read_bytes() for name in bundled()] + [b"extends: beside\nlevers: {penalties: {on: 2025-07-01}}\n"]
    if what == "design":
        own = b"scenario: beside.yaml\npolicies: {a: {allocation: plan.csv}}\nfactors: {levers.penalties.intensity: {values: [0, 1]}}\n"
        return [bundled_design_path(name).read_bytes() for name in bundled_designs()] + [own]
    return [b"jobs: 4\noptions: {queue: normal, cores: 8, memory: 16GB, walltime: '01:00:00', job_extra_directives: ['--exclusive']}\n"]


def from_schema(rng: random.Random, what: str) -> bytes:
    """A whole file drawn over the schema; two of three with something wrong."""
    from pydantic import BaseModel

    from countersmuggling.experiments.dask_cluster import ClusterFile
    from countersmuggling.experiments.designs import DesignFile
    from countersmuggling.scenarios import Scenario
    from countersmuggling.scenarios.random_scenarios import mutated, random_content
    from countersmuggling.scenarios.yaml_writer import dump

    models: dict[str, type[BaseModel]] = {"scenario": Scenario, "design": DesignFile, "cluster": ClusterFile}
    try:
        content: Any = random_content(rng, models[what])
    except RuntimeError:  # a design whose parts could not be made to fit: an input all the same
        content = {"scenario": "baseline-2025"}
    if rng.random() < 0.3:
        content["extends"] = rng.choice(("baseline-2025", "beside", "outside", "../outside", "/etc/passwd", "input", ".", "\x00", "n" * 300))
    if rng.random() < 0.67:
        content = mutated(rng, content)
    if not isinstance(content, dict):
        content = {"title": content}
    try:
        text = dump(content)
    except (ValueError, TypeError):  # what YAML does not write, such as keys that are no words
        text = json.dumps(content, default=str)
    return text.encode("utf-8", errors="surrogatepass")


def from_bytes(rng: random.Random, what: str, corpus: list[bytes]) -> bytes:
    """A file with a few bytes, lines or pieces of syntax changed, doubled, moved or cut."""
    data = bytearray(rng.choice(corpus))
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice((1, 1, 4, 40, 400)))
        match rng.randrange(8):
            case 0:
                data[at:at] = rng.choice(TOKENS)
            case 1:
                data[at:end] = rng.choice(TOKENS)
            case 2:
                del data[at:end]
            case 3:
                data[at:at] = data[at:end] * rng.choice((1, 2, 50))
            case 4 if data:
                place = rng.randrange(len(data))
                data[place] ^= 1 << rng.randrange(8)
            case 5:
                data[at:end] = rng.randbytes(end - at)
            case 6:
                lines = bytes(data).split(b"\n")
                rng.shuffle(lines)
                data = bytearray(b"\n".join(lines))
            case _:
                other = rng.choice(corpus)
                place = rng.randrange(len(other) + 1)
                data[at:] = other[place:]
    return bytes(data[:1_200_000])


def share_of(number: int) -> str:
    """Which reader the next input is for: four of six are scenarios."""
    return ("scenario", "scenario", "scenario", "scenario", "design", "cluster")[number % 6]


def by_hypothesis(fuzzer: Fuzzer, inputs: int, seed: int) -> list[str]:
    """Hypothesis draws every choice of the generator, and makes a finding as small as it can."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    said: list[str] = []

    @seeded(seed)
    @settings(
        max_examples=inputs, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.randoms(use_true_random=False), st.integers(0, 5))
    def reads(rng: random.Random, number: int) -> None:
        wrong = fuzzer.read(from_schema(rng, share_of(number)), share_of(number))
        if wrong:
            said.append(wrong)
            raise AssertionError(wrong.partition(":")[2][-200:])

    try:
        reads()
    except AssertionError:
        return said[-1:]
    return said


def by_generator(fuzzer: Fuzzer, kind: str, inputs: int, seed: int) -> list[str]:
    """`inputs` inputs of the plain generators."""
    said = []
    corpora = {what: seeds(what) for what in WHATS}
    for number in range(inputs):
        rng, what = random.Random(f"{kind} {seed} {number}"), share_of(number)
        data = from_schema(rng, what) if kind == "schema" else from_bytes(rng, what, corpora[what])
        wrong = fuzzer.read(data, what)
        if wrong:
            said.append(wrong)
    return said


def by_coverage(options: argparse.Namespace) -> int:
    """Atheris over the instrumented readers; ends the process, as libFuzzer does."""
    try:
        import atheris
    except ImportError:
        print("coverage: Atheris is not installed here (pip install atheris); nothing was done", file=sys.stderr)
        return 2
    with atheris.instrument_imports(include=["countersmuggling.scenarios", "countersmuggling.experiments"]):
        import countersmuggling.experiments.dask_cluster
        import countersmuggling.experiments.designs
        import countersmuggling.scenarios  # noqa: F401
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        for number, what in enumerate(WHATS):
            for data in seeds(what):
                (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(bytes([number]) + data)
        tokens = Path(folder) / "tokens"
        words = {t for t in TOKENS if 1 < len(t) < 60} | set(_field_names())
        tokens.write_text("".join(f'"{"".join(f"{chr(92)}x{b:02x}" for b in word)}"\n' for word in sorted(words)), encoding="ascii")
        fuzzer = Fuzzer(Path(folder), options.keep)

        def reads(data: bytes) -> None:
            what = WHATS[data[0] % 8] if data and data[0] % 8 < 3 else "scenario"
            wrong = fuzzer.read(data[1:], what)
            if wrong:
                print(wrong, file=sys.stderr)

        read_fd, write_fd = os.pipe()
        child = os.fork()
        if child == 0:  # libFuzzer leaves by _exit: the child tells the score before its last input ends
            os.close(read_fd)

            def counted(data: bytes) -> None:
                reads(data)
                if sum(t.inputs for t in fuzzer.told.values()) >= options.inputs:
                    os.write(write_fd, json.dumps({w: asdict(t) for w, t in fuzzer.told.items()}).encode())
                    os._exit(0)

            atheris.Setup(
                [sys.argv[0], f"-runs={options.inputs + 10}", f"-seed={options.seed + 1}", "-max_len=20000", "-timeout=900", "-rss_limit_mb=0", f"-artifact_prefix={folder}/",
                 "-verbosity=0", "-print_final_stats=0", f"-dict={tokens}", str(corpus)],
                counted,
            )  # fmt: skip
            atheris.Fuzz()
            os._exit(1)
        os.close(write_fd)
        with os.fdopen(read_fd) as stream:
            text = stream.read()
        os.waitpid(child, 0)
        if not text:
            print("coverage: the fuzzer ended before its time; see above", file=sys.stderr)
            return 1
        told = {what: Told(**values) for what, values in json.loads(text).items()}
        return report("coverage", told, [], options.json, grown=f", corpus grown to {len(list(corpus.iterdir()))} files")


def _field_names() -> Iterator[bytes]:
    from countersmuggling.experiments.designs import DesignFile
    from countersmuggling.scenarios import LEVERS, Scenario

    for name in (*Scenario.model_fields, *LEVERS, *DesignFile.model_fields, "intensity", "ramp_days", "kind", "low", "high", "values"):
        yield f"{name}: ".encode()


# ---------------------------------------------------------------------------------------------- telling


def report(kind: str, told: dict[str, Told], said: list[str], as_json: bool, grown: str = "") -> int:
    """Print the score of one kind; the exit code."""
    for line in said[:20]:
        print(line, file=sys.stderr)
    found = sum(len(t.findings) for t in told.values())
    if as_json:
        print(json.dumps({"kind": kind, **{what: asdict(t) for what, t in told.items()}}))
    else:
        whole = sum(t.inputs for t in told.values())
        parts = ", ".join(f"{t.inputs:,} {what} ({t.accepted:,} accepted)" for what, t in told.items())
        print(
            f"{kind}: {whole:,} inputs: {parts}; slowest {max(t.slowest_seconds for t in told.values()):.2f} CPU s, mean "
            f"{1000 * sum(t.total_seconds for t in told.values()) / max(whole, 1):.1f} ms, peak {max(t.peak_mb for t in told.values()):.0f} MB, "
            f"longest report {max(t.longest_report for t in told.values()):,} characters; {found} finding(s){grown}",
            flush=True,
        )
    return 1 if found else 0


def fuzz(kind: str, inputs: int, seed: int, keep: Path, folder: Path) -> tuple[dict[str, Told], list[str]]:
    """`inputs` inputs of one kind other than ``coverage``, in this process."""
    fuzzer = Fuzzer(folder, keep)
    said = by_hypothesis(fuzzer, inputs, seed) if kind == "hypothesis" else by_generator(fuzzer, kind, inputs, seed)
    return fuzzer.told, said


def replay(path: Path, keep: Path) -> int:
    """Read one finding again."""
    what = next((w for w in WHATS if path.name.endswith(f".{w}.yaml")), "scenario")
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder), keep)
        wrong = fuzzer.read(path.read_bytes(), what)
        print(wrong or f"{path}: read as it should be ({'accepted' if fuzzer.told[what].accepted else 'refused'})")
    return 1 if wrong else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000, metavar="N", help="in all (default: %(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path(), metavar="DIR", help="where findings are kept")
    parser.add_argument("--json", action="store_true", help="one JSON line for each kind")
    parser.add_argument("--tally", type=Path, metavar="FILE", help="work in pieces and note each in FILE; what stands there is not done again")
    parser.add_argument("--piece", type=int, default=2500, metavar="N", help="inputs of a piece (default: %(default)s)")
    parser.add_argument("--minutes", type=float, metavar="M", help="with --tally: begin no piece after M minutes")
    parser.add_argument("--replay", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.replay:
        return replay(options.replay, options.keep)
    if len(options.kinds) == 1 and options.tally is None:
        if options.kinds == ["coverage"]:
            return by_coverage(options)
        with tempfile.TemporaryDirectory() as folder:
            told, said = fuzz(options.kinds[0], options.inputs, options.seed, options.keep, Path(folder))
        return report(options.kinds[0], told, said, options.json)
    share, more = divmod(options.inputs, len(options.kinds))
    return in_pieces(options, {kind: share + (number < more) for number, kind in enumerate(options.kinds)})


def in_pieces(options: argparse.Namespace, wanted: dict[str, int]) -> int:
    """Every kind in processes of its own, so that its memory is its own; what a tally says is done is not done again."""
    import subprocess

    tally: Path | None = options.tally
    lines = tally.read_text(encoding="utf-8").splitlines() if tally and tally.exists() else []
    done = {(line["kind"], line["seed"], line["wanted"]): line for line in map(json.loads, lines)}
    begun, worst, left = time.monotonic(), 0, 0
    for kind, inputs in wanted.items():
        size = options.piece if tally else max(inputs, 1)
        for number, first in enumerate(range(0, inputs, size)):
            piece = kind, options.seed + number, min(size, inputs - first)
            if piece in done:
                continue
            if options.minutes is not None and time.monotonic() - begun > 60.0 * options.minutes:
                left += piece[2]
                continue
            command = [sys.executable, __file__, "--kinds", kind, "--inputs", str(piece[2]), "--seed", str(piece[1]), "--keep", str(options.keep)]
            if tally is None:
                worst = max(worst, subprocess.run(command + ["--json"] * options.json, check=False).returncode)
                continue
            ended = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, check=False)
            worst = max(worst, ended.returncode)
            if not ended.stdout.strip():
                continue
            done[piece] = {"seed": piece[1], "wanted": piece[2], **json.loads(ended.stdout.splitlines()[-1])}
            with tally.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(done[piece]) + "\n")
    if tally is None:
        return worst
    for kind in wanted:
        told = {what: summed([Told(**line[what]) for line in done.values() if line["kind"] == kind]) for what in WHATS}
        worst = max(worst, report(kind, told, [], options.json))
    whole = sum(t["inputs"] for line in done.values() for what, t in line.items() if what in WHATS)
    print(f"{whole:,} inputs in {len(done)} pieces; {f'{left:,} are left: start it again' if left else 'all is done'}")
    return worst


def summed(several: Sequence[Told]) -> Told:
    """The score of several processes."""
    whole = Told()
    for told in several:
        for name, value in asdict(told).items():
            now = getattr(whole, name)
            largest = name in ("slowest_seconds", "longest_report", "peak_mb")
            setattr(whole, name, max(now, value) if largest else now + value)
    return whole


if __name__ == "__main__":
    sys.exit(main())
