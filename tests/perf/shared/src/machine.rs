//! The machine: its clocks, its memory and its description.

use rustix::time::{ClockId, clock_gettime};
use std::process::Command;
use std::time::Duration;
use std::{fs, io};

/// The CPU time of this thread.
pub fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// The time since the machine was started. It is the same in all processes.
pub fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// The resident memory of a process in bytes, from Linux' `/proc`.
pub fn resident(process: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kilobytes.ok_or(io::ErrorKind::InvalidData)? * 1024)
}

/// The processor, the system and the compiler, in one line.
pub fn describe() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let model = field("model name").unwrap_or_else(|| "an unknown processor".to_owned());
    let virtual_machine = match field("flags") {
        Some(flags) if flags.split(' ').any(|flag| flag == "hypervisor") => ", virtual",
        _ => "",
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = cpuinfo
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    let mut words = vec![
        format!("{model}{virtual_machine}, {cores} cores"),
        format!("Linux {}", kernel.trim()),
        // Set by `run`.
        std::env::var("PERF_RUSTC").unwrap_or_default(),
    ];
    words.extend(node().map(|version| format!("Node.js {version}")));
    words.retain(|word| !word.is_empty());
    words.join("; ")
}

/// The version of Node.js, if it and npm are installed.
pub fn node() -> Option<String> {
    let version = |program: &str| {
        let output = Command::new(program).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output
            .status
            .success()
            .then(|| text.trim().trim_start_matches('v').to_owned())
    };
    version("npm").and_then(|_| version("node"))
}

/// The date in UTC.
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}
