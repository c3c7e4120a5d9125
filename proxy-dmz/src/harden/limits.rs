//! Process limits: no core dumps, since memory holds passwords in passing.

use nix::sys::resource::{Resource, setrlimit};

/// Switches core dumps off, for good.
///
/// # Errors
/// When the system refuses; the process should then not go on.
pub fn forbid_core_dumps() -> Result<(), LimitError> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(|error| LimitError {
        problem: error.to_string(),
    })
}

/// A process limit could not be set.
#[derive(Debug, thiserror::Error)]
#[error("core dumps cannot be switched off: {problem}")]
pub struct LimitError {
    problem: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::resource::getrlimit;

    #[test]
    fn leaves_no_room_for_a_core_dump() {
        forbid_core_dumps().expect("allowed to lower a limit");
        assert_eq!(getrlimit(Resource::RLIMIT_CORE).expect("readable"), (0, 0));
    }
}
