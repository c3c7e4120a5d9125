//! One value that tells every part how far the process has come in stopping.

use tokio::sync::watch;

/// How far the process has come in stopping; it only ever moves forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Normal work.
    Running,
    /// No new session and no new file is begun; what runs may end.
    Draining,
    /// Sessions still alive are ended with ESID 05.
    Stopping,
}

/// The stage, shared by everyone who must heed it.
#[derive(Clone, Debug)]
pub struct Shutdown {
    stage: watch::Sender<Stage>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// Starts in [`Stage::Running`].
    pub fn new() -> Self {
        Self {
            stage: watch::Sender::new(Stage::Running),
        }
    }

    /// Moves to [`Stage::Draining`].
    pub fn drain(&self) {
        self.advance(Stage::Draining);
    }

    /// Moves to [`Stage::Stopping`].
    pub fn stop(&self) {
        self.advance(Stage::Stopping);
    }

    /// The stage now.
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// True while new sessions and files may be begun.
    pub fn is_running(&self) -> bool {
        self.stage() == Stage::Running
    }

    /// A receiver that sees every change of stage.
    pub fn watch(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// Returns once the stage is at least `stage`.
    pub async fn reached(&self, stage: Stage) {
        let mut watch = self.watch();
        // The sender lives in `self`, so waiting cannot fail while we are here.
        let _ = watch.wait_for(|now| *now >= stage).await;
    }

    fn advance(&self, to: Stage) {
        self.stage.send_if_modified(|stage| {
            let forward = to > *stage;
            if forward {
                *stage = to;
            }
            forward
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_stage_never_moves_back() {
        let shutdown = Shutdown::new();
        shutdown.stop();
        shutdown.drain();
        assert_eq!(shutdown.stage(), Stage::Stopping);
        shutdown.reached(Stage::Draining).await;
        assert!(!shutdown.is_running());
    }
}
