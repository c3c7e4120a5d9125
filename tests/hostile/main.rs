//! What strangers, broken partners, full disks and a captured DMZ half try, and how it fails: each
//! with what the operator reads, and without a word to strangers.

mod before_session;
mod captured_dmz;
mod disk;
mod frames;
mod identification;
mod link;
mod outbox;
mod raw_link;
mod secrets;
mod stall;
mod store_lock;
