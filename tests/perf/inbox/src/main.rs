//! Measures the inbox. In PostgreSQL: acceptances at 64 connections beside a plain insert, and four
//! processes of workers beside a loop by hand. In SQLite: acceptances beside inline deliveries.
//!
//! Words on the command line select `accept`, `backlog` and `sqlite`. `soak`, with a number of
//! seconds or without, is an inbox in SQLite at 70 % of its peak, and is measured alone.

mod accept;
mod backlog;
mod database;
mod soak;
mod sqlite;

use perf::limits::{Limit, Limits};
use perf::machine;
use perf::options::Options;
use std::process::ExitCode;
use std::time::Duration;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match std::env::var("PERF_INBOX_ROLE").as_deref() {
        Ok("workers") => {
            backlog::work().await;
            return ExitCode::SUCCESS;
        }
        Ok("by hand") => {
            backlog::work_by_hand().await;
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let options = Options::from_env();
    let (rounds, events, backlog) = if options.smoke {
        (1, 200, 200)
    } else {
        (5, 10_000, 100_000)
    };
    let mut limits = Limits::default();
    println!("{}\n", machine::describe());
    if options.smoke || options.words.iter().any(|word| word == "soak") {
        let seconds = options.words.iter().find_map(|word| word.parse().ok());
        let seconds = seconds.unwrap_or(if options.smoke { 2 } else { 3600 });
        soak::measure(Duration::from_secs(seconds), &mut limits).await;
        if !options.smoke {
            return limits.conclude(&options);
        }
    }
    if options.selects("sqlite") {
        println!("| round | handled inline per second | accepted per second |\n| --- | ---: | ---: |");
        let ratio = sqlite::measure(rounds, events).await;
        println!();
        limits.check("SQLite: accepted ÷ handled inline", ratio, Limit::AtLeast(0.5));
    }
    if options.selects("accept") {
        println!("| round | plain inserts per second | acceptances per second |\n| --- | ---: | ---: |");
        let ratio = accept::measure(rounds, events).await;
        println!();
        limits.check(
            "an acceptance ÷ a plain insert, 64 connections",
            ratio,
            Limit::AtMost(2.5),
        );
    }
    let Some(pool) = database::pool(4).await else {
        return limits.conclude(&options);
    };
    if options.selects("backlog") {
        println!("| {backlog} events | accepted per second | worked off per second | ÷ by hand |");
        println!("| --- | ---: | ---: | ---: |");
        let [workers, by_hand] = backlog::measure(&pool, backlog).await;
        println!("| by hand | | {by_hand:.0} | 1 |\n");
        limits.check("workers ÷ a loop by hand", workers / by_hand, Limit::AtLeast(0.8));
        let (rate, seconds) = if options.smoke {
            (50, 1)
        } else {
            ((workers / 4.0) as u64, 20)
        };
        let p99 = backlog::latency(&pool, rate, seconds).await;
        println!(
            "At {rate} events per second, 99 % begin within {} ms.\n",
            p99.unwrap_or(0) + 1
        );
    }
    database::execute(
        &pool,
        "SET client_min_messages = warning; DROP SCHEMA IF EXISTS {} CASCADE",
    )
    .await;
    limits.conclude(&options)
}
