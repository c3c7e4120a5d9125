//! RFC 5024 section 5.3 (and RFC 2204 5.3): every command as it lies on the line, at every level.

mod answers;
mod opening;
mod receipts;
mod start_file;
