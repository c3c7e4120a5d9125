//! Looking after the keys while the process runs: a token that was away, a certificate about to end.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::Keyring;
use crate::session::{Shutdown, Stage};

/// How often a token that is missing is looked for.
const TOKEN: Duration = Duration::from_secs(60);
/// How often certificates about to end are told of.
const ENDS: Duration = Duration::from_secs(86_400);
/// A certificate that ends within so many days is told of.
const SOON: i64 = 30;

impl Keyring {
    /// Looks after the keys until the process stops.
    pub async fn attend(self: Arc<Self>, shutdown: Shutdown) {
        let mut tokens = interval(TOKEN);
        tokens.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ends = interval(ENDS);
        ends.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ends.tick() => self.tell_of_ends(Timestamp::now()),
                _ = tokens.tick() => {
                    if self.held().misses_token() {
                        self.look_for_token().await;
                    }
                }
                () = shutdown.reached(Stage::Draining) => return,
            }
        }
    }

    async fn look_for_token(self: &Arc<Self>) {
        let keyring = Arc::clone(self);
        match spawn_blocking(move || keyring.take_up()).await {
            Ok(Ok(())) if !self.held().misses_token() => {
                tracing::info!("The keys in the token can be used again.");
            }
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "The keys could not be taken up."),
            // Its panic is in the log; the next look is in a minute.
            Err(_) => {}
        }
    }

    fn tell_of_ends(&self, now: Timestamp) {
        for (key, ended, days) in self.ends_soon(now) {
            if days < 0 {
                tracing::error!(
                    key,
                    ended = %ended,
                    "The certificate of a key in use has ended; `proxy-inner key show` says what does not work any more."
                );
            } else {
                tracing::warn!(
                    key,
                    ends = %ended,
                    days,
                    "The certificate of a key in use ends soon; ask for a new one (`proxy-inner key request`)."
                );
            }
        }
    }

    /// The keys in use whose certificates end within a month or have ended, with the whole days left.
    pub fn ends_soon(&self, now: Timestamp) -> Vec<(String, Timestamp, i64)> {
        let held = self.held();
        let days = |end: Timestamp| (end.as_second() - now.as_second()).div_euclid(86_400);
        held.ends()
            .map(|(key, end)| (key.to_owned(), end, days(end)))
            .filter(|(_, _, days)| *days < SOON)
            .collect()
    }
}
