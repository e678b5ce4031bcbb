//! Measures receivers over HTTP on loopback.

mod bench;
mod connections;
mod flood;
mod histogram;
mod latency;
mod load;
mod memory;
mod options;
mod processors;
mod receiver;
mod report;
mod request;
mod serve;
mod server;
mod soak;
mod throughput;

use bench::Bench;
use options::{Options, USAGE};
use perf::machine;
use processors::Processors;
use receiver::{BASE, Receiver};
use report::Report;
use serve::Failure;
use soak::Soak;
use std::path::Path;
use std::process::{Command, ExitCode};

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
            eprintln!("http: {error}");
            ExitCode::from(2)
        }
    }
}

/// Measures the selected parts. Returns `false` if an event was lost, or if a limit was missed that
/// is to be checked.
fn measure(options: &Options) -> Result<bool, Failure> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Beside the program, because a temporary folder may be in memory.
    let folder = std::env::current_exe()?.with_file_name("perf-http-files");
    let scripts = folder.join("node");
    let node = install_node(options, &manifest.join("node"), &scripts)?;
    let processors = Processors::find(options.swap);
    let processors = processors.ok_or("two processors are needed: one for the server, one for the load")?;
    processors::raise_open_files()?;
    processors::pin(processors.load)?;
    let selected = |receiver: &Receiver| {
        let named =
            options.receivers.is_empty() || options.receivers.iter().any(|name| name == receiver.name);
        (named || receiver.name == BASE) && (node || !receiver.is_node())
    };
    let receivers: Vec<Receiver> = receiver::ALL.into_iter().filter(selected).collect();
    let mut report = Report::new(options.smoke);
    let bench = Bench {
        scripts,
        processors,
        rounds: options.rounds,
        time: options.time,
        smoke: options.smoke,
    };
    if options.selects("throughput") {
        let measured = throughput::measure(&bench, &receivers)?;
        report.add(throughput::report(&bench, &measured));
    }
    if options.selects("latency") {
        let measured = latency::measure(&bench, &receivers)?;
        report.add(latency::report(&bench, &measured));
    }
    if options.selects("memory") {
        let measured = memory::measure(&bench, &receivers)?;
        report.add(memory::report(&bench, &measured));
    }
    if options.selects("flood") {
        let measured = flood::measure(&bench)?;
        report.add(flood::report(&bench, &measured));
    }
    let mut faults = 0;
    if options.selects("soak") {
        let soak = Soak {
            folder: &folder,
            processors,
            time: options.soak,
            rate: options.rate,
        };
        let all: Result<Vec<_>, _> = options.stores.iter().map(|store| soak.run(store)).collect();
        let all = all?;
        faults = all.iter().map(soak::Soaked::faults).sum();
        report.add(soak::report(&all));
    }
    if options.results && !options.smoke {
        report.write(&manifest.join("../RESULTS.md"))?;
    }
    // A fault is a failure on any machine.
    Ok(faults == 0 && (!options.check || report.missed() == 0))
}

/// Installs the packages of the receivers in Node.js. Returns `false` without Node.js.
fn install_node(options: &Options, from: &Path, to: &Path) -> Result<bool, Failure> {
    if !options.node {
        return Ok(false);
    }
    if machine::node().is_none() {
        eprintln!("SKIPPED: receivers in Node.js, because it or npm is missing");
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
    let installed = Command::new("npm").args(arguments).current_dir(to).status()?;
    if !installed.success() {
        eprintln!("SKIPPED: receivers in Node.js, because npm could not install their packages");
    }
    Ok(installed.success())
}
