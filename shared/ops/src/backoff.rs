//! Pure full-jitter back-off: the next delay from the attempt's number and a random draw.

use std::time::Duration;

/// How long to wait before trying again: anywhere between nothing and a ceiling that doubles with
/// each attempt, so that many who lost the same thing do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Ceiling of the delay before the first retry.
    pub first: Duration,
    /// Ceiling that doubling never exceeds.
    pub most: Duration,
}

impl Backoff {
    /// The delay before retry number `attempt` (0 is the first), for a draw of 0.0 to 1.0;
    /// a draw outside is taken to its nearest end.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let factor = 2_u32.checked_pow(attempt).unwrap_or(u32::MAX);
        let ceiling = self.first.saturating_mul(factor).min(self.most);
        let random = if random.is_finite() {
            random.clamp(0.0, 1.0)
        } else {
            1.0
        };
        ceiling.mul_f64(random)
    }
}

/// A draw for [`Backoff::delay`], 0.0 to 1.0, from the system's randomness. Without any (no known
/// system) it is 1.0: the longest delay is the safe one.
pub fn draw() -> f64 {
    getrandom::u32().map_or(1.0, |number| f64::from(number) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_millis(500),
        most: Duration::from_secs(30),
    };

    #[test]
    fn ceiling_doubles_up_to_the_most() {
        let ceilings: Vec<_> = [0, 1, 2, 6, 7, 31, 32, u32::MAX]
            .map(|n| BACKOFF.delay(n, 1.0).as_millis())
            .into();
        assert_eq!(
            ceilings,
            [500, 1_000, 2_000, 30_000, 30_000, 30_000, 30_000, 30_000]
        );
    }

    #[test]
    fn draw_spreads_over_the_whole_ceiling() {
        assert_eq!(BACKOFF.delay(0, 0.0), Duration::ZERO);
        assert_eq!(BACKOFF.delay(0, 0.5), Duration::from_millis(250));
        assert_eq!(BACKOFF.delay(0, 7.0), Duration::from_millis(500));
        assert_eq!(BACKOFF.delay(0, f64::NAN), Duration::from_millis(500));
        assert!((0.0..=1.0).contains(&draw()));
    }
}
