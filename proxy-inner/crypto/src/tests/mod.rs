//! Checked against the `openssl` command, and against our own promises.
