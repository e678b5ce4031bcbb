//! Measures receivers over HTTP on loopback; `run.sh` builds and runs it.

mod bench;
mod event;
mod histogram;
mod latency;
mod load;
mod machine;
mod memory;
mod options;
mod report;
mod serve;
mod server;
mod soak;
mod statistics;
mod subject;
mod throughput;
mod wire;

use bench::Bench;
use options::{Options, USAGE};
use report::Report;
use serve::Failure;
use server::Processors;
use soak::Soak;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use subject::{BASE, Subject};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", name, ..] => serve::run(name, &arguments[2..]).map(|()| true),
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => Options::read(arguments).and_then(|options| measure(&options)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench-http: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all that is required holds, or nobody has asked.
fn measure(options: &Options) -> Result<bool, Failure> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = manifest.join("../../target/bench-http");
    // What a smoke test measures is not to be shown.
    let kept = if options.smoke {
        folder.join("smoke")
    } else {
        folder.clone()
    };
    let mut report = Report::new(kept)?;
    let scripts = folder.join("node");
    let node = node(options, &manifest.join("node"), &scripts)?;
    let processors = match (&machine::processors()[..], options.swap) {
        ([server, load, ..], false) | ([load, server, ..], true) => Processors {
            server: *server,
            load: *load,
        },
        _ => return Err("it takes two processors: one for the server, one for the load".into()),
    };
    machine::raise_open_files()?;
    machine::pin(processors.load)?;
    let subjects: Vec<Subject> = subject::ALL
        .into_iter()
        .filter(|subject| node || !subject.is_node())
        .filter(|subject| {
            let named =
                options.subjects.is_empty() || options.subjects.iter().any(|name| name == subject.name);
            named || subject.name == BASE
        })
        .collect();
    let bench = Bench {
        scripts,
        processors,
        rounds: options.rounds,
        time: options.time,
        smoke: options.smoke,
    };
    if options.wants("throughput") {
        report.add(throughput::report(
            &bench,
            &throughput::measure(&bench, &subjects)?,
        ))?;
    }
    if options.wants("latency") {
        report.add(latency::report(&bench, &latency::measure(&bench, &subjects)?))?;
    }
    if options.wants("memory") {
        report.add(memory::report(&bench, &memory::measure(&bench, &subjects)?))?;
    }
    let mut faults = 0;
    if options.wants("soak") {
        let soak = Soak {
            folder: &folder,
            processors,
            time: options.soak,
            rate: options.rate,
        };
        let all: Result<Vec<_>, _> = options.stores.iter().map(|store| soak.run(store)).collect();
        let all = all?;
        faults = all.iter().map(soak::Soaked::faults).sum();
        report.add(soak::report(&all))?;
    }
    let readme = options.readme.then(|| manifest.join("../../README.md"));
    println!("written to {}", report.write(readme.as_deref())?.display());
    // Speed is a matter of the machine, faults are not.
    Ok(faults == 0 && (!options.check || report.missed() == 0))
}

/// Makes what Node.js needs, if it is there; whether it is.
fn node(options: &Options, from: &Path, to: &PathBuf) -> Result<bool, Failure> {
    if !options.node {
        return Ok(false);
    }
    if machine::node().is_none() {
        eprintln!("SKIPPED: without Node.js and npm, what runs in it");
        return Ok(false);
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    let arguments = [
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
    ];
    let installed = std::process::Command::new("npm")
        .args(arguments)
        .current_dir(to)
        .status()?;
    if !installed.success() {
        eprintln!("SKIPPED: npm could not install what runs in Node.js");
    }
    Ok(installed.success())
}
