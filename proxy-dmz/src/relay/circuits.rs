//! The connections of one inner half: stopped together, waited for together.

use std::sync::Arc;

use tokio::sync::watch;

/// Everything that runs on behalf of one inner half.
#[derive(Debug, Clone)]
pub struct Circuits {
    stage: Arc<watch::Sender<Stage>>,
    running: Arc<watch::Sender<usize>>,
}

/// How far the circuits of an inner half may still go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Partners may arrive.
    Open,
    /// No partner may arrive any more; circuits go on.
    Draining(&'static str),
    /// All circuits end now.
    Ended(&'static str),
}

/// One connection, counted until it is dropped.
#[derive(Debug)]
pub struct Running {
    stage: watch::Receiver<Stage>,
    running: Arc<watch::Sender<usize>>,
}

impl Circuits {
    /// None yet; partners may arrive.
    #[must_use]
    pub fn new() -> Circuits {
        Circuits {
            stage: Arc::new(watch::Sender::new(Stage::Open)),
            running: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Counts one more connection.
    #[must_use]
    pub fn enter(&self) -> Running {
        self.running.send_modify(|running| *running += 1);
        Running {
            stage: self.stage.subscribe(),
            running: Arc::clone(&self.running),
        }
    }

    /// Moves on to another stage. Before leaving [`Stage::Ended`], wait for [`Circuits::all_gone`].
    pub fn go(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// How many run now.
    #[must_use]
    pub fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Waits until none is left.
    pub async fn all_gone(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self
            .running
            .subscribe()
            .wait_for(|running| *running == 0)
            .await;
    }
}

impl Default for Circuits {
    fn default() -> Circuits {
        Circuits::new()
    }
}

impl Running {
    /// Waits until no partner may arrive any more, and says why.
    pub async fn closing(&self) -> &'static str {
        self.wait(|stage| match stage {
            Stage::Open => None,
            Stage::Draining(why) | Stage::Ended(why) => Some(why),
        })
        .await
    }

    /// Waits until the circuit must end, and says why.
    pub async fn ended(&self) -> &'static str {
        self.wait(|stage| match stage {
            Stage::Open | Stage::Draining(_) => None,
            Stage::Ended(why) => Some(why),
        })
        .await
    }

    async fn wait(&self, reached: impl Fn(Stage) -> Option<&'static str>) -> &'static str {
        let mut stage = self.stage.clone();
        match stage.wait_for(|stage| reached(*stage).is_some()).await {
            Ok(stage) => reached(*stage).unwrap_or(GONE),
            Err(_) => GONE,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.running
            .send_modify(|running| *running = running.saturating_sub(1));
    }
}

const GONE: &str = "the inner half is gone";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn draining_stops_arrivals_and_ending_stops_circuits() {
        let circuits = Circuits::new();
        let running = circuits.enter();
        circuits.go(Stage::Draining("drain"));
        assert_eq!(running.closing().await, "drain");
        circuits.go(Stage::Ended("over"));
        assert_eq!(running.ended().await, "over");
        assert_eq!(circuits.running(), 1);
        drop(running);
        circuits.all_gone().await;
        assert_eq!(circuits.running(), 0);
    }

    #[tokio::test]
    async fn opens_again_after_draining() {
        let circuits = Circuits::new();
        circuits.go(Stage::Draining("drain"));
        circuits.go(Stage::Open);
        let running = circuits.enter();
        let closing = running.closing();
        tokio::pin!(closing);
        assert!(
            std::future::poll_fn(|context| {
                std::task::Poll::Ready(closing.as_mut().poll(context).is_pending())
            })
            .await
        );
    }
}
