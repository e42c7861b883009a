"""The command line: ``csi2pc demo``, ``train``, ``evaluate``, ``compare``, ``infer``, ... (:data:`COMMANDS`)."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from . import __version__
from .errors import DIVERGED, ConfigError, CSI2PCError, DataError, Interrupted, TrainingError
from .progress import console

# Each command imports what it needs when it runs: `csi2pc --help` answers at once.


def _demo(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="csi2pc demo", description="Simulate, train, evaluate and infer, end to end.")
    parser.add_argument("--out", default="runs/demo", type=Path, help="folder to write (default: %(default)s)")
    given = parser.parse_args(arguments)
    from .engine.demo import demo

    demo(given.out)


def _train(arguments: Sequence[str]) -> None:
    from .config import RunConfig, parse, parser_for
    from .engine.train import train

    parser = parser_for(RunConfig, prog="csi2pc train", description="Train a model; see configs/ for examples.")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run folder")
    config, given = parse(parser, RunConfig, arguments)
    run = train(config, resume=given.resume)
    console.print(f"wrote {run.path}; next: csi2pc evaluate {run.path}")


def _evaluate(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(
        prog="csi2pc evaluate", description="Score a run's model and the blind baselines on every frame of one part."
    )
    parser.add_argument("run", type=Path, help="run folder that csi2pc train wrote")
    parser.add_argument("--split", default="test", choices=["test", "validation", "train"], help="default: %(default)s")
    parser.add_argument("--root", help="where the data is now, if it moved since training")
    parser.add_argument("--device", default="cpu", help="where the model computes (default: %(default)s)")
    parser.add_argument("--blind", type=Path, help="folder in which runs on the same data share the blind baselines")
    given = parser.parse_args(arguments)
    from .engine.evaluate import evaluate
    from .evaluation.summary import table, words

    summary = evaluate(given.run, split=given.split, root=given.root, device=given.device, blind=given.blind)
    console.print(table(summary))
    for sentence in words(summary):
        console.print(f"- {sentence}")


def _compare(arguments: Sequence[str]) -> None:
    from .config import parse, parser_for
    from .engine.compare_config import CompareConfig

    parser = parser_for(
        CompareConfig, prog="csi2pc compare", description="Train and evaluate variants side by side; see configs/."
    )
    parser.add_argument("runs", nargs="*", type=Path, help="instead of --config: evaluated run folders")
    config, given = parse(parser, CompareConfig, arguments)
    from .engine.compare import compare
    from .engine.compare_finished import compare_finished
    from .evaluation.comparison_words import comparison_table, comparison_words

    if given.runs:
        settings = {"by": config.by, "resamples": config.resamples, "confidence": config.confidence}
        if config != CompareConfig(**settings):
            raise ConfigError("compare needs either run folders or --config FILE with its settings, and not both")
        summary = compare_finished(given.runs, **settings)
    else:
        summary = compare(config, Path(given.config[-1].absolute).parent if given.config else Path("."))
    for dataset in summary.datasets:
        console.print(comparison_table(summary, dataset))
    for sentence in comparison_words(summary):
        console.print(f"- {sentence}", markup=False)
    if given.runs:
        return
    console.print(f"wrote {config.out}; next: csi2pc report {config.out}")
    if summary.done < summary.planned:
        raise DataError(f"{summary.planned - summary.done} runs are not done; {config.out}/runs.json says why")


def _report(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(
        prog="csi2pc report", description="Make one HTML page of a run or a comparison, with its tables and figures."
    )
    parser.add_argument("folder", type=Path, help="what csi2pc train or csi2pc compare wrote")
    parser.add_argument("--out", type=Path, metavar="FILE.html", help="default: report.html in the folder")
    given = parser.parse_args(arguments)
    from .engine.report import report

    report(given.folder, given.out)


def _view(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="csi2pc view", description="Show clouds over time in a browser on this machine.")
    _add_clouds(parser)
    parser.add_argument("--port", type=int, default=0, help="of the loopback address (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    given = parser.parse_args(arguments)
    from .engine.view import view

    view(given.folder, port=given.port, open_browser=not given.no_browser, sequence=given.sequence, root=given.root)


def _animate(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="csi2pc animate", description="Write clouds over time as a film, without a display.")
    _add_clouds(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="FILE.gif, or FILE.mp4 (needs ffmpeg)")
    parser.add_argument("--rate", type=float, default=10.0, help="clouds a second where no times were recorded (10)")
    given = parser.parse_args(arguments)
    from .engine.animate import animate

    film = animate(given.folder, given.out, sequence=given.sequence, rate=given.rate, root=given.root)
    for note in film.notes:
        console.print(f"note: {note}", markup=False)
    console.print(f"wrote {film.path}: {film.frames} clouds of {film.sequence}, {film.seconds:.1f} s", markup=False)


def _add_clouds(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="what csi2pc infer, evaluate or simulate wrote")
    parser.add_argument("--sequence", help="which one to begin with (default: the first)")
    parser.add_argument("--root", help="where a run's data is now, if it moved since training")


def _infer(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="csi2pc infer", description="Turn captured CSI into point clouds (PLY and NPZ).")
    parser.add_argument("captures", nargs="*", type=Path, metavar="CAPTURE", help="capture file or MM-Fi folder")
    parser.add_argument("--checkpoint", required=True, type=Path, help="run folder or checkpoint file")
    parser.add_argument("--out", required=True, type=Path, help="folder to write")
    parser.add_argument("--rate", type=float, help="clouds a second (default: windows without overlap)")
    _add_reader(parser)
    parser.add_argument("--device", default="cpu", help="where the model computes (default: %(default)s)")
    live = parser.add_argument_group("live, from ESP32 lines as they come")
    live.add_argument("--follow", metavar="FILE|udp://HOST:PORT", help="a growing file or a socket instead of captures")
    live.add_argument("--start", choices=["beginning", "now"], help="of a file (default: beginning)")
    live.add_argument("--seconds", type=float, help="stop after so many; default: on Ctrl-C or SIGTERM")
    live.add_argument("--idle-seconds", type=float, help="stop when nothing came for so many")
    live.add_argument("--queue", type=int, help="windows that may wait before the oldest are dropped and counted")
    given = parser.parse_args(arguments)
    options = {"rate": given.rate, "reader": _reader(given), "device": given.device}
    if bool(given.captures) == (given.follow is not None):
        raise ConfigError("infer needs either captures or --follow SOURCE, and not both")
    names = ("start", "seconds", "idle_seconds", "queue")
    how = {name: value for name in names if (value := getattr(given, name)) is not None}
    if given.follow is None and how:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in how)
        raise ConfigError(f"{listed} goes with --follow alone; got captures: leave it out")
    if given.follow is not None:
        from .engine.follow import follow

        done = follow(given.checkpoint, given.follow, given.out, **options, **how)
        console.print(done.tally.summary())
        return
    from .engine.infer import infer

    results = infer(given.checkpoint, given.captures, given.out, **options)
    for done in results:
        if done.clouds:
            console.print(f"{done.capture}: {done.clouds} clouds in {done.folder}; {done.report.summary()}")
        else:
            console.print(f"{done.capture}: no clouds: {done.report.skipped[0].where}", markup=False)
    if not all(done.clouds for done in results):
        raise DataError("some captures gave no clouds, as listed above; the others are written")


def _add_reader(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--reader", nargs="+", default=[], metavar="OPTION=VALUE", help="of the captures' reader: training_field=lltf"
    )


def _reader(given: Namespace) -> dict[str, str]:
    wrong = [option for option in given.reader if "=" not in option]
    if wrong:
        example = "training_field=lltf, behind the captures"
        raise ConfigError(f"--reader takes OPTION=VALUE; got {wrong[0]!r}: such as {example}")
    return dict(option.partition("=")[::2] for option in given.reader)


def _inspect(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="csi2pc inspect", description="Say what a capture is, in about ten lines.")
    parser.add_argument("capture", type=Path, help="file or folder")
    parser.add_argument("--layout", type=int, default=0, help="which one, where a file holds several (default: 0)")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it as well (png, pdf, svg)")
    parser.add_argument("--json", action="store_true", help="everything, for machines")
    _add_reader(parser)
    given = parser.parse_args(arguments)
    from .engine.inspect_capture import in_words, inspect_capture

    about = inspect_capture(given.capture, layout=given.layout, reader=_reader(given), plot=given.plot)
    print(json.dumps(about, indent=2, allow_nan=False) if given.json else "\n".join(in_words(about)))


def _convert(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="csi2pc convert", description="Write captures as this project's HDF5 or NPZ files.")
    parser.add_argument("captures", nargs="+", type=Path, metavar="CAPTURE", help="files or folders")
    parser.add_argument("--out", required=True, type=Path, help="FILE.h5 or FILE.npz for one capture, else a folder")
    parser.add_argument("--kind", choices=["h5", "npz"], help="of the files in a folder (default: h5)")
    _add_reader(parser)
    given = parser.parse_args(arguments)
    from .engine.convert import convert

    for done in convert(given.captures, given.out, kind=given.kind, reader=_reader(given)):
        console.print(
            f"{done.capture}: {done.packets} packets, {done.layouts} layout(s) in {done.file}; {done.report.summary()}"
        )


def _pair(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(
        prog="csi2pc pair", description="Say how a manifest's captures and targets meet in time. Writes nothing."
    )
    parser.add_argument("manifest", type=Path, help="YAML file; see datasets/recordings/README.md")
    parser.add_argument("--root", type=Path, help="what its paths are relative to (default: its own folder)")
    parser.add_argument("--tolerance", type=float, metavar="SECONDS", help="in place of the manifest's own")
    parser.add_argument(
        "--estimate-offset", action="store_true", help="estimate a constant clock offset from motion; only reported"
    )
    parser.add_argument("--config", type=Path, help="a run's settings: pair with its windows and its target")
    parser.add_argument("--workers", type=int, default=0, help="processes (default: 0, this one)")
    parser.add_argument("--json", action="store_true", help="everything, for machines")
    given = parser.parse_args(arguments)
    from .config import RunConfig, load_config
    from .engine.pair import pair, table

    settings = RunConfig() if given.config is None else load_config(given.config)
    paired = pair(
        given.manifest, given.root, tolerance=given.tolerance, estimate_offset=given.estimate_offset,
        prepare=settings.prepare, target=None if given.config is None else settings.data.target,
        workers=given.workers,
    )  # fmt: skip
    print(json.dumps(paired.as_dict(), indent=2, allow_nan=False) if given.json else table(paired))


def _prepare(arguments: Sequence[str]) -> None:
    from .config import RunConfig, parse, parser_for
    from .engine.prepare_data import prepare_data

    parser = parser_for(
        RunConfig, prog="csi2pc prepare", description="Write a data set, prepared as for training, as one HDF5 file."
    )
    parser.add_argument("source", nargs="?", type=Path, help="a manifest, or a root in MM-Fi's layout: the data")
    parser.add_argument("--workers", type=int, default=None, help="processes (default: data.workers)")
    config, given = parse(parser, RunConfig, arguments)
    if given.source is not None:
        chosen = {"kind": "mmfi", "root": str(given.source), "manifest": None}
        if not given.source.is_dir():
            chosen = {"kind": "recordings", "manifest": str(given.source)}
        config = replace(config, data=replace(config.data, **chosen))
    report = prepare_data(config, config.out, workers=given.workers)
    console.print(f"{config.out}: {report.summary()}; train from it with --data.cache_file {config.out}")


def _simulate(arguments: Sequence[str]) -> None:
    from .config import parse, parser_for
    from .sim import SimConfig, simulate

    parser = parser_for(SimConfig, prog="csi2pc simulate", description="Write a simulated data set in MM-Fi's layout.")
    parser.add_argument("--out", type=Path, help="folder to write")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: 1)")
    parser.add_argument("--verify", type=Path, metavar="FOLDER", help="compare a simulated data set with its checksums")
    parser.add_argument("--preview", type=Path, metavar="FILE.png", help="draw one sequence on a sheet instead")
    parser.add_argument("--sequence", metavar="S01/A13", help="which one to draw (default: the first)")
    config, given = parse(parser, SimConfig, arguments)
    if given.verify is not None:
        from .sim.checksums import verify

        found = verify(given.verify)
        console.print(f"{given.verify}: {found.summary()}")
        for skipped in found.skipped:
            console.print(f"{skipped.where}: {skipped.reason}", markup=False)
        if found.skipped:
            raise DataError(f"{given.verify} is not as it was simulated: simulate it again into a new folder")
        return
    if given.preview is not None:
        from .evaluation.simulation_sheet import simulation_sheet

        simulation_sheet(config, given.preview, sequence=given.sequence)
        console.print(f"wrote {given.preview}")
        return
    if given.out is None:
        raise ConfigError("simulate needs --out FOLDER to write to, or --preview FILE.png to look at one sequence")
    report = simulate(config, given.out, workers=given.workers)
    console.print(f"wrote {given.out}: {report.summary()}")


COMMANDS: dict[str, tuple[Callable[[Sequence[str]], None], str]] = {
    "demo": (_demo, "simulate, train, evaluate and infer in a few minutes, without any download"),
    "train": (_train, "train a model on a recorded data set"),
    "evaluate": (_evaluate, "score a run and the blind baselines, frame by frame"),
    "compare": (_compare, "train and evaluate variants side by side: losses, models, preparations"),
    "infer": (_infer, "turn captured CSI files into point clouds"),
    "report": (_report, "one HTML page of a run or a comparison"),
    "view": (_view, "clouds over time in a browser, target beside prediction"),
    "animate": (_animate, "clouds over time as GIF or MP4"),
    "inspect": (_inspect, "say what a captured CSI file is, and draw it"),
    "convert": (_convert, "write captured CSI as HDF5 or NPZ"),
    "prepare": (_prepare, "write a data set as one file that training reads many times as fast"),
    "pair": (_pair, "say how a manifest's captures and targets meet in time"),
    "simulate": (_simulate, "write a simulated data set in MM-Fi's layout"),
}


def _usage() -> str:
    lines = [f"  {name:10s} {text}" for name, (_, text) in COMMANDS.items()]
    return "\n".join(["usage: csi2pc COMMAND [--help | options]", "", *lines])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        the exit status: 0, 1 for an error that the message explains, 2 for wrong usage, 3 where a training was not
        finite any more, 130 when interrupted.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(f"csi2pc {__version__}")
        return 0
    if arguments[0] not in COMMANDS:
        print(f"unknown command {arguments[0]!r}\n{_usage()}", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]][0](arguments[1:])
    except Interrupted as error:
        print(f"csi2pc {arguments[0]}: {error}", file=sys.stderr)
        return 130
    except TrainingError as error:
        print(f"csi2pc {arguments[0]}: {error}", file=sys.stderr)
        return DIVERGED
    except CSI2PCError as error:
        print(f"csi2pc {arguments[0]}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stderr.close()
        return 0
    except OSError as error:
        print(f"csi2pc {arguments[0]}: {error.strerror or error}: {error.filename or 'no file named'}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"csi2pc {arguments[0]}: interrupted", file=sys.stderr)
        return 130
    return 0
