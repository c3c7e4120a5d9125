//! Securing and opening without sessions, and the keys every test of file security uses.

pub(crate) mod keys;
mod work;
