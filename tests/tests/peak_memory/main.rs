//! Peak memory of requests. This suite has one test, because the peak is that of the process.
#![cfg(target_os = "linux")]

use apideck_hooks_tests::delivery::Delivery;
use apideck_hooks_tests::malicious::malicious;
use apideck_hooks_tests::probe::Probe;

/// The largest resident size of the process so far, in MiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

#[tokio::test]
async fn malicious_bodies_take_bounded_memory() {
    let hooks = Probe::default().hooks().build().unwrap();
    let bodies = malicious();
    let before = peak();
    for round in 0..3 {
        for (what, body) in &bodies {
            let key = format!("{round}-{}", what.replace([' ', ','], "-"));
            let signed = Delivery::of(body.clone()).header("x-apideck-idempotency-key", &key);
            let forged = signed.clone().signature(&"0".repeat(64));
            for delivery in [signed, forged] {
                let status = delivery.call(&hooks).await.status;
                assert!([200, 401, 413, 422].contains(&status), "{what}: {status}");
            }
        }
    }
    // One request at a time, with a body limit of 1 MiB. A tree of 100,000 keys takes most.
    let grown = peak() - before;
    println!("the peak has grown by {grown} MiB");
    assert!(grown < 64, "the peak has grown by {grown} MiB");
}
