//! Named places between two steps that must each survive a kill. Outside tests they are nothing.

/// Passes the place `name`; in tests the process ends here, without any farewell, when it was told
/// to by [`KILL_AT`].
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn point(_name: &'static str) {}

/// Environment variable of the tests: `NAME:N` ends the process at the N-th passing of `NAME`.
#[cfg(test)]
pub(crate) const KILL_AT: &str = "STORE_TEST_KILL_AT";

#[cfg(test)]
pub(crate) fn point(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var(KILL_AT).ok()?;
        let (name, times) = text.split_once(':')?;
        Some((name.to_owned(), times.parse().ok()?))
    });
    if let Some((wanted, times)) = wanted
        && wanted == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *times
    {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
        loop {
            std::thread::park();
        }
    }
}
