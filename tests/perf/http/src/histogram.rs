//! A histogram of times, accurate to a hundredth.

use std::time::Duration;

/// The steps of each power of two.
const STEPS: u64 = 128;

#[derive(Clone, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    most: Duration,
}

impl Histogram {
    pub(crate) fn add(&mut self, time: Duration) {
        let at = bucket(time.as_nanos() as u64);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
        self.total += 1;
        self.most = self.most.max(time);
    }

    /// The time that this share does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return Duration::from_nanos(upper(at)).min(self.most);
            }
        }
        self.most
    }

    /// Median, 99th percentile and longest time in milliseconds.
    pub(crate) fn summary(&self) -> String {
        let times = [self.quantile(0.5), self.quantile(0.99), self.most];
        times
            .map(|time| format!("{:.2}", time.as_secs_f64() * 1e3))
            .join(", ")
    }
}

/// Linear up to `STEPS`, then `STEPS` buckets for each power of two.
fn bucket(ns: u64) -> usize {
    let shift = if ns < STEPS {
        0
    } else {
        u64::from(ns.ilog2()) - u64::from(STEPS.ilog2())
    };
    (shift * STEPS + (ns >> shift)) as usize
}

/// The largest time of a bucket.
fn upper(at: usize) -> u64 {
    let at = at as u64;
    if at < 2 * STEPS {
        return at;
    }
    let shift = at / STEPS - 1;
    ((at - shift * STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_kept_to_within_a_hundredth() {
        let mut ns = 1_u64;
        while ns < 1 << 40 {
            let top = upper(bucket(ns));
            assert!(top >= ns && (top - ns) as f64 <= ns as f64 / 100.0, "{ns}: {top}");
            assert_eq!(bucket(top), bucket(ns));
            assert_eq!(bucket(top + 1), bucket(ns) + 1, "{ns}");
            ns += ns / 50 + 1;
        }
    }

    #[test]
    fn quantiles_are_of_the_added_times() {
        let mut times = Histogram::default();
        assert_eq!(times.quantile(0.5), Duration::ZERO);
        (1..=1000).for_each(|micros| times.add(Duration::from_micros(micros)));
        for (share, micros) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
            let ratio = times.quantile(share).as_secs_f64() * 1e6 / micros;
            assert!((0.99..=1.01).contains(&ratio), "{share}: {ratio}");
        }
        assert_eq!(times.most, Duration::from_millis(1));
    }
}
