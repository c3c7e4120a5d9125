//! Signed receipts (RFC 5024 sections 5.3.13 and 5.3.14): ours signed before they go out, those of
//! partners judged when they come.

mod content;
mod difference;
mod judge;
mod sign;

pub(crate) use judge::Judging;
pub(crate) use sign::Ready;

#[cfg(test)]
mod tests;
